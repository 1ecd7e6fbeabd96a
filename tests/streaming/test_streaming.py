"""Streaming gives what the model gives, however the set is cut into chunks and wherever its activations lie."""

import errno
import os

import pytest
import torch
from torch import nn

from setwise import SetBatch, models
from setwise._checks import InputError
from setwise.layers import SetAttentionBlock
from setwise.models.stream import count_sweeps, stream
from setwise.streaming import parse_bytes, scratch
from setwise.testing import assert_close
from setwise.variants import NORMS, POOLS
from tests.fixtures.held import Held

SIZE = 37
RESIDUALS = (("equivariant", "clean"), ("equivariant", "non-clean"), ("mean", "clean"), ("max", "clean"))


def build(name, *, dtype=torch.float64, **choices):
    """Build a model whose every parameter and running statistic is drawn."""
    model = models.build(name, in_features=3, out_features=2, width=20, **choices).to(dtype).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
        for buffer in model.buffers():
            buffer += torch.rand_like(buffer)
    return model


def check(model, *, size=SIZE, shift=5.0, tolerance=1e-10, covariates=None, **choices):
    dtype = next(model.parameters()).dtype
    elements = torch.randn(size, 3, dtype=dtype) * 2 + shift
    want = model(SetBatch.from_list([elements], covariates)).detach()
    few = (1, 7) if size < 100 else (101,)  # elements at a time; one by one is slow
    for chunk in (*few, size + 1 >> 1, size, 10 * size):
        got = stream(model, Held(elements), covariates, chunk=chunk, **choices)
        assert_close(got, want, f"chunks of {chunk}", tolerance)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(("residual", "path"), RESIDUALS)
def test_every_norm_and_residual(norm, residual, path):
    check(build("deep-sets++", depth=4, norm=norm, residual=residual, path=path))
    check(build("set-transformer++", depth=2, norm=norm, residual=residual, path=path, inducing=5))


@pytest.mark.parametrize("norm", NORMS)
def test_without_residuals(norm):
    check(build("deep-sets", depth=2, norm=norm))


@pytest.mark.parametrize("pool", POOLS)
def test_every_pooling_with_covariates(pool):
    covariates = torch.randn(1, 5, dtype=torch.float64)
    check(build("deep-sets++", depth=2, pool=pool, covariates=5), covariates=covariates)
    check(build("set-transformer++", depth=1, covariates=5), covariates=covariates)


def test_set_of_one_element():
    check(build("deep-sets++", depth=2), size=1)


@pytest.mark.parametrize("name", ["deep-sets++", "set-transformer++"])
def test_single_precision_far_from_zero(name):
    model = build(name, depth=4, dtype=torch.float32)
    check(model, size=2003, shift=300.0, tolerance=1e-4)


@pytest.mark.parametrize("name", ["deep-sets++", "set-transformer++"])
def test_activations_in_a_file(name, tmp_path, monkeypatch):
    monkeypatch.setattr(scratch.tempfile, "tempdir", str(tmp_path))
    made = []
    fallocate = os.posix_fallocate
    monkeypatch.setattr(os, "posix_fallocate", lambda *a: (made.append(a[2]), fallocate(*a)))
    check(build(name, depth=4), memory_limit=1)
    assert made
    assert set(made) == {SIZE * 20 * 8}
    assert not list(tmp_path.iterdir())


def test_activations_in_memory_where_they_fit(monkeypatch):
    monkeypatch.setattr(os, "posix_fallocate", lambda *_: pytest.fail("a file was made"))
    check(build("deep-sets++", depth=2), memory_limit=SIZE * 20 * 8)


def test_full_disk(monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    model, rows = build("deep-sets++", depth=2), Held(torch.randn(SIZE, 3, dtype=torch.float64))
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(InputError, match=r"scratch file of 0\.0 GiB in .*No space left on device\. Free some space"):
        stream(model, rows, memory_limit=1)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no device that is always full")  # noqa: PTH110
def test_disk_that_fills_up(monkeypatch):
    monkeypatch.setattr(os, "posix_fallocate", lambda *_: None)
    monkeypatch.setattr(scratch.tempfile, "TemporaryFile", lambda **_: open("/dev/full", "r+b", buffering=0))  # noqa: PTH123, SIM115
    model, rows = build("deep-sets++", depth=2), Held(torch.randn(SIZE, 3, dtype=torch.float64))
    with pytest.raises(InputError, match="scratch file"):
        stream(model, rows, memory_limit=1)


def test_categories_and_images():
    categories = models.build(
        "deep-sets++", in_features=2, out_features=2, depth=2, width=20, elements="categories", categories=(5, 7)
    ).eval()
    codes = torch.stack([torch.randint(0, 5, (SIZE,)), torch.randint(0, 7, (SIZE,))], 1)
    want = categories(SetBatch.from_list([codes])).detach()
    assert_close(stream(categories, Held(codes), chunk=5), want, "categories", 1e-5)
    pixels = torch.randn(3, 1, 46, 46)
    for name in ("set-transformer", "set-transformer++"):
        images = models.build(name, in_features=1, out_features=2, depth=1, width=20, elements="images").eval()
        want = images(SetBatch.from_list([pixels])).detach()
        assert_close(stream(images, Held(pixels), chunk=2), want, "images", 1e-5)
        assert_close(stream(images, Held(pixels), chunk=2, memory_limit=1), want, "images", 1e-5)


def test_rows_are_counted_and_the_model_stays_as_it_was():
    model = build("deep-sets++", depth=4).train()
    rows = Held(torch.randn(SIZE, 3, dtype=torch.float64))
    seen = []
    stream(model, rows, chunk=5, on_rows=seen.append)
    assert sum(seen) == SIZE * count_sweeps(model, rows)
    assert max(seen) == 5
    assert count_sweeps(model, rows) == 2 * 2 + 1 + 1  # two for each block, the last norm, the pooling
    assert model.training


def test_other_elements_and_layers_are_refused():
    model = build("deep-sets++", depth=2)
    with pytest.raises(InputError, match=r"shape \(N, 3\)"):
        stream(model, Held(torch.randn(5, 2, dtype=torch.float64)))
    with pytest.raises(InputError, match="covariates"):
        stream(model, Held(torch.randn(5, 3, dtype=torch.float64)), torch.ones(1, 1))
    model.encoder = nn.Sequential(SetAttentionBlock(3, 20, path="non-clean")).double()
    with pytest.raises(TypeError, match="SetAttentionBlock does not"):
        stream(model, Held(torch.randn(5, 3, dtype=torch.float64)))


def test_amounts_of_memory():
    assert [parse_bytes(x) for x in ("2GiB", "500 MB", "7", "1.5kib")] == [2**31, 500_000_000, 7, 1536]
    for text in ("", "2 GX", "0MB", "-1GB", "much"):
        with pytest.raises(InputError, match="such as 2GiB"):
            parse_bytes(text)
