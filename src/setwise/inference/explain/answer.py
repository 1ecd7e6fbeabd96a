"""What an explanation is of: one number that a run says about a set, as a differentiable function of its outputs."""

from dataclasses import dataclass

from torch import Tensor

from setwise._checks import InputError, check_choice
from setwise.data.tables import listed
from setwise.training.objectives import Classification
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
            name: a class, or a target; by default the predicted class of each set, or the first target.
            scale: "log-odds" or "probability", for classes.

        Raises:
            InputError: a name that the run does not know.
        """
        check_choice("scale", scale, SCALES)
        objective = run.objective
        classes = isinstance(objective, Classification)
        names = tuple(map(str, objective.classes if classes else objective.targets))
        if name is not None and name not in names:
            what = "class" if classes else "target"
            raise InputError(f"what is explained must be a {what} of the run, {listed(names)}; got {name!r}.")
        fixed = names.index(name) if name is not None else None if classes else 0
        return cls(run, names, fixed, scale)

    @property
    def classes(self) -> bool:
        """Whether answers are about classes."""
        return isinstance(self.run.objective, Classification)

    @property
    def unit(self) -> str:
        """What scores are in."""
        return self.scale if self.classes else "units of the target"

    def column(self, outputs: Tensor) -> int:
        """Which column a set is explained for, from its outputs ``(1, K)``."""
        if self.fixed is not None:
            return self.fixed
        return int(outputs[0].argmax())

    def explained(self, outputs: Tensor, column: int) -> Tensor:
        """What scores add up to, ``(B,)`` float64 of outputs ``(B, K)``; differentiable."""
        objective, outputs = self.run.objective, outputs.double()
        if not isinstance(objective, Classification):
            return outputs[:, column] * objective.std[column] + objective.mean[column]
        return outputs.softmax(1)[:, column] if self.scale == "probability" else _log_odds(outputs, column)

    def shown(self, outputs: Tensor, column: int) -> Tensor:
        """The answer as people read it, ``(B,)`` float64: the probability of a class, or the target in its units."""
        if isinstance(self.run.objective, Classification):
            return outputs.double().softmax(1)[:, column]
        return self.explained(outputs, column)


def _log_odds(logits: Tensor, column: int) -> Tensor:
    """log(p / (1 - p)) of the probability of a class, ``(B,)``; exact where p rounds to one."""
    others = [k for k in range(logits.shape[1]) if k != column]
    return logits[:, column] - logits[:, others].logsumexp(1)
