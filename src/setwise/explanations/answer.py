"""Choose the number of a run's answer that is explained, as a differentiable function of the model's outputs."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from setwise._checks import InputError, check_choice
from setwise.runs.run import Run
from setwise.store.tables import listed
from setwise.targets.target import Target

SCALES = ("log-odds", "probability")


@dataclass(frozen=True)
class Answers:
    """The numbers that a run says about a set, by column: a class each, or a target each.

    Attributes:
        run: a fitted model.
        names: of the columns, those of the run's predictions: classes, or targets.
        target: which target is explained, from 0.
        fixed: the column that every set is explained for, or none for the predicted class of each set.
        scale: what scores of a class add up to: "log-odds", log(p / (1 - p)) of its probability p, which does not
            flatten where the model is sure; or "probability". Targets that are numbers keep their units.
    """

    run: Run
    names: tuple[str, ...]
    target: int
    fixed: int | None
    scale: str

    @classmethod
    def of(cls, run: Run, name: str | None = None, *, scale: str = "log-odds") -> "Answers":
        """Choose what is explained.

        Args:
            run: a fitted model.
            name: a class or a target; a class of several targets is written ``target=class``. A target of classes
                stands for the predicted class of each set. By default the first target.
            scale: "log-odds" or "probability", for classes.

        Raises:
            InputError: a name that the run does not know.
        """
        check_choice("scale", scale, SCALES)
        owners = run.objective.targets
        alone = len(owners) == 1
        names = tuple(owner.answer_name(answer, alone=alone) for owner in owners for answer in owner.answers)
        targets = list(run.objective.names)
        name = targets[0] if name is None else name
        fixed = names.index(name) if name in names else None
        if fixed is None and name not in targets:
            known = list(dict.fromkeys([*names, *targets]))
            raise InputError(
                f"what is explained must be a class or a target of the run, {listed(known)}; got {name!r}."
            )
        owner = targets.index(name) if fixed is None else _owner(run, fixed)
        return cls(run, names, owner, fixed, scale)

    @property
    def kind(self) -> str:
        """Return what answers are: "prediction" or "probability"."""
        return self._target.answer_kind

    @property
    def unit(self) -> str:
        """Return what scores are in."""
        return self._target.answer_unit(self.scale, alone=len(self.run.objective.targets) == 1)

    def column(self, outputs: Tensor) -> int:
        """Return which column a set is explained for, of its outputs ``(1, K)``, or ``(1, M, K)`` of an ensemble."""
        if self.fixed is not None:
            return self.fixed
        own = self._columns
        return own.start + self._target.answered(self._predicted(outputs)[:, own].detach().cpu().numpy())

    def explained(self, outputs: Tensor, column: int) -> Tensor:
        """Return what scores add up to, ``(B,)`` float64 of outputs ``(B, K)``, or ``(B, M, K)``; differentiable.

        As in predictions, it is the mean probability, or value, of an ensemble's members that is explained.
        """
        own = self._columns
        return self._target.explained(self._predicted(outputs)[:, own], column - own.start, self.scale)

    def shown(self, outputs: Tensor, column: int) -> Tensor:
        """Return the answer as people read it, ``(B,)`` float64: a class's probability, or the target in its units."""
        return self._predicted(outputs)[:, column]

    @property
    def _target(self) -> Target:
        return self.run.objective.targets[self.target]

    @property
    def _columns(self) -> slice:
        """Return the columns of the predictions that belong to the explained target."""
        start = sum(target.width for target in self.run.objective.targets[: self.target])
        return slice(start, start + self._target.width)

    def _predicted(self, outputs: Tensor) -> Tensor:
        """Return predictions ``(B, P)`` in float64, the mean over the members."""
        transform, outputs = self.run.objective.transform, outputs.double()
        if outputs.dim() == 2:
            return transform(outputs)
        return transform(outputs.flatten(0, 1)).unflatten(0, outputs.shape[:2]).mean(1)


def _owner(run: Run, column: int) -> int:
    """Return the place of the target that a column of the predictions belongs to."""
    ends = np.cumsum([target.width for target in run.objective.targets])
    return int(np.searchsorted(ends, column, side="right"))
