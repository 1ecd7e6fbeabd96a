"""Enter PyTorch Geometric's aggregations of sets: Deep Sets and Set Transformer.

Source: PyTorch Geometric, https://github.com/pyg-team/pytorch_geometric; Zaheer et al. 2017 (arXiv 1703.06114), Lee et
al. 2019 (arXiv 1810.00825).
"""

from functools import partial

from torch import Tensor, nn

from accuracy.entrant import Entrant, Exercise, Predicted
from accuracy.peers.training import Recipe, trained
from setwise.batch import SetBatch
from setwise.targets.objectives import Objective

_PACKAGE = "torch_geometric"
_WIDTH = 64
_RECIPE = Recipe(most=500)  # every element attends to every other


class DeepSets(nn.Module):
    """``forward(batch) -> (B, K)`` by a network of each element, their sum, and a network of that."""

    def __init__(self, features: int, outputs: int):
        super().__init__()
        from torch_geometric.nn import MLP, DeepSetsAggregation

        local = MLP([features, _WIDTH, _WIDTH, _WIDTH], norm=None)
        self.aggregation = DeepSetsAggregation(local, MLP([_WIDTH, _WIDTH, outputs], norm=None))

    def forward(self, batch: SetBatch) -> Tensor:
        return self.aggregation(batch.elements, index=batch.layout.set_index, dim_size=len(batch.sizes))


class SetTransformer(nn.Module):
    """``forward(batch) -> (B, K)`` by attention of all elements to each other, and pooling by attention."""

    def __init__(self, features: int, outputs: int):
        super().__init__()
        from torch_geometric.nn import SetTransformerAggregation

        self.first = nn.Linear(features, _WIDTH)
        self.aggregation = SetTransformerAggregation(_WIDTH, heads=4, layer_norm=True)
        self.last = nn.Linear(_WIDTH, outputs)

    def forward(self, batch: SetBatch) -> Tensor:
        pooled = self.aggregation(self.first(batch.elements), index=batch.layout.set_index, dim_size=len(batch.sizes))
        return self.last(pooled)


def predict(exercise: Exercise, *, kind: type[DeepSets] | type[SetTransformer]) -> Predicted:
    """Train a module around an aggregation and predict."""

    def make(features: int, objective: Objective) -> nn.Module:
        return kind(features, objective.out_features)

    return trained(exercise, make, _RECIPE)


GEOMETRIC: tuple[Entrant, ...] = tuple(
    Entrant(
        name,
        "peer",
        f"{words} of PyTorch Geometric, width {_WIDTH}; {_RECIPE.words}",
        partial(predict, kind=kind),
        package=_PACKAGE,
        cost=cost,
    )
    for name, words, kind, cost in (
        ("pyg-deep-sets", "DeepSetsAggregation", DeepSets, 20.0),
        ("pyg-set-transformer", "SetTransformerAggregation", SetTransformer, 60.0),
    )
)
