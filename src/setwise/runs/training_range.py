"""Remember where the training sets lie, so that new sets that lie outside of it are told."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from setwise.store.set_summaries import NAMES, set_summaries
from setwise.store.store import SetStore

_FEWEST = 5  # training sets that say how far such sets lie apart
_MOST_FEATURES = 2000
_MOST_SETS = 2000  # training sets that are looked at, evenly spaced
_BEYOND = 1.5  # times the farthest training set, from which a set lies outside
_NOTICED = 0.05  # of the spread of the elements: summaries that differ by less are alike
_MANY_TIMES = 3.0  # from which a mean is said to be so many times another


class TrainingRange(BaseModel):
    """Hold means and spreads of summaries of the training sets, and the distance of the farthest of them.

    The distance of a set is the largest over summaries of ``|s - m| / sqrt(v (1 + 1 / n) + f^2)``, with the mean m and
    the variance v of the summary over the n training sets and a floor f, a twentieth of the spread of the feature
    within the sets, so that what never varied in training is far away only where it can be noticed. A training set is
    measured against the others.

    Attributes:
        centre, variance: ``S x D`` of the summaries (`setwise.store.set_summaries`) over the training sets.
        floor: ``D``.
        count: of training sets.
        farthest: distance of the farthest of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    centre: list[list[float]]
    variance: list[list[float]]
    floor: list[float]
    count: int = Field(ge=_FEWEST)
    farthest: float = Field(ge=0)

    @classmethod
    def fit(cls, store: SetStore, rows: np.ndarray) -> Self | None:
        """Look at the training sets; none where they are few, or elements are no vectors."""
        if len(rows) < _FEWEST or len(store.shape) != 1 or store.shape[0] > _MOST_FEATURES:
            return None
        rows = rows[:: -(-len(rows) // _MOST_SETS)]
        found = set_summaries(store, rows)
        if not np.isfinite(found).all():
            return None
        count, centre = len(found), found.mean(0)
        off = found - centre
        squares = np.square(off).sum(0)
        floor = _NOTICED * found[:, 1].mean(0) + 1e-6 * np.abs(centre[0]) + 1e-12
        others = np.maximum(squares - np.square(off) * count / (count - 1), 0) / (count - 2)  # without the set itself
        own = np.abs(off) * count / (count - 1) / np.sqrt(others * count / (count - 1) + floor**2)
        return cls(
            centre=centre.tolist(),
            variance=(squares / (count - 1)).tolist(),
            floor=floor.tolist(),
            count=count,
            farthest=float(own.max()),
        )

    def place(self, store: SetStore, rows: np.ndarray, features: Sequence[str], order: list[int] | None) -> "Placed":
        """Measure how far sets lie from the training sets.

        Args:
            store: the sets, as the run's model takes them.
            rows: which of them.
            features: of the run, in its order.
            order: the place of each among the store's features, or none where they are the same.
        """
        found, centre = set_summaries(store, rows, order), np.array(self.centre)
        variance = np.array(self.variance) * (1 + 1 / self.count) + np.square(self.floor)
        distances = np.abs(found - centre) / np.sqrt(variance)
        flat = distances.reshape(len(rows), -1)
        worst = flat.argmax(1)
        width = int(found.shape[2])
        return Placed(
            distances=flat.max(1),
            outside=flat.max(1) > _BEYOND * self.farthest,
            features=tuple(features[int(place) % width] for place in worst),
            summaries=tuple(NAMES[int(place) // width] for place in worst),
            values=found.reshape(len(rows), -1)[np.arange(len(rows)), worst],
            usual=centre.ravel()[worst],
            farthest=self.farthest,
        )


@dataclass(frozen=True, eq=False)
class Placed:
    """Sets, and how far they lie from training sets.

    Attributes:
        distances: ``(B,)`` in standard deviations of the training sets, of the summary that is farthest.
        outside: ``(B,)`` true of sets that lie well beyond all training sets.
        features, summaries: of the farthest summary of each set.
        values: ``(B,)`` of it.
        usual: ``(B,)`` the mean of it over the training sets.
        farthest: distance of the farthest training set.
    """

    distances: np.ndarray
    outside: np.ndarray
    features: tuple[str, ...]
    summaries: tuple[str, ...]
    values: np.ndarray
    usual: np.ndarray
    farthest: float

    def sentences(self, names: Sequence[str]) -> list[str]:
        """Return what is to be said of sets that lie outside: how many, by which feature, the first of them."""
        rows: list[int] = np.flatnonzero(self.outside).tolist()
        if not rows:
            return []
        blamed, counts = np.unique([self.features[row] for row in rows], return_counts=True)
        feature = str(blamed[counts.argmax()])
        own = [row for row in rows if self.features[row] == feature]
        first = own[int(np.argmax(self.distances[own]))]
        ratio = self.values[first] / self.usual[first] if self.usual[first] else np.inf
        times = f", {ratio:.3g} times as large" if ratio >= _MANY_TIMES and np.isfinite(ratio) else ""
        if 0 < ratio <= 1 / _MANY_TIMES:
            times = f", {1 / ratio:.3g} times smaller"
        shown = ", ".join(names[row] for row in rows[:3]) + (f" and {len(rows) - 3} more" if len(rows) > 3 else "")
        return [
            f"{len(rows):,} of {len(self.distances):,} sets lie outside of what the run was trained on: {shown}. "
            f"{'Most' if len(blamed) > 1 else 'All'} of them by {feature}: in {names[first]} its "
            f"{self.summaries[first]} is {self.values[first]:.4g}, in the training sets {self.usual[first]:.4g} on "
            f"average{times}. Other units, instruments or panels? What is predicted for such sets is a guess."
        ]


def columns_of(placed: "Placed | None", count: int) -> dict[str, np.ndarray | list[None]]:
    """Return the columns ``distance`` and ``outside``; empty ones where the run does not know where its sets lie."""
    if placed is None:
        return {"distance": [None] * count, "outside": [None] * count}
    return {"distance": placed.distances, "outside": placed.outside}
