"""Cross-validate a study: every set is predicted by models that have not seen it, beside every baseline."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from setwise._checks import InputError
from setwise._files import make_directory, write_atomic
from setwise.fit.preparation import prepare
from setwise.fit.study import Study
from setwise.metrics.intervals import corrected_t
from setwise.runs.element_table import element_table
from setwise.runs.held_out import HeldOut, Measured, measured
from setwise.store.store import SetStore
from setwise.targets.metrics import score
from setwise.targets.objectives import Objective
from setwise.targets.truth import element_columns, truth_columns
from setwise.validate.fold_plan import FoldPlan, plan_of_elements, plan_of_sets
from setwise.validate.fold_runs import FoldResult, predictions_of_repeat, run_fits
from setwise.validate.resampling import Resampling

FOLDS, PREDICTIONS, RESULT = "folds", "predictions.parquet", "cv.json"


@dataclass(frozen=True)
class PermutationTest:
    """A permutation test: the same evaluation with permuted targets.

    Attributes:
        observed: metrics of the first repeat.
        shuffled: metrics of each permutation.
        p_values: by metric, ``(1 + permutations that do as well) / (1 + permutations)``.
        possible: different permutations that there are; none for numbers, and for labels of elements.
    """

    observed: dict[str, float]
    shuffled: tuple[dict[str, float], ...]
    p_values: dict[str, float]
    possible: int | None


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """The result of a cross-validation.

    Attributes:
        study: what was evaluated.
        objective: what is predicted.
        measured: metrics of the predictions for all sets, pooled over folds, means over repeats, with intervals.
        results: of every fold, in order.
        folds, repeats: how the sets were divided.
        predictions: a row per set and repeat: ``set_id``, ``size``, ``repeat``, ``fold``, targets, prediction columns;
            of labels of elements a row per measured element, with ``element``, its place in the set, after ``set_id``.
        clusters: ``(B,)`` groups of the sets, or their own numbers.
        grouped: whether sets belong to groups.
        fold_gain: by each metric, the mean over the folds of the model less the best baseline, and its corrected
            interval; where every fold defines it.
        permutation: the test of shuffled targets, or none.
        sizes: of labels of elements ``(B,)`` how many elements of each set were measured, else none.
    """

    study: Study
    objective: Objective
    measured: Measured
    results: tuple[FoldResult, ...]
    folds: int
    repeats: int
    predictions: pa.Table
    clusters: np.ndarray
    grouped: bool
    fold_gain: dict[str, tuple[float, float, float]]
    permutation: PermutationTest | None = None
    sizes: np.ndarray | None = None


def cross_validate(
    store: SetStore,
    study: Study,
    *,
    out: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    done: Callable[[int, int], None] = lambda _done, _all: None,
    **resampling: Any,
) -> CrossValidation:
    """Cross-validate a model beside the baselines: grouped, stratified by the classes of a single target, repeated.

    Each fold is a whole fit with transforms, validation part and baselines of its own. Metrics are of the pooled
    predictions for all sets, so that folds of few sets count as well; AUC thereby compares sets that different models
    ranked, which can only lower it on average. Intervals are drawn over groups or sets.

    Labels of elements are predicted by models that have not seen their sets. At most 100,000 elements are measured in
    all, drawn evenly from the sets, the same in every repeat; permutations deal labels out within each set.

    Args:
        store: the sets.
        study: targets, model and configuration; its seed decides folds, fits and permutations.
        out: where each fold is kept as soon as it is done, the predictions and the result; or none.
        resume: go on with an evaluation that was stopped.
        overwrite: replace one that is there.
        done: is told fits that are done, and how many there are.
        resampling: folds, repeats, permutations, jobs and baselines, as of `setwise.validate.resampling.Resampling`.

    Raises:
        InputError: data, choices or directory are at fault.
    """
    how = Resampling(**resampling)
    directory = _directory(out, resume=resume, overwrite=overwrite)
    plan = (plan_of_elements if study.of == "elements" else plan_of_sets)(store, study, how)
    for fit in plan.fits if study.calibrate else plan.fits[: plan.as_they_are]:
        prepare(store.with_sets(fit.columns), study.with_seed(fit.fold.seed), fit.fold.split)
    count = [0]

    def one_more(_: FoldResult) -> None:
        count[0] += 1
        done(count[0], len(plan.fits))

    if directory is not None:
        _prepare(directory, overwrite=overwrite)
    folder = None if directory is None else directory / FOLDS
    results = run_fits(store, study, plan.fits, folder=folder, jobs=how.jobs, done=one_more)
    found = _assembled(store, study, results[: plan.as_they_are], plan, how.repeats)
    if how.permutations:
        found = replace(found, permutation=_permutation_test(results, len(store), plan))
    if directory is not None:
        _write(found, directory)
    return found


def _prepare(directory: Path, *, overwrite: bool) -> None:
    """Make the directory, without the folds of an older evaluation, once nothing more can be refused."""
    if overwrite and (directory / FOLDS).is_dir():
        shutil.rmtree(directory / FOLDS)
    make_directory(directory)


def _directory(out: str | Path | None, *, resume: bool, overwrite: bool) -> Path | None:
    if resume and overwrite:
        raise InputError("an evaluation is either overwritten or resumed. Choose one of the two.")
    if out is None:
        if resume or overwrite:
            raise InputError("resume and overwrite need a directory. Name one (out=..., --out).")
        return None
    directory = Path(out)
    if directory.exists() and not directory.is_dir():
        raise InputError(f"{directory} must be a directory, and is a file. Name another.")
    there = sorted(entry.name for entry in directory.iterdir()) if directory.is_dir() else []
    if there and not {FOLDS, RESULT} & set(there):
        raise InputError(
            f"{directory} holds files that are not of an evaluation ({', '.join(there[:3])}). Name another."
        )
    if there and not (resume or overwrite):
        raise InputError(
            f"{directory} holds an evaluation already. Go on with it (resume=True, --resume), replace it "
            "(overwrite=True, --overwrite), or name another directory."
        )
    return directory


def _assembled(
    store: SetStore, study: Study, results: Sequence[FoldResult], plan: FoldPlan, repeats: int
) -> CrossValidation:
    objective = results[0].objective
    _check_alike(results)
    of_repeats = [predictions_of_repeat(results, repeat, len(store), sizes=plan.sizes) for repeat in range(repeats)]
    truth = of_repeats[0][0]
    predicted = {name: [predictions[name] for _, predictions in of_repeats] for name in of_repeats[0][1]}
    clusters = np.arange(len(store)) if plan.groups is None else plan.groups
    found = measured(HeldOut(objective, truth, predicted, clusters, plan.sizes), seed=study.config.seed)
    tables = [
        _table(store, plan, objective, truth, values, _fold_of(results, repeat, len(store)), repeat)
        for repeat, values in enumerate(next(iter(predicted.values())))
    ]
    found = _constants_rank_nothing(found, objective)
    return CrossValidation(
        study,
        objective,
        found,
        tuple(results),
        plan.folds,
        repeats,
        pa.concat_tables(tables),
        clusters,
        plan.groups is not None,
        _fold_gain(results, found, plan),
        sizes=plan.sizes,
    )


def _fold_of(results: Sequence[FoldResult], repeat: int, num_sets: int) -> np.ndarray:
    """Return the number ``(B,)`` of the fold of a repeat that tested each set, from 1."""
    fold_of = np.zeros(num_sets, np.int64)
    for result in results:
        if result.repeat == repeat:
            fold_of[list(result.tested)] = result.fold + 1
    return fold_of


def _table(
    store: SetStore,
    plan: FoldPlan,
    objective: Objective,
    truth: np.ndarray,
    predicted: np.ndarray,
    fold_of: np.ndarray,
    repeat: int,
) -> pa.Table:
    """Make a table of the predictions of a repeat, a row per set, or per element that is measured."""
    if plan.sizes is None or plan.places is None:
        assert plan.values is not None, "neither elements nor sets"
        start = pa.table({"set_id": store.set_ids, "size": store.sizes})
        more = truth_columns(objective, plan.values) | objective.columns(predicted)
    else:
        start = element_table(store, np.arange(len(store)), plan.sizes, plan.places, {})
        more = element_columns(objective, truth) | objective.columns(predicted, plan.sizes)
        fold_of = np.repeat(fold_of, plan.sizes)
    columns = {"repeat": np.full(start.num_rows, repeat + 1), "fold": fold_of, **more}
    for name, values in columns.items():
        start = start.append_column(name, values if isinstance(values, pa.Array) else pa.array(values))
    return start


def _check_alike(results: Sequence[FoldResult]) -> None:
    """Refuse folds whose models know other classes, so that their predictions cannot be put together."""
    labels = [[target.labels for target in result.objective.targets] for result in results]
    for result, own in zip(results, labels, strict=True):
        if own != labels[0]:
            raise InputError(
                f"every fold must train on every class; fold {result.fold + 1} of repeat {result.repeat + 1} lacks "
                "one. Take fewer folds, another seed, or join rare classes."
            )


def _constants_rank_nothing(found: Measured, objective: Objective) -> Measured:
    """Give a constant what chance is worth by metrics of ranks, though the folds' constants differ and so rank sets."""
    chances = {key: metric.chance for key, metric in objective.metrics.items() if metric.chance is not None}
    rows = tuple(
        row
        if row.name != "constant"
        else row.model_copy(
            update={
                "metrics": {key: chances.get(key, value) for key, value in row.metrics.items()},
                "intervals": {key: ends for key, ends in row.intervals.items() if key not in chances},
            }
        )
        for row in found.rows
    )
    gains = dict(found.gains)
    for name, key in found.gains:
        if name == "constant" and key in chances:
            low, high = found.rows[0].intervals.get(key, (None, None))
            gains[name, key] = (
                found.rows[0].metrics[key] - chances[key],
                None if low is None else low - chances[key],
                None if high is None else high - chances[key],
            )
    return replace(found, rows=rows, gains=gains)


def _fold_gain(results: Sequence[FoldResult], found: Measured, plan: FoldPlan) -> dict[str, tuple[float, float, float]]:
    """Return by metric the folds' mean gain over the best baseline, with an interval that knows of their overlap."""
    if len(found.rows) < 2:
        return {}
    per_fold = []
    for result in results:
        sizes = None if plan.sizes is None else plan.sizes[list(result.tested)]
        per_fold.append(
            {name: score(result.objective, p, result.truth, sizes=sizes) for name, p in result.predicted.items()}
        )
    gains: dict[str, tuple[float, float, float]] = {}
    tested = float(np.mean([len(r.tested) / (len(r.tested) + r.trained + r.validated) for r in results]))
    model = found.rows[0].name
    for metric in found.rows[0].metrics:
        others = [row for row in found.rows[1:] if metric in row.metrics]
        if not others or any(metric not in scores[row.name] for scores in per_fold for row in (found.rows[0], *others)):
            continue
        sign = results[0].objective.metric(metric).sign
        best = max(others, key=lambda row: sign * row.metrics[metric]).name
        differences = [scores[model][metric] - scores[best][metric] for scores in per_fold]
        ends = corrected_t(differences, tested=tested)
        if ends is not None:
            gains[metric] = (float(np.mean(differences)), *ends)
    return gains


def _permutation_test(results: Sequence[FoldResult], num_sets: int, plan: FoldPlan) -> PermutationTest:
    def metrics(permutation: int) -> dict[str, float]:
        own = [result for result in results if result.permutation == permutation]
        truth, predicted = predictions_of_repeat(own, 0, num_sets, sizes=plan.sizes)
        return score(own[0].objective, next(iter(predicted.values())), truth, sizes=plan.sizes)

    observed = metrics(0)
    dealt = [metrics(number) for number in range(1, 1 + max(result.permutation for result in results))]
    p_values = {}
    for metric, value in observed.items():
        sign = results[0].objective.metric(metric).sign
        known = [one[metric] for one in dealt if metric in one]
        p_values[metric] = (1 + sum(sign * other >= sign * value for other in known)) / (1 + len(known))
    return PermutationTest(observed, tuple(dealt), p_values, plan.possible)


def _write(found: CrossValidation, directory: Path) -> None:
    """Write the predictions and the result, whole or not at all."""
    import json

    content = pa.BufferOutputStream()
    pyarrow.parquet.write_table(found.predictions, content)
    write_atomic(directory / PREDICTIONS, content.getvalue().to_pybytes())
    write_atomic(directory / RESULT, json.dumps(as_document(found), indent=1, allow_nan=False).encode())


def as_document(found: CrossValidation) -> dict[str, object]:
    """Return the result as plain values, for machines."""
    test = found.permutation
    return {
        "study": found.study.identity(),
        "decisive": found.objective.decisive.key,
        "sets": len(found.clusters),
        "elements": None if found.sizes is None else int(found.sizes.sum()),
        "groups": len(np.unique(found.clusters)) if found.grouped else None,
        "folds": found.folds,
        "repeats": found.repeats,
        "rows": [row.model_dump(mode="json") for row in found.measured.rows],
        "gains": [
            {"over": other, "metric": metric, "gain": gain[0], "interval": list(gain[1:])}
            for (other, metric), gain in found.measured.gains.items()
        ],
        "gain_over_folds": {metric: list(gain) for metric, gain in found.fold_gain.items()},
        "draws": found.measured.draws,
        "permutation_test": None
        if test is None
        else {
            "permutations": len(test.shuffled),
            "possible": test.possible,
            "observed": test.observed,
            "p_values": test.p_values,
            "shuffled": list(test.shuffled),
        },
        "fits": [
            {"repeat": r.repeat + 1, "fold": r.fold + 1, "trained": r.trained, "validated": r.validated}
            | {"tested": len(r.tested), "epochs": r.epochs, "seconds": r.seconds}
            | {"untempered": r.untempered}
            for r in found.results
        ],
    }
