"""Heads: one target each, how its values become numbers to fit, and the model's outputs for it become predictions.

All kinds offer the same methods, on values ``(B,)`` of B sets (or of N elements, where elements are labelled) in which
missing ones are None or NaN. `Objective` joins them.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Literal, Self

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torch.nn import functional

from setwise._checks import InputError
from setwise.store.tables import listed
from setwise.targets.which_element import WhichElement

Label = bool | int | float | str
_FROZEN = ConfigDict(frozen=True, extra="forbid")


class Regression(BaseModel):
    """A number, fitted by the squared error of the standardised target.

    Attributes:
        target: the name of the column.
        mean: over the training sets, in the target's units.
        std: standard deviation over the training sets.
        share: of the training sets that have a value, dimensionless.
    """

    model_config = _FROZEN

    kind: Literal["regression"] = "regression"
    target: str
    mean: float = 0.0
    std: float = 1.0
    share: float = Field(default=1.0, gt=0, le=1)

    @classmethod
    def fit(cls, target: str, values: np.ndarray, *, standardise: bool = True) -> Self:
        """Take mean and spread of the values ``(B,)`` of the training sets.

        Raises:
            InputError: a target that is the same for all training sets, or known for none.
        """
        values = np.asarray(values, dtype=np.float64)
        known = values[~np.isnan(values)]
        _check_some(target, known)
        if not np.ptp(known) > 0:
            raise InputError(
                f"target {target!r} must vary among the training sets; all {len(known)} have {known[0]:g}. "
                "Choose another target, or add sets with other values."
            )
        share = len(known) / len(values)
        if not standardise:
            return cls(target=target, share=share)
        return cls(target=target, mean=float(known.mean()), std=float(known.std()), share=share)

    @property
    def out_features(self) -> int:
        """Outputs of the model: one."""
        return 1

    @property
    def width(self) -> int:
        """Numbers of a prediction: one."""
        return 1

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Standardised values ``(B,)`` float64, NaN where missing."""
        return (self.truth(values) - self.mean) / self.std

    def truth(self, values: np.ndarray) -> np.ndarray:
        """What predictions are compared with: values ``(B,)`` float64 in their units."""
        return np.asarray(values, dtype=np.float64)

    def losses(self, outputs: Tensor, encoded: Tensor) -> Tensor:
        """Squared errors ``(B,)`` of outputs ``(B, 1)``; standardised units."""
        return (outputs[:, 0] - encoded.to(outputs.dtype)).square()

    def predict(self, outputs: Tensor) -> Tensor:
        """Predictions ``(B, 1)`` in the target's units, of outputs ``(B, 1)``."""
        return outputs * self.std + self.mean

    def columns(self, predicted: np.ndarray, *, qualified: bool) -> dict[str, np.ndarray]:  # noqa: ARG002 - as of all
        """The prediction column ``predicted_<target>``."""
        return {f"predicted_{self.target}": predicted[:, 0]}


class Classification(BaseModel):
    """One of K classes, fitted by cross entropy.

    Attributes:
        target: the name of the column.
        classes: K labels, sorted; output k is the logit of class k.
        weights: K weights of the classes in the loss, or none where all count alike (dimensionless).
        share: of the training sets that have a label, dimensionless.
        temperature: that logits are divided by before they become probabilities, fitted after the model was.
    """

    model_config = _FROZEN

    kind: Literal["classification"] = "classification"
    target: str
    classes: tuple[Label, ...] = Field(min_length=2)
    weights: tuple[float, ...] | None = None
    share: float = Field(default=1.0, gt=0, le=1)
    temperature: float = Field(default=1.0, gt=0)

    @classmethod
    def fit(cls, target: str, labels: Sequence[Label | None] | np.ndarray) -> Self:
        """Take the classes among the labels ``(B,)`` of the training sets.

        Raises:
            InputError: fewer than two classes.
        """
        known = _known(labels)
        _check_some(target, known)
        classes = np.unique(np.asarray(known)).tolist()
        _check_two(target, classes, len(known))
        return cls(target=target, classes=tuple(classes), share=len(known) / len(labels))

    @property
    def out_features(self) -> int:
        """K, the outputs that the model must have."""
        return len(self.classes)

    @property
    def width(self) -> int:
        """Numbers of a prediction: K probabilities."""
        return len(self.classes)

    def encode(self, labels: Sequence[Label | None] | np.ndarray) -> np.ndarray:
        """The class numbers ``(B,)`` of labels ``(B,)`` in float64, NaN where missing.

        Raises:
            InputError: a label that is not among the classes.
        """
        return _numbers(self.target, self.classes, labels)

    def truth(self, labels: Sequence[Label | None] | np.ndarray) -> np.ndarray:
        """What predictions are compared with: class numbers, as `encode`."""
        return self.encode(labels)

    def losses(self, outputs: Tensor, encoded: Tensor) -> Tensor:
        """Cross entropies ``(B,)`` of logits ``(B, K)``, times the weight of the class; nats."""
        number = encoded.long()
        return _weighed(functional.cross_entropy(outputs, number, reduction="none"), self.weights, number)

    def predict(self, outputs: Tensor) -> Tensor:
        """Probabilities ``(B, K)``, rows adding up to one, of logits ``(B, K)``."""
        return (outputs if self.temperature == 1 else outputs / self.temperature).softmax(1)

    def columns(self, predicted: np.ndarray, *, qualified: bool) -> dict[str, np.ndarray]:
        """Prediction columns: ``predicted_<target>``, the most probable class, and a probability for each class."""
        best = np.asarray(self.classes)[predicted.argmax(1)]
        return {f"predicted_{self.target}": best, **_probabilities(self, predicted, qualified=qualified)}


class Ordinal(BaseModel):
    """One of K classes that have an order, fitted by a cumulative link model.

    The first of K - 1 outputs is the logit of being above the first class; each further one lowers it, by its softplus,
    to the logit of being above the next class. So probabilities are never negative, and errors by many classes cost
    more than errors by one.

    Attributes:
        target: the name of the column.
        classes: K labels, from lowest to highest.
        weights: K weights of the classes in the loss, or none where all count alike (dimensionless).
        share: of the training sets that have a label, dimensionless.

    Source: McCullagh 1980, Regression models for ordinal data, J. R. Stat. Soc. B 42(2), section 2.
    Differs from it: the distances of the thresholds are outputs as well, so that odds need not be proportional.
    """

    model_config = _FROZEN

    kind: Literal["ordinal"] = "ordinal"
    target: str
    classes: tuple[Label, ...] = Field(min_length=2)
    weights: tuple[float, ...] | None = None
    share: float = Field(default=1.0, gt=0, le=1)

    @classmethod
    def fit(
        cls, target: str, labels: Sequence[Label | None] | np.ndarray, *, order: Sequence[Label] | None = None
    ) -> Self:
        """Take the classes in their order: the given one, or by size where the labels ``(B,)`` are numbers.

        Raises:
            InputError: labels that are no numbers where no order is given, labels that the order lacks, one class.
        """
        known = _known(labels)
        _check_some(target, known)
        found = set(known)
        _check_two(target, sorted(found, key=str), len(known))
        if order is not None:
            _check_order(target, order, found)
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

    @property
    def out_features(self) -> int:
        """K - 1, the outputs that the model must have."""
        return len(self.classes) - 1

    @property
    def width(self) -> int:
        """Numbers of a prediction: K probabilities."""
        return len(self.classes)

    def encode(self, labels: Sequence[Label | None] | np.ndarray) -> np.ndarray:
        """The class numbers ``(B,)``, from 0 for the lowest, in float64, NaN where missing; errors as for classes."""
        return _numbers(self.target, self.classes, labels)

    def truth(self, labels: Sequence[Label | None] | np.ndarray) -> np.ndarray:
        """What predictions are compared with: class numbers, as `encode`."""
        return self.encode(labels)

    def losses(self, outputs: Tensor, encoded: Tensor) -> Tensor:
        """Negative logarithms ``(B,)`` of the probability of the true class, times its weight; nats."""
        number = encoded.long()
        losses = -self._log_probabilities(outputs).gather(1, number[:, None])[:, 0]
        return _weighed(losses, self.weights, number)

    def predict(self, outputs: Tensor) -> Tensor:
        """Probabilities ``(B, K)``, rows adding up to one, of outputs ``(B, K - 1)``."""
        return self._log_probabilities(outputs).exp()

    def columns(self, predicted: np.ndarray, *, qualified: bool) -> dict[str, np.ndarray]:
        """Prediction columns: ``predicted_<target>``, the median class, and a probability for each class."""
        best = np.asarray(self.classes)[median_class(predicted)]
        return {f"predicted_{self.target}": best, **_probabilities(self, predicted, qualified=qualified)}

    def _log_probabilities(self, outputs: Tensor) -> Tensor:
        """``log(sigmoid(a_k) - sigmoid(a_k+1))``, where ``a_k - a_k+1 = softplus(z)``, without cancellation."""
        first, lowered = outputs[:, :1], outputs[:, 1:]
        above = torch.cat([first, first - functional.softplus(lowered).cumsum(1)], 1)  # (B, K - 1)
        log_above, log_below = functional.logsigmoid(above), functional.logsigmoid(-above)
        between = log_above[:, :-1] + log_below[:, 1:] + functional.logsigmoid(lowered)
        return torch.cat([log_below[:, :1], between, log_above[:, -1:]], 1)


Head = Regression | Classification | Ordinal | WhichElement
AnyHead = Annotated[Head, Field(discriminator="kind")]


def median_class(probabilities: np.ndarray) -> np.ndarray:
    """The number ``(B,)`` of the class at the middle of each distribution ``(B, K)``: least expected error in ranks."""
    return np.minimum((probabilities.cumsum(1) < 0.5).sum(1), probabilities.shape[1] - 1)


def best_class(head: Classification | Ordinal, predicted: np.ndarray) -> np.ndarray:
    """The number ``(B,)`` of the class that a head names, of its probabilities ``(B, K)``."""
    return median_class(predicted) if isinstance(head, Ordinal) else predicted.argmax(1)


def is_known(value: object) -> bool:
    """Whether there is a value: neither None nor NaN."""
    return value is not None and not (isinstance(value, float) and value != value)


def _known(labels: Sequence[Label | None] | np.ndarray) -> list[Label]:
    """Labels that are there, as Python's own values, so that they can be written as JSON and compared after reading."""
    plain = labels.tolist() if isinstance(labels, np.ndarray) else list(labels)
    return [label for label in plain if is_known(label)]  # pyright: ignore[reportReturnType] none is None


def _numbers(target: str, classes: Sequence[Label], labels: Sequence[Label | None] | np.ndarray) -> np.ndarray:
    number: dict[object, float] = {label: float(i) for i, label in enumerate(classes)}
    plain = labels.tolist() if isinstance(labels, np.ndarray) else list(labels)
    for label in plain:
        if is_known(label) and label not in number:
            raise InputError(
                f"target {target!r} must be one of the classes of the training sets, "
                f"{listed([repr(name) for name in classes])}; got {label!r}. "
                "Leave those sets out, or train on some of them."
            )
    return np.array([number.get(label, np.nan) for label in plain], np.float64)


def _weighed(losses: Tensor, weights: tuple[float, ...] | None, number: Tensor) -> Tensor:
    return losses if weights is None else losses * _on(losses.device, losses.dtype, weights)[number]


@lru_cache(maxsize=16)
def _on(device: torch.device, dtype: torch.dtype, values: tuple[float, ...]) -> Tensor:
    """Numbers on a device, copied there once: a copy in every step would make the step wait for the device."""
    return torch.tensor(values, dtype=dtype, device=device)


def _probabilities(head: Classification | Ordinal, predicted: np.ndarray, *, qualified: bool) -> dict[str, np.ndarray]:
    prefix = f"probability_{head.target}_" if qualified else "probability_"
    return {f"{prefix}{label}": predicted[:, i] for i, label in enumerate(head.classes)}


def _check_some(target: str, known: Sequence[object] | np.ndarray) -> None:
    if len(known) == 0:
        raise InputError(
            f"target {target!r} must be known for some training sets; it is missing for all of them. "
            "Leave it out, or add sets that have it."
        )


def _check_two(target: str, classes: Sequence[Label], count: int) -> None:
    if len(classes) < 2:
        raise InputError(
            f"target {target!r} must have two classes at least among the training sets; all {count} "
            f"are {classes[0]!r}. Add sets of another class, or choose another target."
        )


def _check_order(target: str, order: Sequence[Label], found: set[Label]) -> None:
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
