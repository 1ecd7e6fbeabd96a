"""Transform numbers before they are learned, and predictions back into the target's own unit."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from setwise._checks import InputError, check_choice
from setwise.metrics import formulas
from setwise.metrics.metric import Metric
from setwise.store.tables import listed

_MOST = 85.0  # natural logarithm of the largest prediction, which float32 still holds
_LEAST = 1e-12  # from the end of a domain


@dataclass(frozen=True)
class Transform:
    """A function of numbers that grows with them, and what undoes it.

    Attributes:
        word: on the command line.
        domain: what numbers must be, in words.
        holds: returns which numbers ``(B,)`` are in the domain.
        inside: the least and the largest number of the domain, which predictions at its ends are taken for.
        forward: of numbers ``(B,)``.
        back: of outputs, float32 or float64; differentiable, and finite where these are.
        logarithmic: equal ratios become equal differences.
    """

    word: str
    domain: str
    holds: Callable[[np.ndarray], np.ndarray]
    inside: tuple[float, float]
    forward: Callable[[np.ndarray], np.ndarray]
    back: Callable[[Tensor], Tensor]
    logarithmic: bool = False

    def undone(self, values: np.ndarray) -> np.ndarray:
        """Return transformed values ``(B,)`` in the target's unit, float64."""
        return self.back(torch.from_numpy(np.asarray(values, np.float64))).numpy()

    def of_predictions(self, predicted: np.ndarray) -> np.ndarray:
        """Return transformed predictions ``(B,)``."""
        return self.forward(np.clip(predicted, *self.inside))

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Return squared error and R2 of transformed values."""
        return _METRICS[self.word]


def _exponential(x: Tensor, base: float) -> Tensor:
    return (x * np.log(base)).clamp(-_MOST, _MOST).exp()


def _logarithm(word: str, forward: Callable[[np.ndarray], np.ndarray], base: float) -> Transform:
    return Transform(
        word,
        "above zero",
        lambda y: y > 0,
        (np.exp(-_MOST), np.inf),
        forward,
        lambda x: _exponential(x, base),
        logarithmic=True,
    )


TRANSFORMS = (
    _logarithm("log10", np.log10, 10.0),
    _logarithm("log2", np.log2, 2.0),
    _logarithm("ln", np.log, np.e),
    Transform(
        "log1p", "above -1", lambda y: y > -1, (-1 + _LEAST, np.inf), np.log1p, lambda x: x.clamp(-_MOST, _MOST).expm1()
    ),
    Transform("sqrt", "zero at least", lambda y: y >= 0, (0, np.inf), np.sqrt, lambda x: x.clamp_min(0).square()),
    Transform(
        "logit",
        "between 0 and 1, both excluded,",
        lambda y: (y > 0) & (y < 1),
        (_LEAST, 1 - _LEAST),
        lambda y: np.log(y / (1 - y)),
        torch.sigmoid,
    ),
)


def transform_of(word: str) -> Transform:
    """Return a transform by its word.

    Raises:
        InputError: there is none.
    """
    check_choice("the transform of a target", word, [transform.word for transform in TRANSFORMS])
    return next(transform for transform in TRANSFORMS if transform.word == word)


def check_domain(word: str, name: str, values: np.ndarray, whose: Callable[[int], str]) -> None:
    """Refuse values ``(B,)`` that cannot be transformed.

    Args:
        word: of the transform.
        name: of the target.
        values: NaN where missing.
        whose: returns the name of the set that a value is of, by its place.

    Raises:
        InputError: such values, and an unknown word.
    """
    transform = transform_of(word)
    odd = np.flatnonzero(~np.isnan(values) & ~transform.holds(values))
    if odd.size:
        shown = dict.fromkeys(f"{whose(int(place))!r} ({values[place]:g})" for place in odd[:1000])
        instead = " log1p takes zeros." if transform.logarithmic and (values[odd] == 0).all() else ""
        raise InputError(
            f"target {name!r} must be {transform.domain} for {word}; {odd.size:,} of its values are not: "
            f"{listed(list(shown), 5)}. Mend them, leave them empty, or choose another transform.{instead}"
        )


def _measures(transform: Transform) -> tuple[Metric, ...]:
    def squared(predicted: np.ndarray, truth: np.ndarray) -> float:
        return formulas.squared_error(transform.forward(truth), transform.of_predictions(predicted[:, 0]))

    def r2(predicted: np.ndarray, truth: np.ndarray) -> float | None:
        if len(truth) < 2 or not np.ptp(truth) > 0:
            return None
        return formulas.r2(transform.forward(truth), transform.of_predictions(predicted[:, 0]))

    word = transform.word
    return (
        Metric(
            f"mse_{word}", f"mean squared error of {word}", lower=True, unit=f"squared, in {word}", function=squared
        ),
        Metric(f"r2_{word}", f"R2 of {word}", lower=False, function=r2),
    )


_METRICS = {transform.word: _measures(transform) for transform in TRANSFORMS}
