"""Enter filters of single elements whose strongest answers are averaged, as CellCnn has them.

Source: Arvaniti, Claassen 2017, Sensitive detection of rare disease-associated cell subsets via representation
learning, Nature Communications 8, 14825. Differs from the paper: one share of elements and one number of filters for
all data, no search over them, whole sets (or sub-samples) in place of resampled multi-cell inputs.
"""

import torch
from torch import Tensor, nn

from accuracy.entrant import Entrant, Exercise, Predicted
from accuracy.peers.training import Recipe, trained
from setwise.batch import SetBatch
from setwise.targets.objectives import Objective

_FILTERS, _SHARE = 24, 0.05
_RECIPE = Recipe()


class Filters(nn.Module):
    """``forward(batch) -> (B, K)``: linear filters and ReLU, the mean of the highest 5 % in each set, a linear map."""

    def __init__(self, features: int, outputs: int):
        super().__init__()
        self.filters = nn.Linear(features, _FILTERS)
        self.last = nn.Linear(_FILTERS, outputs)

    def forward(self, batch: SetBatch) -> Tensor:
        answers = torch.relu(self.filters(batch.elements)).split(batch.sizes.tolist())
        strongest = [own.topk(max(1, round(_SHARE * len(own))), dim=0).values.mean(0) for own in answers]
        return self.last(torch.stack(strongest))


def predict(exercise: Exercise) -> Predicted:
    """Train filters and predict."""

    def make(features: int, objective: Objective) -> nn.Module:
        return Filters(features, objective.out_features)

    return trained(exercise, make, _RECIPE)


FILTERS: tuple[Entrant, ...] = (
    Entrant("filters", "peer", f"filters as in CellCnn, {_FILTERS} of them; {_RECIPE.words}", predict, cost=10.0),
)
