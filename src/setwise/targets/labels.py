"""Predict one of K classes: what targets of classes share, with an order and without."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
from pydantic import Field
from torch import Tensor

from setwise._checks import InputError
from setwise.metrics import formulas
from setwise.metrics.calibration import in_prediction_set
from setwise.store import columns
from setwise.store.splits import Split
from setwise.store.store import SetStore
from setwise.store.tables import listed
from setwise.targets.figures import (
    Confusion,
    Figure,
    Reliability,
    Roc,
    TrueProbability,
    clusters_of,
    known_rows,
    row_names,
)
from setwise.targets.number import deviation
from setwise.targets.simple import CLASSES, Role, Table
from setwise.targets.target import Of, Target
from setwise.targets.values import Label, class_numbers, is_known, told_apart

_SMALLEST = 1e-300  # probability whose logarithm is taken


class Labels(Target):
    """Predict one of K classes by their probabilities.

    Attributes:
        classes: K labels.
        weights: K weights of the classes in the loss, or none where all count alike (dimensionless).
    """

    linear: ClassVar[str] = "logistic regression"
    loss_part: ClassVar[str] = "cross entropies (nats)"
    discrete: ClassVar[bool] = True

    classes: tuple[Label, ...] = Field(min_length=2)
    weights: tuple[float, ...] | None = None
    share: float = Field(default=1.0, gt=0, le=1)

    @abstractmethod
    def best(self, predicted: np.ndarray) -> np.ndarray:
        """Return the number ``(B,)`` of the class that probabilities ``(B, K)`` name."""

    @classmethod
    def read(cls, store: SetStore, name: str, rows: np.ndarray, event: str | None = None) -> np.ndarray:
        """Return labels ``(B,)`` as text, None where missing."""
        labels = np.empty(len(store), dtype=object)
        labels[:] = columns.labels(store, name, rows)
        return labels

    @classmethod
    def check_values(cls, name: str, known: Sequence[Any]) -> None:
        """Refuse labels of one class."""
        columns.check_varies(known, name)

    def check_parts(self, store: SetStore, values: np.ndarray, split: Split) -> None:
        """Refuse a class that is on one side of the split alone: what is measured then is not what was learned."""
        for label in sorted({value for value in values if is_known(value)}):
            rows = [row for row, value in enumerate(values) if value == label]
            if len(rows) == 1:
                raise InputError(
                    f"class {label!r} of target {self.name!r} has one set only, {store.set_ids[rows[0]]!r}, so it "
                    "cannot be both learned and tested. Add sets of it, join it with another class, leave the set out, "
                    "or fit without a test part (test=0, --test 0)."
                )
            if label not in self.classes:
                raise InputError(
                    f"class {label!r} of target {self.name!r} is in no training set, so it cannot be learned; its "
                    f"{len(rows)} sets are held out. Add sets of it, or another seed (--seed) or split."
                )

    @property
    def width(self) -> int:
        """Return K, for K probabilities."""
        return len(self.classes)

    @property
    def labels(self) -> tuple[Label, ...]:
        """Return the classes."""
        return self.classes

    def truth(self, values: Sequence[Label | None] | np.ndarray) -> np.ndarray:
        """Return the class numbers ``(B,)`` of labels ``(B,)`` in float64, NaN where missing.

        Raises:
            InputError: a label that is not among the classes.
        """
        return class_numbers(self.name, self.classes, values)

    def weighed(self, wanted: str | Mapping[str, float], truth: np.ndarray, counted: np.ndarray) -> Self:
        """Return the target with given weights of its classes, or those that let all classes count alike."""
        if isinstance(wanted, str):
            known = ~np.isnan(truth)
            counts = np.bincount(truth[known].astype(np.int64), weights=counted[known], minlength=len(self.classes))
            weights = counts.sum() / (np.count_nonzero(counts) * np.where(counts > 0, counts, np.inf))
        else:
            unknown = [name for name in wanted if name not in self.classes]
            if unknown or not all(0 <= weight < np.inf for weight in wanted.values()):
                names = listed([repr(label) for label in self.classes])
                raise InputError(
                    f"class weights must be finite numbers of at least zero for the classes {names}; "
                    f"got {dict(wanted)}."
                )
            weights = np.array([wanted.get(str(label), 1.0) for label in self.classes])
        return self.model_copy(update={"weights": tuple(weights.tolist())})

    def drawn_alike(self, values: np.ndarray) -> np.ndarray:
        """Return class numbers ``(B,)`` of values."""
        return self.truth(values)

    def column_names(self, *, qualified: bool) -> list[str]:
        """Return ``probability_<class>``, or ``probability_<target>_<class>``."""
        prefix = f"probability_{self.name}_" if qualified else "probability_"
        return [f"{prefix}{label}" for label in self.classes]

    def columns(
        self, predicted: np.ndarray, *, qualified: bool, sizes: np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        """Return ``predicted_<target>``, the class that is named, and a probability for each class."""
        named = {f"predicted_{self.name}": np.asarray(self.classes)[self.best(predicted)]}
        return named | dict(zip(self.column_names(qualified=qualified), predicted.T, strict=True))

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

    def undefined(self, known: np.ndarray, what: str) -> list[str]:
        """Say where all rows are of one class, or a few of some."""
        if np.ptp(known) == 0:
            name = self.classes[int(known[0])]
            return [
                f"AUC of {self.name} is not defined, and accuracy says little: all {len(known)} {what} are {name!r}."
            ]
        counts = np.bincount(known.astype(np.int64), minlength=len(self.classes))
        rare = [f"{count} {self.classes[k]!r}" for k, count in enumerate(counts) if 0 < count < 3]
        return [f"Of {self.name} the {what} hold only {', '.join(rare)}: metrics rest on very few."] if rare else []

    def simple(self, role: Role, table: Table) -> np.ndarray:
        """Return shares of the classes, or probabilities of logistic regression or gradient boosting ``(n, K)``."""
        table = table.known()
        x, number, weights = table.x, table.y.astype(np.int64), table.weights
        if self.weights is not None:
            weights = weights * np.asarray(self.weights)[number]
            x, number, weights = (array[weights > 0] for array in (x, number, weights))
        present, number = np.unique(number, return_inverse=True)
        predicted = np.zeros((len(table.new), len(self.classes)))
        fit = CLASSES[role]
        predicted[:, present] = 1.0 if len(present) == 1 else fit(x, number, weights, table.new, table.seed)
        return predicted

    def drawn_words(self, draws: np.ndarray, whole: np.ndarray, truth: np.ndarray) -> str:
        """Return a sentence on how far draws move the probability of the class, and how often they change it."""
        chosen = whole.argmax(1)
        of_chosen = np.take_along_axis(draws, chosen[None, :, None], 2)[..., 0]
        changed = np.mean(draws.argmax(2) != chosen)
        return (
            f"{self.name}: the probability of the class that the whole set gets has a standard deviation of "
            f"{deviation(of_chosen):.2g} over the draws, and {changed:.0%} of the draws get another class."
        )

    @property
    def interval(self) -> str:
        """Return "sets of classes"."""
        return "sets of classes"

    def misfits(self, predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
        """Return ``1 - p`` of the true classes."""
        return 1 - predicted[np.arange(len(truth)), truth.astype(np.int64)]

    @property
    def misfit_words(self) -> str:
        """Return "1 less the probability of the true class"."""
        return "1 less the probability of the true class"

    def truth_in(self, table: pa.Table) -> np.ndarray:
        """Return the class numbers ``(B,)`` of names in a table, NaN where missing."""
        names = [str(label) for label in self.classes]
        return class_numbers(self.name, names, [None if x is None else str(x) for x in table[self.name].to_pylist()])

    def holding(self, predicted: np.ndarray, quantile: float | None) -> dict[str, pa.Array]:
        """Return the column ``classes_<target>``: the classes that a row can be of, all without a quantile."""
        chosen = in_prediction_set(predicted, 1.0 if quantile is None else quantile)
        names = np.asarray([str(label) for label in self.classes])
        return {f"classes_{self.name}": pa.array([" | ".join(names[row]) for row in chosen])}

    def held(self, predicted: np.ndarray, truth: np.ndarray, quantile: float) -> tuple[np.ndarray, str]:
        """Return which true classes are in their sets, and how many classes these name."""
        chosen = in_prediction_set(predicted, quantile)
        size = f"they name {chosen.sum(1).mean():.2g} of {len(self.classes)} classes on average"
        return chosen[np.arange(len(truth)), truth.astype(np.int64)], size

    @property
    def answers(self) -> tuple[str, ...]:
        """Return the classes as text."""
        return tuple(str(label) for label in self.classes)

    def answer_name(self, answer: str, *, alone: bool) -> str:
        """Return ``class``, or ``target=class`` among several targets."""
        return answer if alone else f"{self.name}={answer}"

    def answered(self, predicted: np.ndarray) -> int:
        """Return the number of the class that probabilities ``(1, K)`` name."""
        return int(self.best(predicted)[0])

    def explained(self, predicted: Tensor, place: int, scale: str) -> Tensor:
        """Return the probability of a class ``(B,)``, or its log-odds.

        Log-odds are exact where the probability rounds to one, since 1 - p is the sum of the other classes.
        """
        if scale == "probability":
            return predicted[:, place]
        rest = predicted[:, [k for k in range(self.width) if k != place]].sum(1)
        return predicted[:, place].clamp_min(_SMALLEST).log() - rest.clamp_min(_SMALLEST).log()

    def answer_unit(self, scale: str, *, alone: bool) -> str:
        """Return the scale, and of which target among several."""
        return scale if alone else f"{scale} of {self.name}"

    @property
    def answer_kind(self) -> str:
        """Return "probability"."""
        return "probability"

    def figures(self, predictions: pa.Table, *, qualified: bool, what: Of) -> list[Figure]:
        """Return confusion, ROC curves, reliability, and the probability of the true class against the size."""
        known = known_rows(predictions, self.name)
        if not known.num_rows:
            return []
        names = self.column_names(qualified=qualified)
        shares = np.stack([known[name].to_numpy() for name in names], axis=1)
        truth = self.truth(known[self.name].to_pylist()).astype(np.int64)
        of = f" ({self.name})" if qualified else ""
        return [
            Confusion(self.classes, truth, self.best(shares), of, what),
            Roc(self.classes, truth, shares, of, clusters_of(known)),
            Roc(self.classes, truth, shares, of, clusters_of(known), recall=True),
            Reliability(truth, shares, of, what),
            TrueProbability(known["size"].to_numpy(), shares[np.arange(len(truth)), truth], of, what, row_names(known)),
        ]

    def loss_words(self, *, standardised: bool) -> str:
        """Return "cross entropy (nats)"."""
        return "cross entropy (nats)"


def entropy(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Return the cross entropy of probabilities ``(B, K)`` and class numbers ``(B,)``."""
    return formulas.cross_entropy(truth.astype(np.int64), predicted)
