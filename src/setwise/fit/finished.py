"""Make the run that a fit ends as, of one model or of the members of an ensemble."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from setwise.fit.loop import Fitted, Status
from setwise.models import Model
from setwise.prepare.inputs import Inputs
from setwise.runs.config import FitConfig
from setwise.runs.ensemble import joined
from setwise.runs.history import EpochRecord
from setwise.runs.record import Member, RecordedSplit, RunRecord, library_versions, now
from setwise.runs.run import Run
from setwise.targets.problem import Problem


def finished_run(
    model: str,
    problem: Problem,
    inputs: Inputs,
    config: FitConfig,
    members: Sequence[tuple[Model, FitConfig, Fitted]],
    directory: Path | None,
    notes: tuple[str, ...],
    out_of_fold: Sequence[np.ndarray] = (),
) -> Run:
    """Make the run of fitted members; ``notes`` are the fit's remarks, ``out_of_fold`` the rows not fitted on."""
    network = joined([network for network, _, _ in members])
    fitted = [fitted for _, _, fitted in members]
    names = problem.store.set_ids
    kept = [
        Member(
            seed=own.seed,
            epochs=one.progress.epochs,
            best_epoch=one.progress.best_epoch,
            seconds=one.seconds,
            left_out=tuple(names[row] for row in out_of_fold[number]) if out_of_fold else (),
        )
        for number, (_, own, one) in enumerate(members)
    ]
    standardiser = None if inputs.standardiser is None else inputs.standardiser.to_dict()
    record = RunRecord(
        versions=library_versions(),
        created=now(),
        model=model,
        spec=members[0][0].spec.to_dict(),
        features=inputs.features,
        shape=inputs.shape,
        standardiser=standardiser,
        covariates=inputs.covariates,
        objective=problem.objective,
        config=config,
        fingerprint=problem.store.fingerprint,
        group=problem.group,
        weight_column=problem.weight_column,
        split=RecordedSplit(**{part: problem.ids(part) for part in ("train", "validation", "test")}),
        status=_status([one.status for one in fitted]),
        epochs=sum(one.progress.epochs for one in fitted),
        best_epoch=fitted[0].progress.best_epoch,
        seconds=sum(one.seconds for one in fitted),
        members=tuple(kept) if config.ensemble > 1 else (),
        num_parameters=sum(p.numel() for p in network.parameters() if p.requires_grad),
        processing=problem.store.description.processing.to_dict(),
        left_out=dict(problem.store.left_out),
        reading=problem.store.description.notes,
        notes=notes,
        skipped=dict(problem.store.description.skipped),
        set_id=problem.store.description.set_id,
        choices=dict(problem.store.description.choices),
    )
    return Run(record, network, _histories(fitted, config), directory)


def _status(of_members: Sequence[Status]) -> Status:
    """Return the status of a fit: interrupted if any member was, finished if all did all their epochs."""
    if "interrupted" in of_members:
        return "interrupted"
    return "stopped early" if "stopped early" in of_members else "finished"


def _histories(members: Sequence[Fitted], config: FitConfig) -> tuple[EpochRecord, ...]:
    """Return the epochs of all members, one after the other; those of an ensemble carry its number."""
    if config.ensemble == 1:
        return members[0].progress.history
    return tuple(
        record.model_copy(update={"member": number})
        for number, fitted in enumerate(members, start=1)
        for record in fitted.progress.history
    )
