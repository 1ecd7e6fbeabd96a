"""Predict which element of each set is meant, by the cross entropy over the elements of the set."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pyarrow as pa
from pyarrow import compute
from torch import Tensor

from setwise._checks import InputError
from setwise.metrics.metric import Metric
from setwise.store.labels import is_text_label, label_codes, label_numbers, labels_of
from setwise.store.splits import Split
from setwise.store.store import SetStore
from setwise.targets.figures import Figure, TrueProbability, row_names, some_rows
from setwise.targets.simple import CLASSES, Role, Table
from setwise.targets.target import Choices, Of, Target
from setwise.targets.values import told_apart

pc: Any = compute  # its functions are made at import, out of sight of type checkers
_EPSILON = 1e-12


def _entropy(predicted: np.ndarray, truth: np.ndarray) -> float:  # noqa: ARG001 - all rows are marked
    return float(-np.log(np.clip(predicted[:, 0], np.finfo(np.float64).eps, 1)).mean())


def _accuracy(predicted: np.ndarray, truth: np.ndarray) -> float:  # noqa: ARG001 - all rows are marked
    return float(predicted[:, 1].mean())


METRICS = (
    Metric("cross_entropy", "cross entropy", lower=True, unit="nats", function=_entropy),
    Metric("accuracy", "accuracy", lower=False, function=_accuracy),
)


class WhichElement(Target):
    """Predict which element of each set is meant, by the cross entropy over the elements of the set.

    Values and outputs have a row per element; the model has taken the softmax over each set already
    (``output="which-element"``).

    Attributes:
        name: of the column of marks.
        share: of the training elements that are marked, dimensionless; so that the mean loss over all elements is the
            mean over sets of ``-log p`` of the marked element.
    """

    of: ClassVar[tuple[Of, ...]] = ("elements",)
    linear: ClassVar[str] = "logistic regression"
    loss_part: ClassVar[str] = "cross entropies (nats)"
    whole_sets: ClassVar[bool] = True

    kind: Literal["which-element"] = "which-element"

    @classmethod
    def fit(cls, target: str, marks: np.ndarray) -> Self:
        """Take the share of marked elements among marks ``(N,)``, 1 or NaN, of the training sets."""
        return cls(target=target, share=float((marks == 1).mean()))

    @classmethod
    def of_elements(
        cls,
        store: SetStore,
        name: str,
        train: np.ndarray,
        split: Split,
        choices: Choices,
    ) -> tuple[Self, np.ndarray]:
        """Learn how many elements are marked; and the marks ``(N,)`` of all elements, 1 or NaN."""
        marks = _marks(store, name)
        return cls.fit(name, marks[train]), marks

    def element_truth(self, store: SetStore) -> np.ndarray:
        """Return 1 of the element that is meant, NaN of all others ``(N,)``."""
        return _marks(store, self.name)

    def element_column(self, truth: np.ndarray) -> pa.Array:
        """Return 1 and 0 for marks ``(N,)``."""
        return pa.array((truth == 1).astype(np.float64), from_pandas=True)

    @property
    def out_features(self) -> int:
        """Return one."""
        return 1

    def output(self, of: Of) -> str:
        """Return "which-element"."""
        return "which-element"

    @property
    def width(self) -> int:
        """Return one, for one probability."""
        return 1

    def truth(self, values: Any) -> np.ndarray:
        """Return marks ``(N,)`` float64: 1 of elements that are meant, NaN of all others."""
        numbers = np.asarray(values, dtype=np.float64)
        return np.where(numbers == 1, 1.0, np.nan)

    def losses(self, outputs: Tensor, encoded: Tensor) -> Tensor:
        """Return ``-log p`` ``(N,)`` of outputs ``(N, 1)``, that count for marked elements alone; nats."""
        return -outputs[:, 0]

    def check_asked(self, *, calibrate: bool | None, coverage: float | None, most: int | None, largest: int) -> None:
        """Refuse temperatures, sets of classes, and sub-samples, which would mostly lack the one element."""
        if calibrate or coverage is not None:
            name = "calibrate=True, --calibrate" if calibrate else "coverage=..., --coverage"
            raise InputError(
                "temperatures, intervals and sets of classes are for numbers and classes; which element is meant is "
                f"predicted by probabilities that add up to one over the set. Leave the choice out ({name})."
            )
        if most is not None and most < largest:
            raise InputError(
                f"which element is meant can be learned from whole sets alone; the largest has {largest:,} elements "
                f"and max_elements is {most:,}. Train on whole sets (max_elements=None, --max-elements 0)."
            )

    def predict(self, outputs: Tensor) -> Tensor:
        """Return probabilities ``(N, 1)``, which add up to one over a set, of outputs ``(N, 1)``."""
        return outputs.exp()

    def column_names(self, *, qualified: bool) -> list[str]:
        """Return ``probability_<target>``."""
        return [f"probability_{self.name}"]

    def columns(
        self,
        predicted: np.ndarray,
        *,
        qualified: bool,
        sizes: np.ndarray | None = None,
    ) -> dict[str, np.ndarray]:
        """Return ``predicted_<target>``, 1 for the most probable element of each set, and ``probability_<target>``."""
        probability = {f"probability_{self.name}": predicted[:, 0]}
        if sizes is None:
            return probability
        named = (named_elements(predicted[:, 0], sizes) > 0).astype(np.int64)
        return {f"predicted_{self.name}": named, **probability}

    def metrics(self, of: Of, *, label: bool = False) -> tuple[Metric, ...]:
        """Return cross entropy and accuracy, over sets."""
        return METRICS

    @property
    def decisive(self) -> str:
        """Return the cross entropy."""
        return "cross_entropy"

    def does_well(self, model: Mapping[str, float], constant: Mapping[str, float], what: Of) -> str | None:
        """Say how well classes are told apart, where the probabilities alone are poor."""
        return told_apart(model, constant, what)

    def loss_of(self, metrics: dict[str, float]) -> float:
        """Return the cross entropy."""
        return metrics["cross_entropy"]

    def measured(
        self, predicted: np.ndarray, truth: np.ndarray, sizes: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return probabilities of the marked elements, and their shares in being named, ``(B, 2)``; and their marks."""
        assert sizes is not None, "which element of which set?"
        known = ~np.isnan(truth)
        named = named_elements(predicted[:, 0], sizes)
        return np.stack([predicted[known, 0], named[known]], axis=1), truth[known]

    def undefined(self, known: np.ndarray, what: str) -> list[str]:
        """Return nothing: every set has one marked element."""
        return []

    def simple(self, role: Role, table: Table) -> np.ndarray:
        """Return odds of being marked, made to add up to one over each set ``(n, 1)``."""
        assert table.owners is not None, "elements of which sets?"
        marked = (table.y == 1).astype(np.int64)
        said = CLASSES[role](table.x, marked, table.weights, table.new, table.seed)
        chance = np.clip(said[:, 1], _EPSILON, 1 - _EPSILON)
        odds = chance / (1 - chance)
        _, number = np.unique(table.owners, return_inverse=True)
        return (odds / np.bincount(number, weights=odds)[number])[:, None]

    def drawn_words(self, draws: np.ndarray, whole: np.ndarray, truth: np.ndarray) -> str:
        """Refuse: sets are learned whole."""
        raise RuntimeError(f"which element is meant ({self.name}) is learned from whole sets.")

    def misfits(self, predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
        """Return 1 less the probabilities of the marked elements."""
        return 1 - predicted[:, 0]

    @property
    def misfit_words(self) -> str:
        """Return "1 less the probability of the marked element"."""
        return "1 less the probability of the marked element"

    def truth_in(self, table: pa.Table) -> np.ndarray:
        """Return 1 of marked elements ``(N,)`` of a table, NaN of all others."""
        return np.array([1.0 if value == 1 else np.nan for value in table[self.name].to_pylist()])

    def figures(self, predictions: pa.Table, *, qualified: bool, what: Of) -> list[Figure]:
        """Return the probability of the marked element against the size of the set."""
        marked = predictions.filter(pc.is_valid(predictions[self.name]))
        if not marked.num_rows:
            return []
        marked = some_rows(marked.filter(pc.equal(marked[self.name], 1)))
        probability = marked[f"probability_{self.name}"].to_numpy()
        return [TrueProbability(marked["size"].to_numpy(), probability, names=row_names(marked))]

    def loss_words(self, *, standardised: bool) -> str:
        """Return "cross entropy (nats)"."""
        return "cross entropy (nats)"


def named_elements(probabilities: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return how much each element is named ``(N,)``: 1 for the most probable one of its set; ties share it evenly."""
    starts = np.cumsum(sizes) - sizes
    best = probabilities == np.repeat(np.maximum.reduceat(probabilities, starts), sizes)
    return best / np.repeat(np.add.reduceat(best.astype(np.float64), starts), sizes)


def _marks(store: SetStore, name: str) -> np.ndarray:
    """Return 1 of the element that is meant, NaN of all others ``(N,)``; truth values count as 1 and 0."""
    column = labels_of(store, name)
    if is_text_label(column):
        names, codes = label_codes(column)
        known = [{"true": 1.0, "false": 0.0}.get(label.lower(), 2.0) for label in names]
        marks = np.where(codes < 0, 0.0, np.array([*known, 0.0])[codes])
    else:
        marks = np.nan_to_num(label_numbers(column, name))
    check_marks(marks, store.sizes, store.set_ids, name)
    return np.where(marks == 1, 1.0, np.nan)


def check_marks(marks: np.ndarray, sizes: np.ndarray, set_ids: list[str], target: str) -> None:
    """Refuse marks ``(N,)`` other than 0 and 1, and sets in which not exactly one element is marked.

    Raises:
        InputError: such marks, with the names of the sets.
    """
    odd = marks[~np.isin(marks, (0.0, 1.0)) & ~np.isnan(marks)]
    if odd.size:
        raise InputError(
            f"labels {target!r} must be 1 for the one element that is meant and 0 for the others; got {odd[0]:g}."
        )
    counts = np.add.reduceat(marks == 1, np.cumsum(sizes) - sizes, dtype=np.int64)
    bad = np.flatnonzero(counts != 1)
    if bad.size:
        few = ", ".join(f"{set_ids[row]!r} has {counts[row]}" for row in bad[:3])
        raise InputError(
            f"exactly one element of each set must be marked 1 in {target!r}; {bad.size} of {len(sizes)} sets differ: "
            f"{few}. Mend them, drop these sets, or label elements independently (--task classification)."
        )
