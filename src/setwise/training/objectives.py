"""What is predicted: how targets become numbers to fit, and outputs become predictions.

Both kinds offer the same methods; `objective_from_dict` tells them apart.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from torch import Tensor
from torch.nn import functional

from setwise._checks import InputError
from setwise.data.tables import listed

Label = bool | int | float | str


class Regression(BaseModel):
    """One or several numbers per set, fitted by the mean squared error of the standardised targets.

    Attributes:
        targets: T names.
        mean: T means over the training sets, in the targets' units.
        std: T standard deviations over the training sets.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["regression"] = "regression"
    targets: tuple[str, ...] = Field(min_length=1)
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def fit(cls, targets: Sequence[str], values: np.ndarray, *, standardise: bool = True) -> Self:
        """Take the names, and the mean and spread of the values ``(B, T)`` of the training sets.

        Raises:
            InputError: a target that is the same for all training sets.
        """
        values = np.asarray(values, dtype=np.float64)
        mean, std = values.mean(0), values.std(0)
        for column, name in enumerate(targets):
            if not np.ptp(values[:, column]) > 0:
                raise InputError(
                    f"target {name!r} must vary among the training sets; all {len(values)} have "
                    f"{values[0, column]:g}. Choose another target, or add sets with other values."
                )
        if not standardise:
            mean, std = np.zeros_like(mean), np.ones_like(std)
        return cls(targets=tuple(targets), mean=tuple(mean.tolist()), std=tuple(std.tolist()))

    @property
    def out_features(self) -> int:
        """K, the outputs that the model must have."""
        return len(self.targets)

    def encode(self, values: np.ndarray) -> Tensor:
        """Standardised targets ``(B, T)`` float64 of values ``(B, T)`` in their units."""
        return torch.as_tensor((np.asarray(values, dtype=np.float64) - self.mean) / self.std)

    def truth(self, values: np.ndarray) -> np.ndarray:
        """What predictions are compared with: values ``(B, T)`` float64 in their units."""
        return np.asarray(values, dtype=np.float64)

    def loss(self, outputs: Tensor, encoded: Tensor) -> Tensor:
        """Mean squared error over sets and targets, a scalar; standardised units."""
        return functional.mse_loss(outputs, encoded.to(outputs.dtype))

    def predict(self, outputs: Tensor) -> np.ndarray:
        """Predictions ``(B, T)`` float64 in the targets' units, of outputs ``(B, T)``."""
        return outputs.detach().cpu().double().numpy() * np.asarray(self.std) + np.asarray(self.mean)

    def columns(self, predicted: np.ndarray) -> dict[str, np.ndarray]:
        """Named prediction columns: ``predicted_<target>``."""
        return {f"predicted_{name}": predicted[:, i] for i, name in enumerate(self.targets)}

    def decode(self, outputs: Tensor) -> dict[str, np.ndarray]:
        """Named prediction columns of outputs ``(B, T)``."""
        return self.columns(self.predict(outputs))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for ``model.json``."""
        return self.model_dump(mode="json")


class Classification(BaseModel):
    """One of K classes per set, fitted by cross entropy.

    Attributes:
        target: the name of the column.
        classes: K labels, sorted; output k is the logit of class k.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["classification"] = "classification"
    target: str
    classes: tuple[Label, ...] = Field(min_length=2)

    @classmethod
    def fit(cls, target: str, labels: Sequence[Label] | np.ndarray) -> Self:
        """Take the name, and the classes among the labels ``(B,)`` of the training sets.

        Raises:
            InputError: fewer than two classes.
        """
        classes = _plain(np.unique(np.asarray(labels)))
        if len(classes) < 2:
            raise InputError(
                f"target {target!r} must have two classes at least among the training sets; all {len(labels)} "
                f"are {classes[0]!r}. Add sets of another class, or choose another target."
            )
        return cls(target=target, classes=tuple(classes))

    @property
    def out_features(self) -> int:
        """K, the outputs that the model must have."""
        return len(self.classes)

    @property
    def targets(self) -> tuple[str, ...]:
        """The name of the target, as a tuple of one."""
        return (self.target,)

    def encode(self, labels: Sequence[Label] | np.ndarray) -> Tensor:
        """The class numbers ``(B,)`` int64 of labels ``(B,)``.

        Raises:
            InputError: a label that is not among the classes.
        """
        number = {label: i for i, label in enumerate(self.classes)}
        plain = _plain(np.asarray(labels))
        for label in plain:
            if label not in number:
                raise InputError(
                    f"target {self.target!r} must be one of the classes of the training sets, "
                    f"{listed([repr(name) for name in self.classes])}; got {label!r}. "
                    "Leave those sets out, or train on some of them."
                )
        return torch.tensor([number[label] for label in plain], dtype=torch.int64)

    def truth(self, labels: Sequence[Label] | np.ndarray) -> np.ndarray:
        """What predictions are compared with: class numbers ``(B,)`` of labels ``(B,)``; errors as for `encode`."""
        return self.encode(labels).numpy()

    def loss(self, outputs: Tensor, encoded: Tensor) -> Tensor:
        """Cross entropy, mean over sets, a scalar; nats."""
        return functional.cross_entropy(outputs, encoded)

    def predict(self, outputs: Tensor) -> np.ndarray:
        """Probabilities ``(B, K)`` float64, rows adding up to one, of logits ``(B, K)``."""
        return outputs.detach().cpu().double().softmax(1).numpy()

    def columns(self, predicted: np.ndarray) -> dict[str, np.ndarray]:
        """Named prediction columns: ``predicted_<target>`` and ``probability_<class>`` for every class."""
        best = np.asarray(self.classes)[predicted.argmax(1)]
        return {
            f"predicted_{self.target}": best,
            **{f"probability_{label}": predicted[:, i] for i, label in enumerate(self.classes)},
        }

    def decode(self, outputs: Tensor) -> dict[str, np.ndarray]:
        """Named prediction columns of logits ``(B, K)``."""
        return self.columns(self.predict(outputs))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for ``model.json``."""
        return self.model_dump(mode="json")


Objective = Annotated[Regression | Classification, Field(discriminator="kind")]


def objective_from_dict(values: dict[str, Any]) -> Regression | Classification:
    """The objective that `to_dict` wrote.

    Raises:
        ValueError: anything else.
    """
    return TypeAdapter(Objective).validate_python(values)


def _plain(array: np.ndarray) -> list[Label]:
    """Labels as Python's own values, so that they can be written as JSON and compared after reading."""
    return array.tolist()
