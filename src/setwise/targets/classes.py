"""Predict one of K classes without an order, by cross entropy."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pyarrow as pa
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from setwise._checks import InputError
from setwise.metrics import formulas
from setwise.metrics.calibration import end_of_search, fit_temperature, negative_log_likelihood
from setwise.metrics.metric import Metric
from setwise.models.family import Head
from setwise.store.labels import label_codes, labels_of
from setwise.store.splits import Split
from setwise.store.store import SetStore
from setwise.store.tables import listed
from setwise.targets.labels import Labels, entropy
from setwise.targets.target import Choices, Of
from setwise.targets.values import Label, check_some, check_some_elements, check_two, known_labels, weighed


def _accuracy(predicted: np.ndarray, truth: np.ndarray) -> float:
    return formulas.accuracy(truth, predicted.argmax(1))


def _balanced(predicted: np.ndarray, truth: np.ndarray) -> float:
    best = predicted.argmax(1)
    return float(np.mean([(best[truth == k] == k).mean() for k in np.unique(truth)]))


def _auc(predicted: np.ndarray, truth: np.ndarray) -> float | None:
    present = np.unique(truth).astype(np.int64)
    if len(present) < 2:
        return None
    ranked = [1] if predicted.shape[1] == 2 else present
    return float(np.mean([formulas.auc(truth == k, predicted[:, k]) for k in ranked]))


def _f1(predicted: np.ndarray, truth: np.ndarray) -> float | None:
    return formulas.f1(truth, predicted.argmax(1)) if (truth == 1).any() else None


def _macro_f1(predicted: np.ndarray, truth: np.ndarray) -> float:
    named = predicted.argmax(1)
    each = [formulas.f1((truth == k).astype(int), (named == k).astype(int)) for k in np.unique(truth)]
    return float(np.mean(each))


def _average_precision(predicted: np.ndarray, truth: np.ndarray) -> float | None:
    return formulas.average_precision(truth, predicted[:, 1]) if truth.any() else None


CROSS_ENTROPY = Metric("cross_entropy", "cross entropy", lower=True, unit="nats", function=entropy)
AUC = Metric("auc", "AUC", lower=False, function=_auc, chance=0.5)
F1 = Metric("f1", "F1", lower=False, function=_f1)
MACRO_F1 = Metric("macro_f1", "macro F1", lower=False, function=_macro_f1)
AVERAGE_PRECISION = Metric("average_precision", "average precision", lower=False, function=_average_precision)
METRICS = (
    CROSS_ENTROPY,
    Metric("accuracy", "accuracy", lower=False, function=_accuracy),
    Metric("balanced_accuracy", "balanced accuracy", lower=False, function=_balanced),
    AUC,
)


class Classes(Labels):
    """Predict one of K classes, by cross entropy.

    Attributes:
        name: of the column.
        classes: K labels, sorted; output k is the logit of class k.
        weights: K weights of the classes in the loss, or none where all count alike (dimensionless).
        share: of the training sets that have a label, dimensionless.
        temperature: that logits are divided by before they become probabilities, fitted after the model was.
    """

    of: ClassVar[tuple[Of, ...]] = ("sets", "elements")

    kind: Literal["classification"] = "classification"
    temperature: float = Field(default=1.0, gt=0)

    @classmethod
    def fit(cls, target: str, labels: Sequence[Label | None] | np.ndarray) -> Self:
        """Take the classes among the labels ``(B,)`` of the training sets.

        Raises:
            InputError: fewer than two classes.
        """
        known = known_labels(labels)
        check_some(target, known)
        classes = np.unique(np.asarray(known)).tolist()
        check_two(target, classes, len(known))
        return cls(target=target, classes=tuple(classes), share=len(known) / len(labels))

    @classmethod
    def of_sets(cls, name: str, values: np.ndarray, choices: Choices) -> Self:
        """Learn the classes from labels ``(B,)`` of the training sets."""
        return cls.fit(name, values)

    @classmethod
    def of_elements(
        cls,
        store: SetStore,
        name: str,
        train: np.ndarray,
        split: Split,
        choices: Choices,
    ) -> tuple[Self, np.ndarray]:
        """Learn the classes from labels of the elements at some places; and truth ``(N,)`` of all elements."""
        names, codes = label_codes(labels_of(store, name))
        trained = codes[train]
        check_some_elements(np.where(trained < 0, np.nan, trained), name)
        classes = sorted(names[code] for code in np.unique(trained[trained >= 0]))
        if len(classes) < 2:
            raise InputError(
                f"label {name!r} must have two classes at least among the training elements; all that have one are "
                f"{classes[0]!r}. Add sets with elements of another class, or choose another label."
            )
        target = cls(target=name, classes=tuple(classes), share=float((trained >= 0).mean()))
        held = np.full(len(store), "", dtype=object)
        for part in ("validation", "test"):
            held[getattr(split, part)] = part
        return target, target._numbers_of(names, codes, store, held)

    def element_truth(self, store: SetStore) -> np.ndarray:
        """Return the class numbers ``(N,)`` of all elements, NaN where missing.

        Raises:
            InputError: a class that no training element had.
        """
        names, codes = label_codes(labels_of(store, self.name))
        return self._numbers_of(names, codes, store)

    def element_column(self, truth: np.ndarray) -> pa.Array:
        """Return the names of class numbers ``(N,)``."""
        missing = np.isnan(truth)
        indices = pa.array(np.where(missing, 0, truth).astype(np.int32), mask=missing)
        names = pa.array([str(label) for label in self.classes])
        return pa.DictionaryArray.from_arrays(indices, names).dictionary_decode()

    @property
    def out_features(self) -> int:
        """Return K."""
        return len(self.classes)

    def best(self, predicted: np.ndarray) -> np.ndarray:
        """Return the most probable class ``(B,)``."""
        return predicted.argmax(1)

    @property
    def head(self) -> Head:
        """Return the logits of the classes."""
        return Head("classes", self.out_features, self.weights)

    def losses(self, outputs: Tensor, encoded: Tensor) -> Tensor:
        """Return cross entropies ``(B,)`` of logits ``(B, K)``, times the weight of the class; nats."""
        number = encoded.long()
        return weighed(functional.cross_entropy(outputs, number, reduction="none"), self.weights, number)

    def predict(self, outputs: Tensor) -> Tensor:
        """Return probabilities ``(B, K)``, rows adding up to one, of logits ``(B, K)``."""
        return (outputs if self.temperature == 1 else outputs / self.temperature).softmax(1)

    def metrics(self, of: Of, *, label: bool = False) -> tuple[Metric, ...]:
        """Return cross entropy, accuracies and AUC; F1 of elements and labels, of labels the average precision too."""
        more = (F1, AVERAGE_PRECISION) if label else ()
        if of == "elements":
            more += (F1,) if len(self.classes) == 2 else (MACRO_F1,)
        return METRICS + tuple(dict.fromkeys(more))

    @property
    def is_label(self) -> bool:
        """Return true of two classes."""
        return len(self.classes) == 2

    def ranked(self, predicted: np.ndarray) -> np.ndarray | None:
        """Return the probability of the second of two classes."""
        return predicted[:, 1] if len(self.classes) == 2 else None

    @property
    def can_be_tempered(self) -> bool:
        """Return true."""
        return True

    def tempered(self, outputs: np.ndarray, truth: np.ndarray, what: str) -> tuple[Self, str]:
        """Return the target with the likeliest temperature, and what it says, in words."""
        classes = truth.astype(int)
        temperature = fit_temperature(outputs, classes)
        end = end_of_search(outputs, classes, temperature)
        words = self._tempered_words(outputs, classes, temperature, end, what)
        return self.model_copy(update={"temperature": 1.0 if end < 0 else temperature}), words

    def unseen(self, seen: np.ndarray, truth: np.ndarray) -> np.ndarray:
        """Return which class numbers ``(B,)`` are not among those that were seen."""
        return ~np.isin(truth, np.unique(seen))

    def _tempered_words(self, outputs: np.ndarray, classes: np.ndarray, temperature: float, end: int, what: str) -> str:
        count = len(classes)
        if end > 0:
            return (
                f"The probabilities of {self.name} carry no information: the {count} {what} are likeliest where all "
                f"classes are nearly alike (the temperature is {temperature:.3g}), so all are given about the same "
                "probabilities. The predicted classes are no better founded."
            )
        if end < 0:
            return (
                f"No temperature was fitted for {self.name}: all {count} {what} are predicted right, so that no "
                "certainty would be too much for them. Its probabilities are as the model gives them."
            )
        before, after = (negative_log_likelihood(outputs, classes, t) for t in (1.0, temperature))
        return (
            f"The probabilities of {self.name} are tempered by {temperature:.3g}, fitted on {count} {what}, whose "
            f"cross entropy it lowers from {before:.3g} to {after:.3g}."
        )

    def _numbers_of(
        self, names: Sequence[Any], codes: np.ndarray, store: SetStore, parts: np.ndarray | None = None
    ) -> np.ndarray:
        """Return the class numbers of all elements, NaN where missing; other classes are refused.

        Args:
            names: of the labels in the store.
            codes: ``(N,)`` which of them each element has, -1 where missing.
            store: the sets.
            parts: ``(B,)`` the part of the split that a set is held out in; those of none do not matter.
        """
        number = {label: float(i) for i, label in enumerate(self.classes)}
        table = np.array([*(number.get(name, np.inf) for name in names), np.nan])
        found = table[codes]  # -1, a missing label, is the last
        unknown = np.isinf(found)
        if parts is not None:
            unknown &= np.repeat(parts != "", store.sizes)
        if unknown.any():
            first = int(unknown.argmax())
            owner = int(np.searchsorted(store.offsets[1:], first, side="right"))
            where = f"set {store.set_ids[owner]!r}" + (f" of the {parts[owner]} part" if parts is not None else "")
            raise InputError(
                f"label {self.name!r} must be one of the classes of the training elements, "
                f"{listed([repr(label) for label in self.classes])}; {int(unknown.sum()):,} elements have others, such "
                f"as {names[codes[first]]!r} in {where}. Join rare classes, or leave those labels empty"
                + ("." if parts is None else ", or choose another split.")
            )
        return np.where(np.isinf(found), np.nan, found)
