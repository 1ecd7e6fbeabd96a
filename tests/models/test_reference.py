"""Agreement with the authors' code: outputs, loss and every gradient of 36 small models."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import setwise as sw
from setwise._checks import InputError
from setwise.models.reference import _rename
from tests.fixtures.gradients import gradient_of

CASES = 36
OWN = Path(__file__).parents[1] / "golden"  # four of them, which come with the project


def _cases(golden):
    return json.loads((golden / "index.json").read_text())


def _words(case):
    words = {key: case[key] for key in ("family", "norm")}
    words["residual_pipeline"] = None if case["residual_pipeline"] == "none" else case["residual_pipeline"]
    if case["family"] == "deep_sets":
        words["residual_pipeline"] = None
    return words | {"aggregation": case["aggregation"]}


def _tensors(arrays, prefix):
    return {key.removeprefix(prefix): torch.tensor(arrays[key]) for key in arrays.files if key.startswith(prefix)}


def _relative(got, expected):
    return float((got.detach() - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize("case", _cases(OWN), ids=lambda case: case["name"])
def test_golden_numbers_of_the_project(case):
    _check_case(OWN, case)


@pytest.mark.parametrize("number", range(CASES))
def test_golden(golden, number):
    cases = _cases(golden)
    assert len(cases) == CASES
    _check_case(golden, cases[number])


def _check_case(folder, case):
    """Check that outputs, loss and every gradient of a model are those of the authors' code."""
    arrays = np.load(folder / f"{case['name']}.npz")
    model = sw.models.load_reference(_tensors(arrays, "state/"), **_words(case))
    sizes = arrays["input/sizes"]
    batch = sw.SetBatch.from_padded(torch.tensor(arrays["input/elements"]), sizes)
    batch.elements.requires_grad_()

    output = model(batch)
    loss = output.square().mean()
    loss.backward()
    with torch.no_grad():
        evaluated = model.eval()(batch)

    assert _relative(output, torch.tensor(arrays["output/train"])) < 1e-10
    assert _relative(evaluated, torch.tensor(arrays["output/eval"])) < 1e-10
    assert _relative(loss, torch.tensor(arrays["loss"])) < 1e-10

    gradients = _tensors(arrays, "grad/")
    of_elements = sw.SetBatch.from_padded(gradients.pop("elements"), sizes).elements
    largest = max(float(g.abs().max()) for g in gradients.values())
    assert float((gradient_of(batch.elements) - of_elements).abs().max()) < 1e-10 * largest
    parameters = dict(model.named_parameters())
    renamed = _rename(gradients, case["family"])
    unused = {key for key in renamed if "gather.norm_queries." in key}
    assert renamed.keys() - unused == parameters.keys()
    for name, parameter in parameters.items():
        assert float((gradient_of(parameter) - renamed[name]).abs().max()) < 1e-10 * largest, name


def test_checkpoint_file(golden, tmp_path):
    case = next(case for case in _cases(golden) if case["name"] == "deep_sets2-he-set_norm-d2")
    state = _tensors(np.load(golden / f"{case['name']}.npz"), "state/")
    torch.save(state, tmp_path / "model.pt")
    loaded = sw.models.load_reference(tmp_path / "model.pt", **_words(case))
    batch = sw.SetBatch.from_list([torch.randn(5, 3, dtype=torch.float64)])
    assert torch.equal(loaded(batch), sw.models.load_reference(state, **_words(case))(batch))
    assert isinstance(loaded.spec, sw.models.DeepSetsSpec)
    assert loaded.spec.depth == 4  # two blocks of two linear layers


def test_wrong_words_and_files(golden, tmp_path):
    case = next(case for case in _cases(golden) if case["name"] == "deep_sets2-he-set_norm-d2")
    state = _tensors(np.load(golden / f"{case['name']}.npz"), "state/")
    with pytest.raises(InputError, match="does not fit"):
        sw.models.load_reference(state, family="deep_sets2", norm="none", residual_pipeline="he")
    with pytest.raises(InputError, match="does not fit"):
        sw.models.load_reference(state, family="deep_sets2", norm="set_norm", residual_pipeline="resnet")
    with pytest.raises(InputError, match="residual_pipeline of deep_sets2 must be one of"):
        sw.models.load_reference(state, family="deep_sets2", norm="set_norm")
    with pytest.raises(InputError, match="family must be one of"):
        sw.models.load_reference(state, family="pointnet")
    with pytest.raises(InputError, match="is not there"):
        sw.models.load_reference(tmp_path / "none.pt", family="deep_sets")
    for content in (b"not a checkpoint", b"set_id,a\np000,1.5\n", b""):
        (tmp_path / "bad.pt").write_bytes(content)
        with pytest.raises(InputError, match="cannot be read"):
            sw.models.load_reference(tmp_path / "bad.pt", family="deep_sets")
