"""Fit again from other seeds, and say how far metrics and predictions move with nothing but the seed."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa

from setwise.fit.study import Study
from setwise.fit.train import train
from setwise.runs.held_out_table import predicted_in
from setwise.runs.record import SeedCheck
from setwise.runs.run import Run
from setwise.store.splits import Split
from setwise.store.store import SetStore
from setwise.validate.cross_validation import cross_validate

SPREAD = "seed_spread_"  # begins the columns of how far predictions move


def with_seed_check(
    run: Run,
    store: SetStore,
    study: Study,
    count: int,
    *,
    progress: bool | None = None,
    told: Callable[[int], None] = lambda _number: None,
) -> Run:
    """Return a run with how far its metrics and its held-out predictions move when it is fitted from other seeds.

    The held-out sets stay the same; first weights, orders, draws and what members leave out differ. Where a run was
    measured in folds, the folds differ as well. The table of held-out predictions gets, for each column of numbers
    ``predicted_<target>``, ``probability_<class>`` ..., one ``seed_spread_...``: the standard deviation (divisor one
    less) over all seeds.

    Args:
        run: that was just fitted and measured.
        store: the sets.
        study: what it was fitted by.
        count: how many other seeds.
        progress: show a progress bar; by default on a terminal alone.
        told: is told the number of each fit as it begins, from 1.
    """
    if run.test_predictions is None or count < 1:
        return run
    seeds, metrics = [study.config.seed], [run.record.test[0].metrics]
    predicted = [predicted_in(run.test_predictions, run.objective)]
    for number in range(1, count + 1):
        told(number)
        seed = study.config.seed + number
        scores, numbers = _again(run, store, study.with_seed(seed), progress=progress)
        if scores is None:  # Ctrl-C: what is there counts
            break
        seeds.append(seed)
        metrics.append(scores)
        predicted.append(numbers)
    if len(seeds) == 1:
        return run
    names = run.objective.column_names()
    spread = np.std(predicted, axis=0, ddof=1)
    table = run.test_predictions
    for name, column in zip(names, spread.T, strict=True):
        table = table.append_column(f"{SPREAD}{name.removeprefix('predicted_')}", pa.array(column))
    found = SeedCheck(
        seeds=tuple(seeds),
        metrics=tuple(metrics),
        spread=dict(zip(names, np.median(spread, axis=0).tolist(), strict=True)),
        most=dict(zip(names, spread.max(0).tolist(), strict=True)),
        changed=_changed(run, predicted),
    )
    return replace(run, record=run.record.model_copy(update={"seed_check": found}), test_predictions=table)


def _again(
    run: Run, store: SetStore, study: Study, *, progress: bool | None
) -> tuple[dict[str, float] | None, np.ndarray]:
    """Return metrics and held-out predictions of a fit by another study; none of an interrupted one."""
    record = run.record
    if record.folds:
        found = cross_validate(store, study, folds=record.folds, baselines=False)
        return found.measured.rows[0].metrics, predicted_in(found.predictions, found.objective)
    assert run.test_predictions is not None, "checked above"
    places = None
    row = {name: place for place, name in enumerate(store.set_ids)}
    if record.objective.of == "elements":  # those that the run was measured on
        owners = np.array([row[name] for name in run.test_predictions["set_id"].to_pylist()])
        places = store.offsets[owners] + run.test_predictions["element"].to_numpy()
    rows = [
        np.sort(np.array([row[name] for name in names], np.int64))
        for names in (record.split.train, (*record.split.validation, *record.split.calibration), record.split.test)
    ]
    fitted = train(store, study, split=Split(*rows), baselines=False, intervals=False, places=places, progress=progress)
    if fitted.test_predictions is None or fitted.record.status == "interrupted":
        return None, np.zeros(0)
    return fitted.record.test[0].metrics, predicted_in(fitted.test_predictions, fitted.objective)


def _changed(run: Run, predicted: list[np.ndarray]) -> dict[str, int]:
    """Return by target of classes how many rows do not get the same class from every seed."""
    named = [run.objective.columns(one) for one in predicted]
    found = {}
    for target in run.objective.targets:
        if target.labels:
            classes = np.stack([columns[f"predicted_{target.name}"] for columns in named])
            found[target.name] = int((classes != classes[0]).any(0).sum())
    return found
