"""Low memory changes what is kept for the backward pass, and nothing else."""

import pytest
import torch

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
