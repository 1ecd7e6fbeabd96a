"""Describe a member of a run: what it is fitted to, where it is kept, who looks on."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from setwise.fit.element_fit import of_elements
from setwise.fit.observers import Observer, ProgressBar, TensorBoardLog
from setwise.fit.parts import EvaluationPart, TrainingPart
from setwise.fit.set_fit import of_sets
from setwise.fit.store_parts import StoreTraining
from setwise.fit.summary_tables import SummaryTables, TabledTraining
from setwise.models import Spec
from setwise.models.family import Examples
from setwise.prepare.inputs import Inputs
from setwise.runs.checkpoints import Checkpoints
from setwise.runs.config import FitConfig
from setwise.targets.problem import Problem, fingerprint_of


@dataclass(frozen=True)
class Member:
    """One model that is to be fitted.

    Attributes:
        spec: of the model.
        problem: without the sets that the member leaves out.
        inputs: how sets become what the model takes.
        config, own: of the run, whose validation sets all members share, and of the member.
        number: from 0.
        tables: of summaries of the sets, or none.
    """

    spec: Spec
    problem: Problem
    inputs: Inputs
    config: FitConfig
    own: FitConfig
    number: int
    tables: SummaryTables | None = None

    def examples(self) -> Examples:
        """Return the training part, as a family takes it that fits itself."""
        training, _ = self.parts()
        if self.tables is not None and isinstance(training, StoreTraining):
            return TabledTraining(training, self.tables)
        return training

    def parts(self) -> tuple[TrainingPart, EvaluationPart]:
        """Make the training and the validation part."""
        make = of_elements if self.problem.of == "elements" else of_sets
        return make(self.problem, self.inputs, self.config, self.own)


@dataclass(frozen=True)
class Watched:
    """The directory, the observers and the end of a fit.

    Attributes:
        directory: of the run, or none.
        progress: show a progress bar; by default on a terminal alone.
        tensorboard: write curves.
        until: the moment (`time.perf_counter`) after which no further epoch is begun, or none.
    """

    directory: Path | None
    progress: bool | None
    tensorboard: bool
    until: float | None = None

    def sharing(self, members: int) -> "Watched":
        """Return the same for one of some members that are still to be fitted, with its share of the time."""
        if self.until is None:
            return self
        now = time.perf_counter()
        return replace(self, until=now + (self.until - now) / members)


@contextmanager
def observing(watched: Watched, config: FitConfig, number: int | None) -> Iterator[list[Observer]]:
    """Have a fit looked on, that of a member with its number from 0, or that of all members together."""
    with ExitStack() as stack:
        several = config.ensemble > 1
        label = "" if not several else "members" if number is None else f"member {number + 1} of {config.ensemble}"
        bar = ProgressBar(config.epochs, show=watched.progress, label=label)
        observers: list[Observer] = [stack.enter_context(bar)]
        if watched.tensorboard and watched.directory is not None:
            curves = watched.directory / "tensorboard"
            curves = curves / f"member-{number + 1}" if several and number is not None else curves
            observers.append(stack.enter_context(TensorBoardLog(curves)))
        yield observers


_NO_MATTER = {"workers", "device", "memory", "ensemble", "time"}  # a run may be gone on with otherwise


def checkpoints_of(directory: Path | None, problem: Problem, one: Member, spared: Sequence[str]) -> Checkpoints | None:
    """Return the checkpoints of a member that leaves out some training sets.

    The number of members may change, so that a run can be given more; from one to several where none leaves out sets.
    """
    if directory is None:
        return None
    scale = one.inputs.covariates
    covariates = None if scale is None else [*scale.names, fingerprint_of(scale.apply(problem.store))]
    return Checkpoints(
        directory,
        {
            "configuration": one.own.model_dump(
                mode="json", exclude={"workers", "device", "memory", "ensemble", "time"}
            ),
            "model": one.spec.to_dict(),
            "objective": problem.objective.to_dict(),
            "elements": problem.store.fingerprint,
            "targets": problem.fingerprint,
            "weights": None if problem.weights is None else fingerprint_of(problem.weights),
            "covariates": covariates,
            "split": {part: list(problem.ids(part)) for part in ("train", "validation", "test")},
            "what each model of an ensemble leaves out (ensemble, calibrate)": list(spared),
        },
        member=one.number,
    )
