"""Join models to ensembles: the same model fitted several times from other random numbers.

Members share the split, the transforms and the objective; they differ in their first weights, the order of the
training sets and the sub-samples. One validation part for all of them is what no member was fitted on, so what is
said of it is said of the ensemble; where there is none, each may leave out another part (`setwise.fit.cross_fit`).

Source: Lakshminarayanan, Pritzel, Blundell 2017, Simple and scalable predictive uncertainty estimation using deep
ensembles, arXiv 1612.01474, section 2.4 (predictions are averaged; no adversarial training here).
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from setwise.batch import SetBatch, rows_of
from setwise.runs.config import FitConfig
from setwise.targets.objectives import Objective


class Ensemble(nn.Module):
    """Several models of one specification; invariant.

    Shapes: a batch of B sets to ``(B, M, K)``, the K outputs of each of M members; with outputs per element to
    ``(N, M, K)``. Outputs are not averaged, since predictions are (`average`).

    Args:
        members: M models.
    """

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, batch: SetBatch) -> Tensor:
        return torch.stack([rows_of(member(batch)) for member in self.members], dim=1)


def members_of(model: nn.Module) -> list[nn.Module]:
    """Return the members of an ensemble, or the model itself as the only one."""
    return list(model.members) if isinstance(model, Ensemble) else [model]


def joined(members: Sequence[nn.Module]) -> nn.Module:
    """Make a model of one or several members."""
    return members[0] if len(members) == 1 else Ensemble(members).eval()


def average(objective: Objective, outputs: Tensor) -> np.ndarray:
    """Return predictions of outputs ``(B, K)``, or the mean of the members' of outputs ``(B, M, K)``."""
    if outputs.dim() == 2:
        return objective.predict(outputs)
    return np.mean(each(objective, outputs), axis=0)


def each(objective: Objective, outputs: Tensor) -> np.ndarray:
    """Return predictions ``(M, B, ...)`` of every member, of outputs ``(B, M, K)`` or ``(B, K)``."""
    outputs = outputs[:, None] if outputs.dim() == 2 else outputs
    return np.stack([objective.predict(outputs[:, member]) for member in range(outputs.shape[1])])


def spread_columns(objective: Objective, outputs: Tensor) -> dict[str, np.ndarray]:
    """Measure how far the members differ: the standard deviation (divisor M - 1) of every predicted number.

    Columns are named after those of the predictions: ``spread_<target>`` in the target's units,
    ``spread_probability_<class>``.

    Args:
        objective: what is predicted.
        outputs: ``(B, M, K)`` with M of two at least.
    """
    columns = [objective.columns(predicted) for predicted in each(objective, outputs)]
    return {
        f"spread_{name.removeprefix('predicted_')}": np.std([found[name] for found in columns], axis=0, ddof=1)
        for name, values in columns[0].items()
        if values.dtype.kind == "f"
    }


def member_config(config: FitConfig, member: int) -> FitConfig:
    """Return the configuration of a member, counted from 0: the first has the seed itself, as a model alone."""
    if member == 0:
        return config
    seed = int(np.random.SeedSequence((config.seed, member)).generate_state(1)[0])
    return config.model_copy(update={"seed": seed})
