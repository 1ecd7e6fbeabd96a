"""A tiny made data set, and entrants that count their fits, for tests of the whole loop."""

from pathlib import Path

import numpy as np

from accuracy.dataset import Dataset
from accuracy.entrant import Entrant, Exercise, Predicted
from accuracy.protocols import stratified_folds
from setwise import read
from setwise.store.store import SetStore


def made_sets(data: Path) -> SetStore:
    """Make 22 sets of two classes that differ in their means."""
    del data
    rng = np.random.default_rng(0)
    bags = [rng.normal(1.5 * (i % 2), 1, (1 + i % 5, 3)) for i in range(22)]
    return read(bags, sets={"target": [f"class {i % 2}" for i in range(22)], "site": [i // 2 for i in range(22)]})


def dataset(**changes) -> Dataset:
    """Make the data set."""
    given = {"name": "made", "title": "made sets", "source": "made here.", "file": "here.txt", "read": made_sets}
    given |= {"folds": stratified_folds(2), "evaluation": "two folds, repeated", "others": ("auc",), "goal": 0.5}
    return Dataset(**{**given, **changes})


class Counting:
    """Predict a share of the second class, and remember what was learned from."""

    def __init__(self, share: float = 0.5):
        self.share = share
        self.seen: list[np.ndarray] = []

    def __call__(self, exercise: Exercise) -> Predicted:
        self.seen.append(exercise.fold.train)
        problem = exercise.problem
        test = problem.split.test
        own = np.tile([1 - self.share, self.share], (len(test), 1))
        return Predicted(problem.objective, problem.truth(test), own)


def entrant(predict, name: str = "half", **changes) -> Entrant:
    """Make an entrant of a function."""
    return Entrant(name, "peer", "a share", predict, **changes)
