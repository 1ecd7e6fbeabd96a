"""Cross-validation of a study: every set is predicted by models that have not seen it, beside every baseline."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from setwise._checks import InputError, check_positive
from setwise.data import columns
from setwise.data.store import SetStore
from setwise.inference.fold_runs import FoldResult, Task, predictions_of_repeat, run_tasks
from setwise.training.files import make_directory, write_whole
from setwise.training.folds import count_permutations, plan_folds, shuffled
from setwise.training.held_out import HeldOut, Measured, measured
from setwise.training.intervals import corrected_t
from setwise.training.metrics import decisive_metric, lower_is_better, score
from setwise.training.objectives import Objective
from setwise.training.study import Study
from setwise.training.targets import choose_kinds, target_values, truth_columns

FOLDS, PREDICTIONS, RESULT = "folds", "predictions.parquet", "cv.json"
_CHANCE = {"auc": 0.5}  # what a constant is worth by metrics of ranks, whichever constants the folds have


@dataclass(frozen=True)
class PermutationTest:
    """How the same evaluation fares with targets that were dealt out anew.

    Attributes:
        observed: metrics of the first repeat.
        shuffled: metrics of each permutation.
        p_values: by metric, ``(1 + permutations that do as well) / (1 + permutations)``.
        possible: different permutations that there are; none for numbers.
    """

    observed: dict[str, float]
    shuffled: tuple[dict[str, float], ...]
    p_values: dict[str, float]
    possible: int | None


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """What cross-validation found.

    Attributes:
        study: what was evaluated.
        objective: what is predicted.
        measured: metrics of the predictions for all sets, pooled over folds, means over repeats, with intervals.
        results: of every fold, in order.
        folds, repeats: how the sets were divided.
        predictions: a row per set and repeat: ``set_id``, ``size``, ``repeat``, ``fold``, targets, prediction columns.
        clusters: ``(B,)`` groups of the sets, or their own numbers.
        grouped: whether sets belong to groups.
        fold_gain: by each metric, the mean over the folds of the model less the best baseline, and its corrected
            interval; where every fold defines it.
        permutation: the test of shuffled targets, or none.
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


def cross_validate(
    store: SetStore,
    study: Study,
    *,
    folds: int = 5,
    repeats: int = 1,
    permutations: int = 0,
    jobs: int = 1,
    baselines: bool = True,
    out: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    done: Callable[[int, int], None] = lambda _done, _all: None,
) -> CrossValidation:
    """Cross-validate a model beside the baselines: grouped, stratified by the classes of a single target, repeated.

    Each fold is a whole fit with transforms, validation part and baselines of its own. Metrics are of the pooled
    predictions for all sets, so that folds of few sets count as well; AUC thereby compares sets that different models
    ranked, which can only lower it on average. Intervals are drawn over groups or sets.

    Args:
        store: the sets.
        study: targets, model and configuration; its seed decides folds, fits and permutations.
        folds: of a repeat; fewer where groups or the sets of a class are fewer.
        repeats: how often the sets are divided anew; the means of the metrics are over them.
        permutations: of the targets, each evaluated with one repeat and without baselines.
        jobs: processes.
        baselines: fit the baselines in every fold.
        out: where each fold is kept as soon as it is done, the predictions and the result; or none.
        resume: go on with an evaluation that was stopped.
        overwrite: replace one that is there.
        done: is told fits that are done, and how many there are.

    Raises:
        InputError: data, choices or directory are at fault.
    """
    check_positive(jobs=jobs)
    if study.of == "elements":
        raise InputError(
            "cross-validation is of targets of sets; labels of elements are measured on the held-out sets of one fit "
            "(setwise fit --element-target, with another --seed for another split)."
        )
    directory = _directory(out, resume=resume, overwrite=overwrite)
    kinds = choose_kinds(store, study.targets, study.task)
    values = target_values(store, kinds)
    groups = columns.groups(store, study.group)
    stratify = len(kinds) == 1 and next(iter(kinds.values())) != "regression"
    classes = values[:, 0].astype(str) if stratify else None
    seed = study.config.seed
    plan = plan_folds(
        len(store), folds=folds, repeats=repeats, groups=groups, classes=classes, validation=study.validation, seed=seed
    )
    tasks = [Task(fold, 0, _columns(store, study), baselines) for fold in plan]
    number_of_folds = 1 + max(fold.number for fold in plan)
    for permutation in range(1, permutations + 1):
        dealt = shuffled(
            values, groups, seed=int(np.random.SeedSequence((seed, 0, 0, permutation)).generate_state(1)[0])
        )
        tasks += _permuted(store, study, dealt, permutation, number_of_folds, groups, stratify=stratify)
    count = [0]

    def one_more(_: FoldResult) -> None:
        count[0] += 1
        done(count[0], len(tasks))

    folder = None if directory is None else directory / FOLDS
    results = run_tasks(store, study, tasks, folder=folder, jobs=jobs, done=one_more)
    found = _assembled(store, study, results[: len(plan)], values, groups, (number_of_folds, repeats))
    if permutations:
        possible = count_permutations(classes, groups) if classes is not None else None
        found = replace(found, permutation=_permutation_test(results, len(store), possible))
    if directory is not None:
        _write(found, directory)
    return found


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
    if overwrite and (directory / FOLDS).is_dir():
        shutil.rmtree(directory / FOLDS)
    make_directory(directory)
    return directory


def _columns(store: SetStore, study: Study, values: np.ndarray | None = None) -> pa.Table:
    """The columns of the sets that a fit needs, with other targets where they are given."""
    wanted = [*study.targets, *study.covariates]
    wanted += [name for name in (study.group, study.weight_column) if name is not None]
    wanted += ["group"] if study.group is None and "group" in store.sets.column_names else []
    table = store.sets.select(["set_id", *dict.fromkeys(wanted)])
    for position, name in enumerate(study.targets if values is not None else ()):
        assert values is not None
        column = pa.array(values[:, position].tolist(), from_pandas=True)
        table = table.set_column(table.column_names.index(name), name, column)
    return table


def _permuted(
    store: SetStore,
    study: Study,
    values: np.ndarray,
    permutation: int,
    folds: int,
    groups: np.ndarray | None,
    *,
    stratify: bool,
) -> list[Task]:
    """The fits of one permutation of the targets, on folds that are drawn for it as they were for the targets."""
    plan = plan_folds(
        len(store),
        folds=folds,
        groups=groups,
        classes=values[:, 0].astype(str) if stratify else None,
        validation=study.validation,
        seed=study.config.seed,
    )
    table = _columns(store, study, values)
    return [Task(fold, permutation, table, baselines=False) for fold in plan]


def _assembled(
    store: SetStore,
    study: Study,
    results: Sequence[FoldResult],
    values: np.ndarray,
    groups: np.ndarray | None,
    divided: tuple[int, int],
) -> CrossValidation:
    objective = results[0].objective
    _check_alike(results)
    repeats = [predictions_of_repeat(results, repeat, len(store)) for repeat in range(divided[1])]
    predicted = {name: [predictions[name] for _, predictions in repeats] for name in repeats[0][1]}
    clusters = np.arange(len(store)) if groups is None else groups
    found = measured(HeldOut(objective, repeats[0][0], predicted, clusters), seed=study.config.seed)
    found = _constants_rank_nothing(found)
    tables = []
    for repeat, (_, predictions) in enumerate(repeats):
        fold_of = np.zeros(len(store), np.int64)
        for result in results:
            if result.repeat == repeat:
                fold_of[list(result.tested)] = result.fold + 1
        tables.append(
            pa.table(
                {
                    "set_id": store.set_ids,
                    "size": store.sizes,
                    "repeat": np.full(len(store), repeat + 1),
                    "fold": fold_of,
                    **truth_columns(objective, values),
                    **objective.columns(next(iter(predictions.values()))),
                }
            )
        )
    return CrossValidation(
        study,
        objective,
        found,
        tuple(results),
        *divided,
        pa.concat_tables(tables),
        clusters,
        groups is not None,
        _fold_gain(results, found),
    )


def _check_alike(results: Sequence[FoldResult]) -> None:
    """Refuse folds whose models know other classes, so that their predictions cannot be put together."""
    heads = [[getattr(head, "classes", None) for head in result.objective.heads] for result in results]
    for result, own in zip(results, heads, strict=True):
        if own != heads[0]:
            raise InputError(
                f"every fold must train on every class; fold {result.fold + 1} of repeat {result.repeat + 1} lacks "
                "one. Take fewer folds, another seed, or join rare classes."
            )


def _constants_rank_nothing(found: Measured) -> Measured:
    """A constant is worth chance by metrics of ranks, though the folds' constants differ and so rank sets."""
    rows = tuple(
        row
        if row.name != "constant"
        else row.model_copy(
            update={
                "metrics": {m: _CHANCE.get(m, value) for m, value in row.metrics.items()},
                "intervals": {m: ends for m, ends in row.intervals.items() if m not in _CHANCE},
            }
        )
        for row in found.rows
    )
    gains = dict(found.gains)
    for metric, chance in _CHANCE.items():
        if ("constant", metric) in gains:
            low, high = found.rows[0].intervals.get(metric, (None, None))
            gains["constant", metric] = (
                found.rows[0].metrics[metric] - chance,
                None if low is None else low - chance,
                None if high is None else high - chance,
            )
    return replace(found, rows=rows, gains=gains)


def _fold_gain(results: Sequence[FoldResult], found: Measured) -> dict[str, tuple[float, float, float]]:
    """Per metric the mean gain of the folds over the best baseline, with the interval that knows of their overlap."""
    if len(found.rows) < 2:
        return {}
    per_fold = [
        {name: score(r.objective, np.array(p), np.array(r.truth, float)) for name, p in r.predicted.items()}
        for r in results
    ]
    gains: dict[str, tuple[float, float, float]] = {}
    tested = float(np.mean([len(r.tested) / (len(r.tested) + r.trained + r.validated) for r in results]))
    model = found.rows[0].name
    for metric in found.rows[0].metrics:
        others = [row for row in found.rows[1:] if metric in row.metrics]
        if not others or any(metric not in scores[row.name] for scores in per_fold for row in (found.rows[0], *others)):
            continue
        sign = -1 if lower_is_better(metric) else 1
        best = max(others, key=lambda row: sign * row.metrics[metric]).name
        differences = [scores[model][metric] - scores[best][metric] for scores in per_fold]
        ends = corrected_t(differences, tested=tested)
        if ends is not None:
            gains[metric] = (float(np.mean(differences)), *ends)
    return gains


def _permutation_test(results: Sequence[FoldResult], num_sets: int, possible: int | None) -> PermutationTest:
    def metrics(permutation: int) -> dict[str, float]:
        own = [result for result in results if result.permutation == permutation]
        truth, predicted = predictions_of_repeat(own, 0, num_sets)
        return score(own[0].objective, next(iter(predicted.values())), truth)

    observed = metrics(0)
    dealt = [metrics(number) for number in range(1, 1 + max(result.permutation for result in results))]
    p_values = {}
    for metric, value in observed.items():
        sign = -1 if lower_is_better(metric) else 1
        known = [one[metric] for one in dealt if metric in one]
        p_values[metric] = (1 + sum(sign * other >= sign * value for other in known)) / (1 + len(known))
    return PermutationTest(observed, tuple(dealt), p_values, possible)


def _write(found: CrossValidation, directory: Path) -> None:
    """The predictions and the result, whole or not at all."""
    import json

    content = pa.BufferOutputStream()
    pyarrow.parquet.write_table(found.predictions, content)
    write_whole(directory / PREDICTIONS, content.getvalue().to_pybytes())
    write_whole(directory / RESULT, json.dumps(as_document(found), indent=1, allow_nan=False).encode())


def as_document(found: CrossValidation) -> dict[str, object]:
    """The result as plain values, for machines."""
    test = found.permutation
    return {
        "study": found.study.identity(),
        "decisive": decisive_metric(found.objective),
        "sets": len(found.clusters),
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
            for r in found.results
        ],
    }
