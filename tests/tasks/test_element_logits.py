import pytest
import torch

from setwise import SetBatch
from setwise.models import ElementModel, build
from setwise.tasks import ElementLogits


def _logits(name, **choices) -> ElementLogits:
    model = build(name, 3, 1, width=8, output="which-element", **choices)
    assert isinstance(model, ElementModel)
    return ElementLogits(model)


def _batch():
    torch.manual_seed(0)
    return SetBatch.from_list([torch.randn(5, 3), torch.randn(1, 3), torch.randn(7, 3)])


@pytest.mark.parametrize("name", ["deep-sets", "deep-sets++", "set-transformer", "set-transformer++"])
def test_logits_follow_their_elements(name):
    model = _logits(name, depth=2)
    batch = _batch()
    orders = [torch.randperm(len(x)) for x in batch.to_list()]
    moved = SetBatch.from_list([x[order] for x, order in zip(batch.to_list(), orders, strict=True)])
    out, after = model(batch), model(moved)
    for row, order in enumerate(orders):
        assert torch.allclose(out[row, : len(order)][order], after[row, : len(order)], atol=1e-5)
        assert torch.isinf(out[row, len(order) :]).all()
        alone = model(batch[row])
        assert torch.allclose(out[row, : len(order)], alone[0], atol=1e-5)


def test_padding_takes_no_part_in_the_loss():
    logits = _logits("deep-sets")(_batch())
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor([4, 0, 6]))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.allclose(logits.softmax(1).sum(1), torch.ones(3))
    assert logits.softmax(1)[1, 0].item() == 1.0
