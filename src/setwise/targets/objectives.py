"""Join targets to what is predicted: their values become numbers to fit, outputs become predictions.

Values of targets have one row per set and one column per target, ``(B, T)``; where elements are predicted, one row per
element. A missing label is None or NaN and counts for nothing. Outputs ``(B, K)`` and predictions ``(B, P)`` have the
columns of the targets one after the other.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor

from setwise._checks import InputError
from setwise.metrics.metric import Metric, by_key
from setwise.models.family import Head
from setwise.targets.kinds import TARGETS, AnyTarget
from setwise.targets.target import Of, Target

LOSS = Metric("loss", "mean loss of all targets", lower=True)
_OF_LABELS = (
    Metric("hamming_loss", "Hamming loss", lower=True),
    Metric("micro_f1", "micro F1", lower=False),
    Metric("macro_f1", "macro F1", lower=False),
    Metric("mean_average_precision", "mean average precision", lower=False),
)


class Objective(BaseModel):
    """Predict one or several targets; the loss is the mean over them.

    Attributes:
        targets: in the order of the columns of values.
        of: sets or elements.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)

    targets: tuple[AnyTarget, ...] = Field(alias="heads", min_length=1)
    of: Of = Field(alias="rows", default="sets")

    @classmethod
    def join(cls, *targets: Target, of: Of = "sets") -> Self:
        """Join targets.

        Raises:
            InputError: targets and classes whose prediction columns would have one name.
        """
        objective = cls(heads=targets, rows=of)
        names = [
            name
            for target, part in objective.parts(np.ones((1, objective.width)))
            for name in target.columns(part, qualified=objective.qualified)
        ]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise InputError(f"two columns of predictions would be named {twice!r}. Rename a target or a class.")
        return objective

    @model_validator(mode="before")
    @classmethod
    def _of_first_format(cls, values: Any) -> Any:
        """Read what runs of format 1 have: several numbers, or the classes of one target."""
        if not isinstance(values, dict) or "kind" not in values:
            return values
        if values["kind"] != "regression" or "targets" not in values:
            return {"heads": [values]}
        columns = [values["targets"], values.get("mean", ()), values.get("std", ())]
        if len({len(column) for column in columns}) != 1:
            raise ValueError(f"targets must have one name and one number each; got {columns}")
        return {
            "heads": [
                {"kind": "regression", "target": target, "mean": mean, "std": std}
                for target, mean, std in zip(*columns, strict=True)
            ]
        }

    @property
    def names(self) -> tuple[str, ...]:
        """Return the T names of the targets."""
        return tuple(target.name for target in self.targets)

    @property
    def sources(self) -> tuple[str, ...]:
        """Return the names of all columns that the targets are read from."""
        return (*self.names, *(target.event_column for target in self.targets if target.event_column is not None))

    @property
    def kind(self) -> str:
        """Return a word: regression, classification, multi-label (several targets of two classes), mixed ..."""
        words = {target.word() for target in self.targets}
        if len(words) > 1:
            return "mixed"
        return "multi-label" if self.has_labels else words.pop()

    @property
    def has_labels(self) -> bool:
        """Return true of several targets that sets have or lack: of two classes without an order."""
        return len(self.targets) > 1 and all(target.is_label for target in self.targets)

    @property
    def has_common_unit(self) -> bool:
        """Return true where a mean of the same metric over the targets means something."""
        if len(self.targets) == 1:
            return True
        return len({target.word() for target in self.targets}) == 1 and self.targets[0].has_common_unit

    @property
    def qualified(self) -> bool:
        """Return true where several targets have classes, so that these alone do not name a column."""
        return sum(bool(target.labels) for target in self.targets) > 1

    @property
    def output(self) -> str:
        """Return the output that the model must have (`setwise.models.build`)."""
        (output,) = {target.output(self.of) for target in self.targets}
        return output

    @property
    def whole_sets(self) -> bool:
        """Return true where a target is of a set as a whole, so that no elements may be left out."""
        return any(target.whole_sets for target in self.targets)

    @property
    def out_features(self) -> int:
        """Return K, the outputs that the model must have."""
        return sum(target.out_features for target in self.targets)

    @property
    def width(self) -> int:
        """Return P, the numbers of a prediction."""
        return sum(target.width for target in self.targets)

    @property
    def metrics(self) -> dict[str, Metric]:
        """Return the metrics of the predictions by their keys, those of all targets together first."""
        own = {target.name: target.metrics(self.of, label=self.has_labels) for target in self.targets}
        if len(own) == 1:
            return by_key(own[self.names[0]])
        each = [metric.of(name) for name, metrics in own.items() for metric in metrics]
        together = [metric for metrics in own.values() for metric in metrics]
        return by_key([LOSS, *(_OF_LABELS if self.has_labels else ()), *together, *each])

    def metric(self, key: str) -> Metric:
        """Return a metric by its key; one that this version does not know is said as it is written."""
        return self.metrics.get(key, Metric(key, key, lower=False))

    @property
    def decisive(self) -> Metric:
        """Return the metric that decides which of several predictions is best."""
        return self.metrics[self.targets[0].decisive] if self.has_common_unit else LOSS

    @property
    def heads(self) -> tuple[Head, ...]:
        """Return what the outputs stand for, target by target."""
        return tuple(target.head for target in self.targets)

    def parts(self, predicted: np.ndarray) -> Iterator[tuple[Target, np.ndarray]]:
        """Give each target with its columns, the last axis, of predictions ``(..., P)``."""
        start = 0
        for target in self.targets:
            yield target, predicted[..., start : start + target.width]
            start += target.width

    def outputs_of(self, outputs: Any) -> Iterator[tuple[Target, Any]]:
        """Give each target with its columns, the last axis, of outputs ``(..., K)``."""
        start = 0
        for target in self.targets:
            yield target, outputs[..., start : start + target.out_features]
            start += target.out_features

    def encode(self, values: np.ndarray | Sequence[Any]) -> Tensor:
        """Return targets ``(B, T)`` float64 as the loss wants them, of values ``(B, T)``, or ``(B,)`` of one target.

        Raises:
            InputError: a label that is not among the classes.
        """
        return torch.from_numpy(self._stacked("encode", values))

    def truth(self, values: np.ndarray | Sequence[Any]) -> np.ndarray:
        """Return what predictions are compared with, ``(B, T)`` float64: numbers in their units, numbers of classes.

        Raises:
            InputError: as for `encode`.
        """
        return self._stacked("truth", values)

    def scaled(self, truth: np.ndarray) -> Tensor:
        """Return truth ``(N, T)`` float64 as the loss wants it."""
        return torch.from_numpy(np.stack([t.scaled(truth[:, i]) for i, t in enumerate(self.targets)], axis=1))

    def losses(self, outputs: Tensor, encoded: Tensor) -> Tensor:
        """Return the loss of each set ``(B,)``, the mean over the targets, of outputs ``(B, K)``, encoded ``(B, T)``.

        A missing label costs nothing; the others of its target count for it, by the share of the training sets that
        have one. So the losses of batches add up, whatever each of them lacks.
        """
        encoded = encoded.reshape(len(encoded), -1)
        total = outputs.new_zeros(len(outputs))
        for column, (target, own) in enumerate(self.outputs_of(outputs)):
            known = ~encoded[:, column].isnan()
            losses = target.losses(own, torch.where(known, encoded[:, column], 0))
            total = total + torch.where(known, losses, 0) / target.share
        return total / len(self.targets)

    def loss(self, outputs: Tensor, encoded: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the mean loss over the sets, a scalar; squared error of standardised targets, nats of classes.

        Args:
            outputs: ``(B, K)``.
            encoded: ``(B, T)``.
            weights: ``(B,)`` of the sets, with mean one over the training sets (dimensionless), or none.
        """
        losses = self.losses(outputs, encoded)
        return losses.mean() if weights is None else (losses * weights.to(losses.dtype)).mean()

    def transform(self, outputs: Tensor) -> Tensor:
        """Return predictions ``(B, P)`` of outputs ``(B, K)``: numbers in their units, probabilities of classes."""
        return torch.cat([target.predict(own) for target, own in self.outputs_of(outputs)], 1)

    def predict(self, outputs: Tensor) -> np.ndarray:
        """Return predictions ``(B, P)`` float64 of outputs ``(B, K)``; see `transform`."""
        return self.transform(outputs.detach().cpu().double()).numpy()

    def columns(self, predicted: np.ndarray, sizes: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Return named prediction columns of predictions ``(B, P)``.

        ``predicted_<target>`` for each target; beside a class ``probability_<class>`` for each class, or
        ``probability_<target>_<class>`` where several targets have classes.

        Args:
            predicted: of sets, or of elements.
            sizes: how many of the rows are elements of each set, set after set; none where they are sets.
        """
        named: dict[str, np.ndarray] = {}
        for target, part in self.parts(predicted):
            named |= target.columns(part, qualified=self.qualified, sizes=sizes)
        return named

    def column_names(self) -> list[str]:
        """Return the names of the P numbers of a prediction."""
        return [name for target in self.targets for name in target.column_names(qualified=self.qualified)]

    def decode(self, outputs: Tensor) -> dict[str, np.ndarray]:
        """Return named prediction columns of outputs ``(B, K)``."""
        return self.columns(self.predict(outputs))

    def loss_words(self, *, standardised: bool) -> str:
        """Return what the loss measures, with its unit."""
        if self.kind != "mixed":
            return self.targets[0].loss_words(standardised=standardised)
        parts = {target.loss_part for target in self.targets}
        ordered = [part for part in dict.fromkeys(kind.loss_part for kind in TARGETS) if part in parts]
        return f"mean over the targets of {' and '.join(ordered)}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for ``model.json``."""
        return self.model_dump(mode="json")

    def _stacked(self, method: str, values: np.ndarray | Sequence[Any]) -> np.ndarray:
        table = np.asarray(values) if isinstance(values, np.ndarray) else np.array(values, dtype=object)
        table = table[:, None] if table.ndim == 1 else table
        if table.shape[1] != len(self.targets):
            raise ValueError(f"there must be a column for each of {len(self.targets)} targets; got {table.shape[1]}.")
        return np.stack([getattr(target, method)(table[:, i]) for i, target in enumerate(self.targets)], axis=1)
