"""What is predicted: one head per target, joined. Targets become numbers to fit, outputs become predictions.

Values of targets have one row per set and one column per target, ``(B, T)``; where elements are predicted, one row per
element. A missing label is None or NaN and counts for nothing. Outputs ``(B, K)`` and predictions ``(B, P)`` have the
columns of the heads one after the other.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Literal, Self

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor

from setwise._checks import InputError
from setwise.targets.heads import AnyHead, Classification, Head, Ordinal


class Objective(BaseModel):
    """One or several targets, each with its head; the loss is the mean over the heads.

    Attributes:
        heads: one for each target, in the order of the columns of targets.
        rows: what is predicted: sets or elements.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    heads: tuple[AnyHead, ...] = Field(min_length=1)
    rows: Literal["sets", "elements"] = "sets"

    @classmethod
    def of(cls, *heads: Head, rows: Literal["sets", "elements"] = "sets") -> Self:
        """Join heads.

        Raises:
            InputError: targets and classes whose prediction columns would have one name.
        """
        objective = cls(heads=heads, rows=rows)
        names = [
            name
            for head, part in objective.by_head(np.ones((1, objective.width)))
            for name in objective._named(head, part)
        ]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise InputError(f"two columns of predictions would be named {twice!r}. Rename a target or a class.")
        return objective

    @model_validator(mode="before")
    @classmethod
    def _of_first_format(cls, values: Any) -> Any:
        """What runs of format 1 have: several numbers, or the classes of one target."""
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
    def targets(self) -> tuple[str, ...]:
        """T names."""
        return tuple(head.target for head in self.heads)

    @property
    def kind(self) -> str:
        """In a word: regression, classification, multi-label (several targets of two classes), ordinal, mixed ..."""
        kinds = {head.kind for head in self.heads}
        if len(kinds) > 1:
            return "mixed"
        if kinds == {"classification"} and len(self.heads) > 1 and all(head.width == 2 for head in self.heads):
            return "multi-label"
        return kinds.pop()

    @property
    def output(self) -> str:
        """The output that a model of elements must have (`setwise.models.build`); "sets" for all other objectives."""
        return "which-element" if self.kind == "which-element" else "elements" if self.rows == "elements" else "sets"

    @property
    def out_features(self) -> int:
        """K, the outputs that the model must have."""
        return sum(head.out_features for head in self.heads)

    @property
    def width(self) -> int:
        """P, the numbers of a prediction."""
        return sum(head.width for head in self.heads)

    def by_head(self, predicted: np.ndarray) -> Iterator[tuple[Head, np.ndarray]]:
        """Each head with its columns of predictions ``(B, P)``: a number, or the probabilities of the classes."""
        start = 0
        for head in self.heads:
            yield head, predicted[:, start : start + head.width]
            start += head.width

    def encode(self, values: np.ndarray | Sequence[Any]) -> Tensor:
        """Targets ``(B, T)`` float64 as the loss wants them, of values ``(B, T)``, or ``(B,)`` of one target.

        Raises:
            InputError: a label that is not among the classes.
        """
        return torch.from_numpy(self._stacked("encode", values))

    def truth(self, values: np.ndarray | Sequence[Any]) -> np.ndarray:
        """What predictions are compared with, ``(B, T)`` float64: numbers in their units, numbers of classes.

        Raises:
            InputError: as for `encode`.
        """
        return self._stacked("truth", values)

    def losses(self, outputs: Tensor, encoded: Tensor) -> Tensor:
        """The loss of each set ``(B,)``, the mean over the heads, of outputs ``(B, K)`` and encoded targets ``(B, T)``.

        A missing label costs nothing; the others of its target count for it, by the share of the training sets that
        have one. So the losses of batches add up, whatever each of them lacks.
        """
        encoded = encoded.reshape(len(encoded), -1)
        total = outputs.new_zeros(len(outputs))
        start = 0
        for column, head in enumerate(self.heads):
            target = encoded[:, column]
            known = ~target.isnan()
            own = head.losses(outputs[:, start : start + head.out_features], torch.where(known, target, 0))
            total = total + torch.where(known, own, 0) / head.share
            start += head.out_features
        return total / len(self.heads)

    def loss(self, outputs: Tensor, encoded: Tensor, weights: Tensor | None = None) -> Tensor:
        """Mean loss over the sets, a scalar; squared error of standardised targets, nats of classes.

        Args:
            outputs: ``(B, K)``.
            encoded: ``(B, T)``.
            weights: ``(B,)`` of the sets, with mean one over the training sets (dimensionless), or none.
        """
        losses = self.losses(outputs, encoded)
        return losses.mean() if weights is None else (losses * weights.to(losses.dtype)).mean()

    def transform(self, outputs: Tensor) -> Tensor:
        """Predictions ``(B, P)`` of outputs ``(B, K)``: numbers in their units, probabilities of classes."""
        parts, start = [], 0
        for head in self.heads:
            parts.append(head.predict(outputs[:, start : start + head.out_features]))
            start += head.out_features
        return torch.cat(parts, 1)

    def predict(self, outputs: Tensor) -> np.ndarray:
        """Predictions ``(B, P)`` float64 of outputs ``(B, K)``; see `transform`."""
        return self.transform(outputs.detach().cpu().double()).numpy()

    def columns(self, predicted: np.ndarray) -> dict[str, np.ndarray]:
        """Named prediction columns of predictions ``(B, P)``.

        ``predicted_<target>`` for each target; beside a class ``probability_<class>`` for each class, or
        ``probability_<target>_<class>`` where several targets have classes.
        """
        named = {}
        for head, part in self.by_head(predicted):
            named |= self._named(head, part)
        return named

    def decode(self, outputs: Tensor) -> dict[str, np.ndarray]:
        """Named prediction columns of outputs ``(B, K)``."""
        return self.columns(self.predict(outputs))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for ``model.json``."""
        return self.model_dump(mode="json")

    def _named(self, head: Head, part: np.ndarray) -> dict[str, np.ndarray]:
        several = sum(isinstance(other, Classification | Ordinal) for other in self.heads) > 1
        return head.columns(part, qualified=several)

    def _stacked(self, method: str, values: np.ndarray | Sequence[Any]) -> np.ndarray:
        table = np.asarray(values) if isinstance(values, np.ndarray) else np.array(values, dtype=object)
        table = table[:, None] if table.ndim == 1 else table
        if table.shape[1] != len(self.heads):
            raise ValueError(f"there must be a column for each of {len(self.heads)} targets; got {table.shape[1]}.")
        return np.stack([getattr(head, method)(table[:, i]) for i, head in enumerate(self.heads)], axis=1)
