"""Describe figures of predictions for held-out sets, or for their elements; what draws them knows no kinds of targets.

``what`` of a figure is "sets" or "elements"; ``of`` names the target, after a blank, where there are several; ``names``
are those of the points.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyarrow import compute

_MOST_DRAWN = 5_000
_MOST_GROUPS = 6  # that are told by colours


@dataclass(frozen=True, eq=False)
class Agreement:
    """Draw predictions ``(B,)`` against the truth ``(B,)``, with the line of perfect ones."""

    name: str
    truth: np.ndarray
    predicted: np.ndarray
    what: str
    names: tuple[str, ...] = ()
    logarithmic: bool = False
    groups: tuple[str, ...] = ()  # of the points, where few groups are known


@dataclass(frozen=True, eq=False)
class Residuals:
    """Draw predictions less the truth ``(B,)``, or over it, against the sizes of the sets ``(B,)``."""

    name: str
    sizes: np.ndarray
    truth: np.ndarray
    predicted: np.ndarray
    what: str
    names: tuple[str, ...] = ()
    logarithmic: bool = False


@dataclass(frozen=True, eq=False)
class TrueProbability:
    """Draw the probability given to the true class ``(B,)`` against the sizes of the sets ``(B,)``."""

    sizes: np.ndarray
    probability: np.ndarray
    of: str = ""
    what: str = "sets"
    names: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Confusion:
    """Count held-out rows by true and by named class; numbers of classes ``(B,)``."""

    classes: tuple[object, ...]
    truth: np.ndarray
    named: np.ndarray
    of: str
    what: str


@dataclass(frozen=True, eq=False)
class Roc:
    """Draw the true against the false positive rate of each class, or precision against recall.

    Probabilities are ``(B, K)``; intervals are drawn over ``clusters`` ``(B,)``.
    """

    classes: tuple[object, ...]
    truth: np.ndarray
    probabilities: np.ndarray
    of: str
    clusters: np.ndarray | None = None
    recall: bool = False


@dataclass(frozen=True, eq=False)
class Reliability:
    """Draw how often what was said with a probability ``(B, K)`` is right."""

    truth: np.ndarray
    probabilities: np.ndarray
    of: str
    what: str


@dataclass(frozen=True, eq=False)
class Curve:
    """Go up or down in steps: the value ``y`` from each ``x`` on."""

    label: str
    x: np.ndarray
    y: np.ndarray


@dataclass(frozen=True, eq=False)
class Steps:
    """Draw curves that go in steps, with values between 0 and 1, from x = 0 on."""

    curves: tuple[Curve, ...]
    x_label: str
    y_label: str
    caption: str
    description: str


Figure = Agreement | Residuals | TrueProbability | Confusion | Roc | Reliability | Steps


def known_rows(predictions: pa.Table, name: str) -> pa.Table:
    """Return the rows of a table of predictions whose target is known; of many, as many as a figure can show."""
    return some_rows(predictions.filter(compute.is_valid(predictions[name])))  # pyright: ignore[reportAttributeAccessIssue] made at import


CLUSTER = "cluster"  # a column of groups, which outweighs the sets


def clusters_of(predictions: pa.Table) -> np.ndarray:
    """Return what intervals are drawn over ``(B,)``: groups where there is a column of them, else the sets."""
    name = CLUSTER if CLUSTER in predictions.column_names else "set_id"
    return np.array(predictions[name].to_pylist()).astype(str)


def few_groups(predictions: pa.Table) -> tuple[str, ...]:
    """Return the groups of the rows of a table of predictions, where there are two to six of them."""
    if CLUSTER not in predictions.column_names:
        return ()
    found = tuple(map(str, predictions[CLUSTER].to_pylist()))
    return found if 2 <= len(set(found)) <= _MOST_GROUPS else ()


def row_names(predictions: pa.Table) -> tuple[str, ...]:
    """Return the names of the rows of a table of predictions: those of sets, with the places of elements."""
    names = predictions["set_id"].to_pylist()
    if "element" not in predictions.column_names:
        return tuple(names)
    return tuple(f"{name}, element {n}" for name, n in zip(names, predictions["element"].to_pylist(), strict=True))


def some_rows(predictions: pa.Table) -> pa.Table:
    """Return all of few rows; of more, as many as a figure can show, drawn evenly."""
    if predictions.num_rows <= _MOST_DRAWN:
        return predictions
    return predictions.take(np.linspace(0, predictions.num_rows - 1, _MOST_DRAWN).astype(np.int64))
