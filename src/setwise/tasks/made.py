"""Draw the sets of tasks from a random generator: Normal Var, its 100 dimensions, weighted averages."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from setwise.tasks.sets import TaskData, TaskSets
from setwise.tasks.task import Extent

Draw = Callable[[torch.Generator, int, int], tuple[Tensor, Tensor]]
_TRAIN, _TEST, _ELEMENTS = 10_000, 1_000, 1_000
_BOUND = 10.0  # means are uniform in [-10, 10]
_LARGEST_VARIANCE = 10.0
_CHUNK = 1 << 24  # numbers drawn at a time
_SEEDS = {"train": 0, "test": 1, "out of distribution": 2}  # of the draws, never of the models


def normal_var(directory: Path | None, extent: Extent) -> TaskData:  # noqa: ARG001 - one signature for all tasks
    """Draw sets from normal distributions; target their population variance.

    Mean uniform in [-10, 10], variance uniform in [0, 10]; 10,000 training and 1,000 test sets of 1,000 draws.

    Source: Zhang et al. 2022, arXiv 2206.11925, section 6.
    """
    return _data({"test": _normal}, _normal, extent, dimensions=1)


def normal_var_ood(directory: Path | None, extent: Extent) -> TaskData:  # noqa: ARG001 - one signature for all tasks
    """Draw normal sets in 100 dimensions; target (mean over the features of the standard deviations) squared.

    There are two test parts: like the training sets, and with means uniform in [-30, 30].

    Source: Zhang et al. 2022, arXiv 2206.11925, appendix, and the authors' code.
    Differs from the paper: there, training and test sets are drawn with the same seed, so that the test sets of the
    same distribution are the first 1,000 training sets.
    """
    far = partial(_normal, bound=30.0)
    return _data({"test": _normal, "out of distribution": far}, _normal, extent, dimensions=100)


def weighted_average(directory: Path | None, extent: Extent, *, one_hot: bool) -> TaskData:  # noqa: ARG001
    """Draw sets of vectors of 100 dimensions; target the sum over d of d w mean_d, d = 0 to 99.

    Real vectors are normal with unit variance, their mean uniform in [-10, 10], and w = 0.001; one-hot vectors have
    frequencies from a flat Dirichlet distribution, and w = 1.

    Source: Zhang et al. 2022, arXiv 2206.11925, appendix, and the authors' code.
    Differs from the paper: there, training and test sets are drawn with the same seed.
    """
    draw = _one_hot if one_hot else _real
    return _data({"test": draw}, draw, extent, dimensions=100)


def _data(tests: dict[str, Callable], train: Callable, extent: Extent, *, dimensions: int) -> TaskData:
    elements = _ELEMENTS if extent.elements is None else extent.elements
    sets_train = _TRAIN if extent.train is None else extent.train
    sets_test = _TEST if extent.test is None else extent.test
    return TaskData(
        _drawn(train, "train", sets_train, elements, dimensions),
        {name: _drawn(draw, name, sets_test, elements, dimensions) for name, draw in tests.items()},
    )


def _drawn(draw: Callable, part: str, sets: int, elements: int, dimensions: int) -> TaskSets:
    """Draw some sets at a time into one float32 tensor; targets are computed in float64 before rounding."""
    generator = torch.Generator().manual_seed(_SEEDS[part])
    pool, targets = torch.empty(sets, elements, dimensions), torch.empty(sets, 1)
    step = max(1, _CHUNK // (elements * dimensions))
    for start in range(0, sets, step):
        count = min(step, sets - start)
        pool[start : start + count], targets[start : start + count, 0] = draw(generator, count, elements, dimensions)
    return TaskSets.of(pool.flatten(0, 1), targets, sizes=elements)


def _uniform(generator: torch.Generator, *shape: int, low: float, high: float) -> Tensor:
    return torch.rand(*shape, generator=generator, dtype=torch.float64) * (high - low) + low


def _normal(
    generator: torch.Generator, sets: int, elements: int, dimensions: int, *, bound: float = _BOUND
) -> tuple[Tensor, Tensor]:
    means = _uniform(generator, sets, 1, dimensions, low=-bound, high=bound)
    variances = _uniform(generator, sets, 1, dimensions, low=0.0, high=_LARGEST_VARIANCE)
    noise = torch.randn(sets, elements, dimensions, generator=generator, dtype=torch.float64)
    x = noise * variances.sqrt() + means
    return x.float(), x.std(1, correction=0).mean(1).square()


def _real(generator: torch.Generator, sets: int, elements: int, dimensions: int) -> tuple[Tensor, Tensor]:
    means = _uniform(generator, sets, 1, dimensions, low=-_BOUND, high=_BOUND)
    x = torch.randn(sets, elements, dimensions, generator=generator, dtype=torch.float64) + means
    return x.float(), _weighted(x, 0.001)


def _one_hot(generator: torch.Generator, sets: int, elements: int, dimensions: int) -> tuple[Tensor, Tensor]:
    # Exponential variables divided by their sum are a flat Dirichlet draw.
    shares = -torch.rand(sets, dimensions, generator=generator, dtype=torch.float64).clamp_min(1e-300).log()
    kinds = torch.multinomial(shares, elements, replacement=True, generator=generator)
    x = torch.nn.functional.one_hot(kinds, dimensions).double()
    return x.float(), _weighted(x, 1.0)


def _weighted(x: Tensor, weight: float) -> Tensor:
    return x.mean(1) @ (torch.arange(x.shape[2], dtype=x.dtype) * weight)
