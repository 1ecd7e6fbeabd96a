"""Predict one of K classes that have an order, by a cumulative link model."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
from torch import Tensor

from setwise._checks import InputError
from setwise.metrics import formulas
from setwise.metrics.metric import Metric
from setwise.models.family import Head
from setwise.models.links import log_probabilities_of_ranks
from setwise.store.tables import listed
from setwise.targets.classes import CROSS_ENTROPY
from setwise.targets.labels import Labels
from setwise.targets.target import Choices, Of
from setwise.targets.values import Label, check_some, check_two, known_labels, weighed


def median_class(probabilities: np.ndarray) -> np.ndarray:
    """Return the class number ``(B,)`` at the middle of each distribution ``(B, K)``: least expected error in ranks."""
    return np.minimum((probabilities.cumsum(1) < 0.5).sum(1), probabilities.shape[1] - 1)


def _accuracy(predicted: np.ndarray, truth: np.ndarray) -> float:
    return formulas.accuracy(truth, median_class(predicted))


def _rank_error(predicted: np.ndarray, truth: np.ndarray) -> float:
    return float(np.abs(median_class(predicted) - truth).mean())


def _kappa(predicted: np.ndarray, truth: np.ndarray) -> float | None:
    best = median_class(predicted)
    chance = np.square(best[:, None] - truth).mean()  # of pairs that have nothing to do with each other
    return float(1 - np.square(best - truth).mean() / chance) if chance > 0 else None


METRICS = (
    CROSS_ENTROPY,
    Metric("accuracy", "accuracy", lower=False, function=_accuracy),
    Metric("rank_error", "mean error in ranks", lower=True, unit="classes", function=_rank_error),
    Metric("kappa", "weighted kappa", lower=False, function=_kappa),
)


class Ordinal(Labels):
    """Predict one of K classes that have an order, by a cumulative link model.

    The first of K - 1 outputs is the logit of being above the first class; each further one lowers it, by its softplus,
    to the logit of being above the next class. So probabilities are never negative, and errors by many classes cost
    more than errors by one.

    Attributes:
        name: of the column.
        classes: K labels, from lowest to highest.
        weights: K weights of the classes in the loss, or none where all count alike (dimensionless).
        share: of the training sets that have a label, dimensionless.

    Source: McCullagh 1980, Regression models for ordinal data, J. R. Stat. Soc. B 42(2), section 2.
    Differs from it: the distances of the thresholds are outputs as well, so that odds need not be proportional.
    """

    of: ClassVar[tuple[Of, ...]] = ("sets",)

    kind: Literal["ordinal"] = "ordinal"

    @classmethod
    def fit(
        cls, target: str, labels: Sequence[Label | None] | np.ndarray, *, order: Sequence[Label] | None = None
    ) -> Self:
        """Take the classes in their order: the given one, or by size where the labels ``(B,)`` are numbers.

        Raises:
            InputError: labels that are no numbers where no order is given, labels that the order lacks, one class.
        """
        known = known_labels(labels)
        check_some(target, known)
        found = set(known)
        check_two(target, sorted(found, key=str), len(known))
        if order is not None:
            _check_names_all(target, order, found)
            return cls(target=target, classes=tuple(order), share=len(known) / len(labels))
        try:
            classes = sorted(found, key=float)
        except ValueError:
            raise InputError(
                f"target {target!r} is ordinal, so its classes must be numbers or have an order; got "
                f"{listed(sorted(map(repr, found)))}. Give the order, from lowest to highest "
                f"(orders={{...}}, --order {target}=LOW,MIDDLE,HIGH)."
            ) from None
        return cls(target=target, classes=tuple(classes), share=len(known) / len(labels))

    @classmethod
    def check_order(cls, name: str, order: Sequence[str], known: Sequence[Any]) -> None:
        """Refuse a class in an order that no set has: it is misspelt, and would take a share of all."""
        unknown = [repr(label) for label in order if label not in set(known)]
        if unknown:
            raise InputError(
                f"the order of target {name!r} must name classes that some set has; none has {listed(unknown)}. The "
                f"sets have {listed(sorted(map(repr, set(known))))}. Mend the order, or leave such classes out."
            )

    @classmethod
    def of_sets(cls, name: str, values: np.ndarray, choices: Choices) -> Self:
        """Learn the classes from labels ``(B,)`` of the training sets, in the order that was asked for."""
        return cls.fit(name, values, order=choices.order)

    @property
    def out_features(self) -> int:
        """Return K - 1."""
        return len(self.classes) - 1

    def best(self, predicted: np.ndarray) -> np.ndarray:
        """Return the median class ``(B,)``."""
        return median_class(predicted)

    @property
    def head(self) -> Head:
        """Return the logits of the classes in their order."""
        return Head("ranks", self.out_features, self.weights)

    def losses(self, outputs: Tensor, encoded: Tensor) -> Tensor:
        """Return negative logarithms ``(B,)`` of the probability of the true class, times its weight; nats."""
        number = encoded.long()
        losses = -log_probabilities_of_ranks(outputs).gather(1, number[:, None])[:, 0]
        return weighed(losses, self.weights, number)

    def predict(self, outputs: Tensor) -> Tensor:
        """Return probabilities ``(B, K)``, rows adding up to one, of outputs ``(B, K - 1)``."""
        return log_probabilities_of_ranks(outputs).exp()

    def ranked(self, predicted: np.ndarray) -> np.ndarray:
        """Return the mean number of the class."""
        return predicted @ np.arange(predicted.shape[1])

    def metrics(self, of: Of, *, label: bool = False) -> tuple[Metric, ...]:
        """Return cross entropy, accuracy, error in ranks and weighted kappa."""
        return METRICS


def _check_names_all(target: str, order: Sequence[Label], found: set[Label]) -> None:
    if len(set(order)) < len(order):
        raise InputError(
            f"the order of target {target!r} must name each class once; got {listed(list(map(repr, order)))}."
        )
    lacking = sorted(repr(label) for label in found if label not in order)
    if lacking:
        raise InputError(
            f"the order of target {target!r} must name all its classes; got {listed(list(map(repr, order)))}, "
            f"which lacks {listed(lacking)}. Add them to the order."
        )
