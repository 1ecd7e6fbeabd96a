"""Choose the number of a run's answer that is explained, as a differentiable function of the model's outputs."""

from dataclasses import dataclass

from torch import Tensor

from setwise._checks import InputError, check_choice
from setwise.runs.run import Run
from setwise.store.tables import listed
from setwise.targets.heads import Classification, Head, Ordinal, Regression, best_class

SCALES = ("log-odds", "probability")
_SMALLEST = 1e-300  # probability whose logarithm is taken


@dataclass(frozen=True)
class Answers:
    """The numbers that a run says about a set, by column: a class each, or a target each.

    Attributes:
        run: a fitted model.
        names: of the columns, those of the run's predictions: classes, or targets.
        head: which target is explained, from 0.
        fixed: the column that every set is explained for, or none for the predicted class of each set.
        scale: what scores of a class add up to: "log-odds", log(p / (1 - p)) of its probability p, which does not
            flatten where the model is sure; or "probability". Targets that are numbers keep their units.
    """

    run: Run
    names: tuple[str, ...]
    head: int
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
        heads = run.objective.heads
        names = tuple(_name(head, label, alone=len(heads) == 1) for head in heads for label in _labels(head))
        targets = list(run.objective.targets)
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
    def classes(self) -> bool:
        """Return whether answers are about classes."""
        return not isinstance(self._head, Regression)

    @property
    def unit(self) -> str:
        """Return the unit of scores, in words."""
        if not self.classes:
            return f"units of {self._head.target}"
        return self.scale if len(self.run.objective.heads) == 1 else f"{self.scale} of {self._head.target}"

    def column(self, outputs: Tensor) -> int:
        """Return the column that a set is explained for, by its outputs ``(1, K)``, or ``(1, M, K)`` of an ensemble."""
        if self.fixed is not None:
            return self.fixed
        head, own = self._head, self._columns
        assert isinstance(head, Classification | Ordinal), "explanations are of sets"
        assert not isinstance(head, Regression)
        return own.start + int(best_class(head, self._predicted(outputs)[:, own].detach().cpu().numpy())[0])

    def explained(self, outputs: Tensor, column: int) -> Tensor:
        """Compute the number that scores add up to, ``(B,)`` float64 of ``(B, K)`` or ``(B, M, K)``; differentiable.

        As in predictions, it is the mean probability, or value, of an ensemble's members that is explained. Log-odds
        are exact where the probability rounds to one, since 1 - p is the sum of the other classes.
        """
        predicted, own = self._predicted(outputs), self._columns
        if not self.classes or self.scale == "probability":
            return predicted[:, column]
        others = [k for k in range(own.start, own.stop) if k != column]
        rest = predicted[:, others].sum(1)
        return predicted[:, column].clamp_min(_SMALLEST).log() - rest.clamp_min(_SMALLEST).log()

    def shown(self, outputs: Tensor, column: int) -> Tensor:
        """Return the answer as people read it, ``(B,)`` float64: a class's probability, or the target in its units."""
        return self._predicted(outputs)[:, column]

    @property
    def _head(self) -> Head:
        return self.run.objective.heads[self.head]

    @property
    def _columns(self) -> slice:
        """Return the columns of the predictions that belong to the explained target."""
        start = sum(head.width for head in self.run.objective.heads[: self.head])
        return slice(start, start + self._head.width)

    def _predicted(self, outputs: Tensor) -> Tensor:
        """Return predictions ``(B, P)`` in float64, the mean over the members."""
        transform, outputs = self.run.objective.transform, outputs.double()
        if outputs.dim() == 2:
            return transform(outputs)
        return transform(outputs.flatten(0, 1)).unflatten(0, outputs.shape[:2]).mean(1)


def _owner(run: Run, column: int) -> int:
    """Return the place of the head that a column of the predictions belongs to."""
    ends = [sum(head.width for head in run.objective.heads[: place + 1]) for place in range(len(run.objective.heads))]
    return next(place for place, end in enumerate(ends) if column < end)


def _labels(head: Head) -> list[str]:
    return [str(label) for label in head.classes] if isinstance(head, Classification | Ordinal) else [head.target]


def _name(head: Head, label: str, *, alone: bool) -> str:
    return label if alone or isinstance(head, Regression) else f"{head.target}={label}"
