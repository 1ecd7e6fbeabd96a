"""Low memory changes what is kept for the backward pass, and nothing else."""

from importlib.util import find_spec

import pytest
import torch

from benchmarks.measure import kept_bytes, peak_allocated
from setwise import SetBatch, models
from setwise._checks import InputError
from setwise.testing import assert_close


def gradients(model, batch, memory):
    model.memory = memory
    model.zero_grad()
    kept = []
    pack = torch.autograd.graph.saved_tensors_hooks(lambda t: (kept.append(t.numel()), t)[1], lambda t: t)
    with pack:
        output = model(batch)
    output.square().sum().backward()
    return output.detach(), [p.grad.clone() for p in model.parameters()], sum(kept)


@pytest.mark.parametrize("name", ["deep-sets++", "set-transformer++"])
@pytest.mark.parametrize("norm", ["set", "feature"])
def test_the_same_gradients_from_less_memory(name, norm):
    model = models.build(name, in_features=3, out_features=2, depth=4, width=20, norm=norm).double().train()
    start = {k: v.clone() for k, v in model.state_dict().items()}
    batch = SetBatch.from_list([torch.randn(n, 3, dtype=torch.float64) for n in (1, 53, 211)])
    output, want, much = gradients(model, batch, "normal")
    buffers = [b.clone() for b in model.buffers()]
    model.load_state_dict(start)
    again, got, little = gradients(model, batch, "low")
    assert_close(again, output, "output")
    for (parameter, _), a, b in zip(model.named_parameters(), got, want, strict=True):
        assert_close(a, b, parameter, 1e-9)
    for a, b in zip(model.buffers(), buffers, strict=True):
        assert_close(a, b, "running statistics")
    assert little < much / 2


def test_other_words_are_refused():
    model = models.build("deep-sets", in_features=3, out_features=2)
    model.memory = "none"
    with pytest.raises(InputError, match="memory must be one of 'normal', 'low'; got 'none'"):
        model(SetBatch.from_list([torch.ones(2, 3)]))


def test_memory_grows_as_the_square_root_of_the_depth():
    batch = SetBatch.from_list([torch.randn(n, 3) for n in (1, 53, 457)])  # enough numbers for the compiled loops

    def tensors(depth):
        model = models.build("deep-sets++", in_features=3, out_features=1, depth=depth, width=131)
        model.memory = "low"
        for parameter in model.parameters():
            parameter.grad = torch.zeros_like(parameter)
        return peak_allocated(lambda: model(batch).sum().backward()) / (4 * 511 * 131)

    few, many = tensors(50), tensors(200)
    assert few < 28, f"{few:.1f} tensors for 25 blocks"
    assert many < 2.5 * few, f"{many:.1f} tensors for 100 blocks, {few:.1f} for 25"


@pytest.mark.slow
def test_one_thousand_layers_take_at_most_four_times_the_memory_of_fifty():
    batch = SetBatch.from_list([torch.randn(n, 3) for n in (1, 31)])

    def peak(depth):
        model = models.build("deep-sets++", in_features=3, out_features=1, depth=depth, width=8)
        model.memory = "low"
        for parameter in model.parameters():
            parameter.grad = torch.zeros_like(parameter)
        return peak_allocated(lambda: model(batch).sum().backward())

    assert peak(1000) < 4 * peak(50)


@pytest.mark.skipif(find_spec("numba") is None, reason="needs the compiled loops (extra fast)")
def test_a_residual_block_keeps_two_tensors_and_less_than_one_in_low_memory():
    batch = SetBatch.from_list([torch.randn(n, 3) for n in (1, 53, 457)])
    unit = 4 * 511 * 131

    def kept(depth, memory):
        model = models.build("deep-sets++", in_features=3, out_features=1, depth=depth, width=131)
        model.memory = memory
        return kept_bytes(lambda: model(batch)) / unit

    assert (kept(40, "normal") - kept(20, "normal")) / 10 == pytest.approx(2, abs=0.05)
    assert (kept(40, "low") - kept(20, "low")) / 10 < 1
