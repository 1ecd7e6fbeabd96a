"""Say what takes part in the benchmark: a name, and a function that learns from some sets and predicts others."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import Literal

import numpy as np

from accuracy.dataset import Dataset
from accuracy.protocols import Fold, column
from setwise.store import columns
from setwise.store.shares import validation_share
from setwise.store.splits import Split, split_sets
from setwise.store.store import SetStore
from setwise.targets.objectives import Objective
from setwise.targets.problem import Problem, define

Kind = Literal["setwise", "baseline", "peer"]


@dataclass(frozen=True)
class Exercise:
    """A fold as an entrant sees it.

    Attributes:
        dataset: whose targets, group and covariates are used.
        store: all sets.
        fold: rows to learn from, and rows to predict.
        seed: of everything that is drawn.
    """

    dataset: Dataset
    store: SetStore
    fold: Fold
    seed: int

    @cached_property
    def split(self) -> Split:
        """Return the parts: the fold's test sets, and of the others a validation part where `setwise fit` draws one."""
        given = np.full(len(self.store), "train", dtype=object)
        given[self.fold.test] = "test"
        return split_sets(
            len(self.store),
            groups=columns.groups(self.store, self.dataset.group),
            given=given,
            stratify=self._classes(),
            validation=validation_share(None, len(self.fold.train)),
            test=0.0,
            seed=self.seed,
        )

    def _classes(self) -> np.ndarray | None:
        """Return the classes of a single target as text, or none."""
        target, *others = self.dataset.targets
        return None if others or self.dataset.loss == "rmse" else column(self.store, target)

    @cached_property
    def problem(self) -> Problem:
        """Return targets and parts for those that learn from all sets but the fold's, without a validation part."""
        split = Split(self.fold.train, np.zeros(0, np.int64), self.fold.test)
        return define(
            self.store,
            self.dataset.targets,
            task=None,
            class_weights=None,
            weight_column=None,
            group=self.dataset.group,
            split=split,
            shares=(0.0, 0.0),
            standardise=True,
            seed=self.seed,
        )


@dataclass(frozen=True, eq=False)
class Predicted:
    """Predictions for the test sets of a fold.

    Attributes:
        objective: what is predicted.
        truth: ``(n, T)`` of the test sets, in their order.
        predicted: ``(n, P)`` for the same.
    """

    objective: Objective
    truth: np.ndarray
    predicted: np.ndarray


@dataclass(frozen=True)
class Entrant:
    """What takes part.

    Attributes:
        name: in commands and records.
        kind: ours, a baseline, or a peer: somebody else's model.
        words: what it is, for the page.
        predict: learns from a fold's training sets and predicts its test sets.
        package: that it needs beside what setwise needs, or nothing.
        cost: how long it takes beside a forest, roughly (dimensionless).
    """

    name: str
    kind: Kind
    words: str
    predict: Callable[[Exercise], Predicted]
    package: str = ""
    cost: float = 1.0

    def missing(self) -> str:
        """Say why it cannot run here; nothing where it can."""
        if self.package and find_spec(self.package) is None:
            return f"{self.name} needs {self.package}, which is not installed"
        return ""
