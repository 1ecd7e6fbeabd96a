"""Measure a trained model on the test sets, by the paper's protocol and beside it."""

from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn

from setwise.tasks import Task, TaskData, TaskSets

Measures = dict[str, dict[str, float | None]]
_ORDER = 1  # seed of the order of the test sets


def measure(model: nn.Module, task: Task, data: TaskData, *, batch_size: int, feature_norm: bool) -> Measures:
    """Return metrics by test part, then by way of measuring.

    "value" is the paper's way: full batches of a fixed shuffled order (960 of 1,000 sets), where feature norm uses the
    statistics of each test batch. "standard_error" is that of "value", by chance in which sets are tested: what the
    spread over seeds does not contain. "all_sets" is the value on every set; "running_statistics" is feature norm with
    what it kept in training, on every set. A number that is not finite is none.

    Args:
        model: on the device of the data; its mode and its running statistics are as before afterwards.
        task: says the metric.
        data: the test parts.
        batch_size: sets a batch.
        feature_norm: whether the model has feature norms.
    """
    found: Measures = {}
    training = deepcopy(model).train() if feature_norm else model
    mode = model.training
    try:
        model.eval()
        for name, sets in data.tests.items():
            kept = counted(sets, batch_size).split(batch_size)
            everything = torch.arange(len(sets), device=sets.targets.device).split(batch_size)
            values = summary(
                _scores(training if feature_norm else model, task, sets, kept),
                _scores(training if feature_norm else model, task, sets, everything),
            )
            if feature_norm:
                values["running_statistics"] = _finite(_scores(model, task, sets, everything).mean())
            found[name] = values
    finally:
        model.train(mode)
    return found


def scores(task: Task, outputs: Tensor, targets: Tensor) -> Tensor:
    """Compute the scores ``(B,)`` of which the task's metric is the mean, for outputs ``(B, K)``."""
    outputs = outputs.double()
    if task.kind == "regression":
        return (outputs - targets.double()).square().mean(1)
    if task.kind == "classification":
        return torch.nn.functional.cross_entropy(outputs, targets, reduction="none")
    return (outputs.argmax(1) == targets).double()


def counted(sets: TaskSets, batch_size: int) -> Tensor:
    """Return the test sets that count: full batches of a fixed order; all sets where they do not fill one."""
    size = min(batch_size, len(sets))
    order = torch.randperm(len(sets), generator=torch.Generator().manual_seed(_ORDER))
    return order[: len(sets) // size * size].to(sets.targets.device)


def summary(kept: Tensor, everything: Tensor) -> dict[str, float | None]:
    """Return mean and standard error of the scores of the sets that count, and the mean of all."""
    return {
        "value": _finite(kept.mean()),
        "standard_error": _finite(kept.std() / len(kept) ** 0.5),
        "all_sets": _finite(everything.mean()),
    }


def _finite(value: Tensor) -> float | None:
    return float(value) if bool(value.isfinite()) else None


def _scores(model: nn.Module, task: Task, sets: TaskSets, batches: Sequence[Tensor]) -> Tensor:
    outputs, targets = [], []
    with torch.no_grad():
        for rows in batches:
            outputs.append(model(sets.batch(rows)))
            targets.append(sets.targets[rows])
    return scores(task, torch.cat(outputs), torch.cat(targets))
