"""A trained model on the test sets, by the paper's protocol and beside it."""

from collections.abc import Callable, Iterator
from copy import deepcopy

import numpy as np
import torch
from torch import Tensor, nn

from setwise.tasks import Task, TaskData, TaskSets

Measures = dict[str, dict[str, float | None]]
_ORDER = 1  # seed of the order of the test sets


def measure(model: nn.Module, task: Task, data: TaskData, *, batch_size: int, feature_norm: bool) -> Measures:
    """Metrics by test part, then by way of measuring.

    "value" is the paper's way: full batches of a fixed shuffled order (960 of 1,000 sets), where feature norm uses the
    statistics of each test batch. "all_sets" is the same on every set; "running_statistics" is feature norm with what
    it kept in training, on every set. A number that is not finite is none.

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
            kept, everything = _full(sets, batch_size), _all(sets, batch_size)
            values = {
                "value": _score(training if feature_norm else model, task, sets, kept),
                "all_sets": _score(training if feature_norm else model, task, sets, everything),
            }
            if feature_norm:
                values["running_statistics"] = _score(model, task, sets, everything)
            found[name] = values
    finally:
        model.train(mode)
    return found


def score(task: Task, outputs: Tensor, targets: Tensor) -> float | None:
    """The task's metric of outputs ``(B, K)``; none where it is not finite."""
    outputs = outputs.double()
    if task.kind == "regression":
        value = torch.nn.functional.mse_loss(outputs, targets.double())
    elif task.kind == "classification":
        value = torch.nn.functional.cross_entropy(outputs, targets)
    else:
        value = (outputs.argmax(1) == targets).double().mean()
    return float(value) if np.isfinite(float(value)) else None


def _score(model: nn.Module, task: Task, sets: TaskSets, batches: Callable[[], Iterator[Tensor]]) -> float | None:
    outputs, targets = [], []
    with torch.no_grad():
        for rows in batches():
            outputs.append(model(sets.batch(rows)))
            targets.append(sets.targets[rows])
    return score(task, torch.cat(outputs), torch.cat(targets))


def _full(sets: TaskSets, size: int) -> Callable[[], Iterator[Tensor]]:
    """Full batches of a fixed order; all sets where they do not fill one."""
    size = min(size, len(sets))
    order = torch.randperm(len(sets), generator=torch.Generator().manual_seed(_ORDER)).to(sets.targets.device)
    return lambda: iter(order[: len(sets) // size * size].split(size))


def _all(sets: TaskSets, size: int) -> Callable[[], Iterator[Tensor]]:
    return lambda: iter(torch.arange(len(sets), device=sets.targets.device).split(size))
