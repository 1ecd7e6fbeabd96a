"""Say what a data set of the benchmark is: its source, how it is read and divided, which numbers count."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from accuracy.protocols import Fold
from setwise.store.store import SetStore


@dataclass(frozen=True)
class Dataset:
    """A data set with the protocol by which models are compared on it.

    Attributes:
        name: in commands and records.
        title: in a few words.
        source: where the data are from, and their licence.
        file: that must be in the folder of data for it to be read, relative to that folder.
        read: the function from the folder of data to the sets.
        targets: columns to predict.
        folds: the function ``(sets, repeat) -> folds`` that divides the sets, the same for every model; repeats count
            from 0.
        evaluation: what the folds are, in words.
        repeats: how often, at most, it is worth being repeated.
        score: the metric that people know; `setwise.targets.metrics.score` has its key.
        loss: the metric by which models are compared over data sets: "cross_entropy" (nats), or "rmse", the root of
            "mse" in the target's unit; less is better.
        others: metrics that are kept beside them.
        group: column of what lies on one side of every split, or none.
        covariates: columns that the model sees too.
        published: numbers of others by `score`, with their source and protocol; empty where there are none.
        goal: number that `score` should reach, or none.
        note: what else must be known to read the numbers.
        cost: how long it takes beside Musk1, roughly (dimensionless); dear ones come last.
        counts: whether it is in the numbers over all data; false of a second protocol of the same data.
    """

    name: str
    title: str
    source: str
    file: str
    read: Callable[[Path], SetStore]
    folds: Callable[[SetStore, int], list[Fold]]
    evaluation: str
    targets: tuple[str, ...] = ("target",)
    repeats: int = 5
    score: str = "accuracy"
    loss: str = "cross_entropy"
    others: tuple[str, ...] = ()
    group: str | None = None
    covariates: tuple[str, ...] = ()
    published: str = ""
    goal: float | None = None
    note: str = ""
    cost: float = 1.0
    counts: bool = True

    @property
    def metrics(self) -> tuple[str, ...]:
        """Return the keys of all metrics that are kept, the score first, the loss second."""
        return tuple(dict.fromkeys((self.score, self.loss, *self.others)))
