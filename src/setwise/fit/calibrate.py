"""Runs with temperatures and coverage: what is fitted after the weights, on other sets than they were."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from setwise._checks import InputError
from setwise.assess.drawn_elements import kept_elements
from setwise.fit.cross_fit import without
from setwise.models.model import Model
from setwise.runs.computing import Computing
from setwise.runs.element_outputs import element_outputs, finite
from setwise.runs.ensemble import average, members_of
from setwise.runs.outputs import finite_predictions, outputs_for
from setwise.runs.run import Run
from setwise.store import columns
from setwise.targets.conformal import Conformal
from setwise.targets.problem import Problem


def completed(run: Run, problem: Problem) -> Run:
    """Return the run with what its targets need from the outputs for the training sets.

    Where the loss leaves a constant of the outputs open, members are shifted in place, so that it is the same in all.

    Args:
        run: a fitted model.
        problem: the sets, their parts and targets.

    Raises:
        InputError: a prediction that is not a finite number.
    """
    objective, rows = run.objective, problem.split.train
    if not any(target.needs_outputs for target in objective.targets):
        return run
    outputs = _said(run, problem, rows)[0].double().numpy()
    outputs, truth = outputs.reshape(len(rows), len(run.members), -1), problem.truth(rows)
    centres = np.stack(
        [
            np.concatenate([target.centre(own) for target, own in objective.outputs_of(outputs[:, member])])
            for member in range(len(run.members))
        ]
    )
    for member, centre in zip(run.members, centres, strict=True):
        assert isinstance(member, Model), "what a family builds"
        member.shift(-torch.from_numpy(centre))
    parts = enumerate(objective.outputs_of(outputs - centres))
    targets = [target.completed(own, truth[:, column]) for column, (target, own) in parts]
    objective = objective.model_copy(update={"targets": tuple(targets)})
    return replace(run, record=run.record.model_copy(update={"objective": objective}))


def check_temperatures(problem: Problem, out_of_fold: Sequence[np.ndarray]) -> None:
    """Refuse temperatures that nothing could be fitted on, before hours of fitting weights.

    Args:
        problem: the sets, their parts and targets.
        out_of_fold: rows of the store that each member of an ensemble leaves out, or nothing.

    Raises:
        InputError: no target of classes; no sets that weights are not fitted on.
    """
    if not any(target.can_be_tempered for target in problem.objective.targets):
        raise InputError(
            "temperatures are of probabilities of classes, and there is no target of classes (without an order). "
            "Leave the calibration out (calibrate=True, --calibrate)."
        )
    if not len(problem.split.validation) and not out_of_fold:
        raise InputError(
            "temperatures are fitted on sets that weights are not fitted on, and there are none: no validation part, "
            "and no ensemble whose models could each leave out sets of every class. Leave some sets for validation "
            "(validation=0.15, --validation 0.15), have more sets or groups of the rarest class in every training part "
            "(fewer folds, more data), or leave the calibration out."
        )


def with_temperatures(run: Run, problem: Problem) -> Run:
    """The run with a temperature for each target of classes, fitted on its validation part.

    The validation part also chose the epoch, so that the temperature may be a little too low; it is one number.
    Of labels of elements it is fitted on the elements of these sets, of which there may be many: what they lack is not
    number but variety, since they come from few sets.
    Numbers and classes in order stay as they are, and so does a target of which every validation set is right: no
    certainty would be too much for them. The notes of the run say what was found.

    Args:
        run: a fitted model.
        problem: the sets, their parts and targets.
    """
    rows = problem.split.validation
    what = "validation sets" if problem.of == "sets" else "elements of the validation sets"
    return _tempered(run, *_said(run, problem, rows)[:2], what)


def with_out_of_fold_temperatures(run: Run, problem: Problem, out_of_fold: Sequence[np.ndarray]) -> Run:
    """As `with_temperatures`, fitted on what each member of an ensemble says of the sets that it was not fitted on.

    A member alone, fitted on fewer sets, is surer than it should be by more than their mean is: the temperature may be
    a little too high. Classes that a member has not seen, of several targets or of elements, do not count for it.

    Args:
        run: a fitted ensemble.
        problem: the sets, their parts and targets.
        out_of_fold: rows of the store, of each member in its turn.
    """
    pairs = list(zip(members_of(run.model), out_of_fold, strict=False))  # a fit that was stopped has fewer members
    said = []
    for member, rows in pairs:
        outputs, truth, _ = _said(replace(run, model=member), problem, rows)
        said.append((outputs, _of_known_classes(without(problem, rows), truth)))
    note = (
        f"Of the {len(problem.split.train)} training sets none were spared for validation: each of the {len(pairs)} "
        f"models left out another {round(np.mean([len(rows) for _, rows in pairs]))} or so of them."
    )
    run = replace(run, record=run.record.model_copy(update={"notes": (*run.record.notes, note)}))
    what = "training sets, by the models that left them out"
    if problem.of == "elements":
        what = "elements of training sets, by the models that left these out"
    return _tempered(run, torch.cat([part[0] for part in said]), np.concatenate([part[1] for part in said]), what)


def _of_known_classes(problem: Problem, truth: np.ndarray) -> np.ndarray:
    """Return truth ``(b, T)`` without the classes that no training set has: nobody could be sure of them."""
    seen, kept = problem.truth(problem.split.train), truth.copy()
    for column, target in enumerate(problem.objective.targets):
        kept[target.unseen(seen[:, column], truth[:, column]), column] = np.nan
    return kept


def _said(run: Run, problem: Problem, rows: np.ndarray) -> tuple[torch.Tensor, np.ndarray, np.ndarray]:
    """Outputs ``(B, M, K)`` or ``(B, K)`` for some sets or their elements, the truth ``(B, T)``, the cluster of each.

    Of many elements as many as are measured, drawn evenly from the sets.

    Raises:
        InputError: a prediction that is not a finite number.
    """
    store, how = problem.store, Computing(device=run.record.config.device)
    clusters = columns.clusters(store, problem.group)[rows]
    if problem.of == "sets":
        outputs = outputs_for(run, store, rows, how)
        finite_predictions(run, store, rows, outputs)
        return outputs, problem.truth(rows), clusters
    sizes, kept = kept_elements(store, rows, whole=False, labels=run.objective.names, seed=run.record.config.seed)
    parts = []
    for own, found in element_outputs(run, store, rows, how):
        finite(run, store, own, found)
        parts.append(found)
    outputs = torch.cat(parts)
    return outputs[torch.from_numpy(kept)], problem.truth(rows)[kept], np.repeat(clusters, sizes)


def _tempered(run: Run, found: torch.Tensor, truth: np.ndarray, what: str) -> Run:
    """The run with temperatures of outputs ``(b, M, K)`` or ``(b, K)`` and the truth ``(b, T)``."""
    targets, notes = [], []
    for column, (target, outputs) in enumerate(run.objective.outputs_of(found.double().numpy())):
        known = ~np.isnan(truth[:, column])
        if target.can_be_tempered and known.any():
            target, note = target.tempered(outputs[known], truth[known, column], what)
            notes.append(note)
        targets.append(target)
    objective = run.objective.model_copy(update={"targets": tuple(targets)})
    told = {"objective": objective, "notes": (*run.record.notes, *notes)}
    return replace(run, record=run.record.model_copy(update=told))


def with_coverage(run: Run, problem: Problem, rows: np.ndarray, coverage: float) -> Run:
    """The run with intervals and sets of classes, from sets that served nothing else.

    Args:
        run: a fitted model, its temperatures fitted.
        problem: the sets, their parts and targets.
        rows: of the calibration sets; there may be none.
        coverage: between 0 and 1.
    """
    objective = run.objective
    predicted = np.zeros((0, objective.width))
    truth, owners = np.zeros((0, len(objective.targets))), np.zeros(0, np.int64)
    if len(rows):
        outputs, truth, owners = _said(run, problem, rows)
        predicted = average(objective, outputs)
    grouped = problem.group is not None
    conformal = Conformal.fit(
        objective,
        predicted,
        truth,
        coverage,
        owners=owners if grouped or problem.of == "elements" else None,
        units="groups" if grouped else "sets",
    )
    names = problem.store.set_ids
    split = run.record.split.model_copy(update={"calibration": tuple(names[row] for row in rows)})
    return replace(run, record=run.record.model_copy(update={"conformal": conformal, "split": split}))
