"""Enter torchmil's models for bags of two classes: ABMIL, DSMIL and TransMIL with the layers that they have by default.

Source: torchmil, https://github.com/Franblueee/torchmil; Ilse, Tomczak, Welling 2018 (arXiv 1802.04712), Li, Li,
Eliceiri 2021 (arXiv 2011.08939), Shao et al. 2021 (arXiv 2106.00908).
"""

from functools import partial

import torch
from torch import Tensor, nn

from accuracy.entrant import Entrant, Exercise, Predicted
from accuracy.peers.training import Recipe, trained
from setwise._checks import InputError
from setwise.batch import SetBatch
from setwise.targets.objectives import Objective

_RECIPE = Recipe()
_PACKAGE = "torchmil"


class Bags(nn.Module):
    """Give a model of torchmil one bag after the other, since not all of its models take padded bags."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, batch: SetBatch) -> Tensor:
        logits = torch.cat([self.model(bag[None]).reshape(1) for bag in batch.to_list()])
        return torch.stack([torch.zeros_like(logits), logits], dim=1)

    def loss(self, batch: SetBatch, encoded: Tensor) -> Tensor:
        """Return the mean over the bags of torchmil's own loss, of which a model may have several parts."""
        losses = []
        for bag, label in zip(batch.to_list(), encoded[:, 0], strict=True):
            _, parts = self.model.compute_loss(label[None], bag[None])  # pyright: ignore[reportCallIssue] torchmil's
            losses.append(torch.stack(list(parts.values())).sum())
        return torch.stack(losses).mean()


def predict(exercise: Exercise, *, model: str) -> Predicted:
    """Train a model of torchmil and predict.

    Raises:
        InputError: other targets than two classes.
    """
    objective = exercise.problem.objective
    if len(objective.targets) != 1 or len(objective.targets[0].labels) != 2:
        raise InputError(f"torchmil's models tell two classes apart; the target is another ({objective.kind}).")

    def make(features: int, _: Objective) -> nn.Module:
        from torchmil import models  # pyright: ignore[reportMissingImports] the extra peers

        return Bags(getattr(models, model)(in_shape=(features,)))

    def loss_of(module: nn.Module, batch: SetBatch, encoded: Tensor, _: Objective) -> Tensor:
        assert isinstance(module, Bags), "another module than was made"
        return module.loss(batch, encoded)

    return trained(exercise, make, _RECIPE, loss_of=loss_of)


MULTIPLE_INSTANCE: tuple[Entrant, ...] = tuple(
    Entrant(
        f"torchmil-{model.lower()}",
        "peer",
        f"{model} of torchmil; {_RECIPE.words}",
        partial(predict, model=model),
        package=_PACKAGE,
        cost=cost,
    )
    for model, cost in (("ABMIL", 40.0), ("DSMIL", 40.0), ("TransMIL", 400.0))
)
