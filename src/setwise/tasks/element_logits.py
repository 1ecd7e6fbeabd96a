"""One output per element instead of one per set: which element of the set is meant?"""

import torch
from torch import Tensor, nn

from setwise._checks import InputError
from setwise.batch import SetBatch
from setwise.layers import Elementwise
from setwise.models import SetModel
from setwise.models.spec import DeepSetsSpec


class ElementLogits(nn.Module):
    """One logit per element, to be turned into probabilities by a softmax over the set; equivariant.

    The encoder of a model, then one linear layer. Of Deep Sets on the clean path with equivariant residuals the
    encoder's last norm, ReLU and linear layer are left out; other encoders are used whole.

    Shapes: sets with at most S elements to ``(B, S)``, ``-inf`` after the last element of a set.

    Args:
        model: whose encoder is taken; its pooling and decoder are not used.

    Raises:
        InputError: a model with covariates.

    Source: Zhang et al. 2022, arXiv 2206.11925, the anomaly task, as in the authors' code.
    Differs from the paper: the authors' code applies the softmax before a cross entropy that applies it again.

    Example:
        >>> from setwise.models import build
        >>> sets = SetBatch.from_list([torch.rand(3, 2), torch.rand(5, 2)])
        >>> ElementLogits(build("deep-sets++", 2, 1, depth=2, width=4))(sets).shape
        torch.Size([2, 5])
    """

    def __init__(self, model: SetModel):
        super().__init__()
        spec = model.spec
        if spec.covariates:
            raise InputError(f"outputs per element use no covariates; the model has {spec.covariates}.")
        assert isinstance(model.encoder, nn.Sequential)
        layers = list(model.encoder)
        if isinstance(spec, DeepSetsSpec) and (spec.path, spec.residual) == ("clean", "equivariant"):
            layers = layers[:-3]
        self.spec = spec
        self.encoder = nn.Sequential(*layers)
        self.head = Elementwise(nn.Linear(spec.width, 1))

    def forward(self, batch: SetBatch) -> Tensor:
        logits = self.head(self.encoder(batch)).elements
        layout = batch.layout
        if layout.set_size is not None:
            return logits.view(len(batch), layout.set_size)
        within = torch.arange(layout.num_elements, device=logits.device) - layout.offsets[layout.set_index]
        padded = logits.new_full((len(batch), int(batch.sizes.max())), -torch.inf)
        return padded.index_put((layout.set_index, within), logits.squeeze(1))
