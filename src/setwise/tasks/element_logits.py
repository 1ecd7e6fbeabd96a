"""Give the logits of the elements of a set as a row, for a cross entropy over the places in the set."""

import torch
from torch import Tensor, nn

from setwise.batch import SetBatch
from setwise.models import ElementModel


class ElementLogits(nn.Module):
    """The outputs of a model with one output per element, a row per set, for a cross entropy over places.

    Shapes: sets with at most S elements to ``(B, S)``, ``-inf`` after the last element of a set.

    Args:
        model: with one output per element.

    Example:
        >>> from setwise.models import build
        >>> sets = SetBatch.from_list([torch.rand(3, 2), torch.rand(5, 2)])
        >>> ElementLogits(build("deep-sets++", 2, 1, depth=2, width=4, output="which-element"))(sets).shape
        torch.Size([2, 5])
    """

    def __init__(self, model: ElementModel):
        super().__init__()
        self.model = model

    def forward(self, batch: SetBatch) -> Tensor:
        logits, layout = self.model(batch).elements, batch.layout
        if layout.set_size is not None:
            return logits.view(len(batch), layout.set_size)
        padded = logits.new_full((len(batch), int(batch.sizes.max())), -torch.inf)
        return padded.index_put((layout.set_index, layout.within), logits.squeeze(1))
