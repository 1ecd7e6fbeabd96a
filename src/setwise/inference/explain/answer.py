"""What an explanation is of: one number that a run says about a set, as a differentiable function of its outputs."""

from dataclasses import dataclass

import torch
from torch import Tensor

from setwise._checks import InputError, check_choice
from setwise.data.tables import listed
from setwise.training.heads import Classification, Ordinal, Regression
from setwise.training.run import Run

SCALES = ("log-odds", "probability")


@dataclass(frozen=True)
class Answers:
    """The numbers that a run says about a set, by column: a class each, or a target each.

    Attributes:
        run: a fitted model.
        names: of the columns: classes, or targets.
        fixed: the column that every set is explained for, or none for the predicted class of each set.
        scale: what scores of a class add up to: "log-odds", log(p / (1 - p)) of its probability p, which does not
            flatten where the model is sure; or "probability". Targets that are numbers keep their units.
    """

    run: Run
    names: tuple[str, ...]
    fixed: int | None
    scale: str

    @classmethod
    def of(cls, run: Run, name: str | None = None, *, scale: str = "log-odds") -> "Answers":
        """Choose what is explained.

        Args:
            run: a fitted model.
            name: a class, or a target; of several targets also ``target=class``. By default the first target, or its
                predicted class of each set.
            scale: "log-odds" or "probability", for classes.

        Raises:
            InputError: a name that the run does not know.
        """
        check_choice("scale", scale, SCALES)
        heads = run.objective.heads
        names = tuple(_name(head, label, alone=len(heads) == 1) for head in heads for label in _labels(head))
        if name is not None and name not in names:
            what = "class" if len(heads) == 1 and not isinstance(heads[0], Regression) else "target"
            raise InputError(f"what is explained must be a {what} of the run, {listed(names)}; got {name!r}.")
        fixed = names.index(name) if name is not None else 0 if isinstance(heads[0], Regression) else None
        return cls(run, names, fixed, scale)

    @property
    def classes(self) -> bool:
        """Whether answers are about classes."""
        return not isinstance(self._place(self.fixed or 0)[0], Regression)

    @property
    def unit(self) -> str:
        """What scores are in."""
        return self.scale if self.classes else "units of the target"

    def column(self, outputs: Tensor) -> int:
        """Which column a set is explained for, from its outputs ``(1, K)``."""
        if self.fixed is not None:
            return self.fixed
        head, own, _ = self._place(0)
        return int(head.predict(outputs[:1, own])[0].argmax())

    def explained(self, outputs: Tensor, column: int) -> Tensor:
        """What scores add up to, ``(B,)`` float64 of outputs ``(B, K)``; differentiable."""
        head, own, number = self._place(column)
        outputs = outputs.double()[:, own]
        predicted = head.predict(outputs)[:, number]
        if isinstance(head, Regression) or self.scale == "probability":
            return predicted
        if isinstance(head, Classification):
            return _log_odds(outputs, number)
        return predicted.log() - torch.log1p(-predicted)

    def shown(self, outputs: Tensor, column: int) -> Tensor:
        """The answer as people read it, ``(B,)`` float64: the probability of a class, or the target in its units."""
        return self.run.objective.transform(outputs.double())[:, column]

    def _place(self, column: int) -> tuple[Regression | Classification | Ordinal, slice, int]:
        """The head that a column belongs to, its outputs, and which of its numbers the column is."""
        start = 0
        for head in self.run.objective.heads:
            if column < head.width:
                return head, slice(start, start + head.out_features), column
            start, column = start + head.out_features, column - head.width
        raise IndexError(f"there are {len(self.names)} columns; got {column} beyond them.")


def _labels(head: Regression | Classification | Ordinal) -> list[str]:
    return [head.target] if isinstance(head, Regression) else [str(label) for label in head.classes]


def _name(head: Regression | Classification | Ordinal, label: str, *, alone: bool) -> str:
    return label if alone or isinstance(head, Regression) else f"{head.target}={label}"


def _log_odds(logits: Tensor, column: int) -> Tensor:
    """log(p / (1 - p)) of the probability of a class, ``(B,)``; exact where p rounds to one."""
    others = [k for k in range(logits.shape[1]) if k != column]
    return logits[:, column] - logits[:, others].logsumexp(1)
