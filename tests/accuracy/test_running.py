"""What was measured is kept, what was stopped goes on, and nothing is learned from what is tested."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from accuracy.baselines import BASELINES, CONSTANT
from accuracy.clock import Clock, seconds_of
from accuracy.entrant import Exercise
from accuracy.folds import FoldResult
from accuracy.measuring import measure
from accuracy.ours import OURS
from accuracy.protocols import Fold
from accuracy.records import read_records, rows_of
from accuracy.running import Settings, carry_out, pending, plan
from setwise._checks import InputError
from setwise.metrics import intervals
from tests.accuracy.made import Counting, dataset, entrant, made_sets


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "here.txt").touch()
    return lambda clock=None: Settings(tmp_path, tmp_path / "work", tmp_path / "results", clock or Clock())


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch):
    """Draw fewer samples for intervals, which say nothing here."""
    monkeypatch.setattr(intervals, "_MOST_DRAWS", 60)


@dataclass(frozen=True)
class Ticking(Clock):
    """A clock that is over after it was asked a number of times."""

    left: list[None] = field(default_factory=list)

    def is_over(self):
        if self.left:
            self.left.pop()
            return False
        return True


def test_what_was_stopped_goes_on_and_what_is_recorded_is_not_done_again(settings):
    half = Counting()
    jobs = plan([dataset()], [entrant(half)], repeats=2)
    said = []
    carry_out(jobs, settings(Clock(-1.0)), say=said.append)
    assert half.seen == []
    assert "2 repeats are left" in said[-1]
    carry_out(jobs, settings(Ticking(left=[None] * 2)), say=said.append)  # the job begins, one fold is done
    assert len(half.seen) == 1
    assert read_records(settings().results) == []
    assert "goes on" in said[-1]
    assert len(pending(jobs, settings())) == 2
    carry_out(jobs, settings(), say=said.append)
    assert len(half.seen) == 4
    first, second = read_records(settings().results)
    assert [first.repeat, second.repeat] == [1, 2]
    assert (first.sets, first.folds) == (22, 2)
    assert first.metrics == pytest.approx({"accuracy": 0.5, "cross_entropy": np.log(2), "auc": 0.5}, abs=1e-6)
    carry_out(jobs, settings(), say=said.append)
    assert len(half.seen) == 4
    assert pending(jobs, settings()) == []


def test_folds_of_other_data_or_damaged_files_are_fitted_anew(settings):
    half = Counting()
    carry_out(plan([dataset()], [entrant(half)], 1), settings(), say=print)
    folder = settings().work / "made" / "half-1"
    (folder / "fold-01.npz").write_bytes(b"cut short")
    for path in settings().results.rglob("*.json"):
        path.unlink()
    carry_out(plan([dataset()], [entrant(half)], 1), settings(), say=print)
    assert len(half.seen) == 3


def test_folds_are_the_same_for_every_entrant_and_hold_no_test_set(settings):
    one, other = Counting(0.25), Counting(0.75)
    carry_out(plan([dataset()], [entrant(one, "one"), entrant(other, "other")], 1), settings(), say=print)
    assert all(np.array_equal(a, b) for a, b in zip(one.seen, other.seen, strict=True))
    store = made_sets(settings().data)
    (first, second) = dataset().folds(store, 0)
    assert not set(first.train) & set(first.test)
    assert sorted([*first.test, *second.test]) == list(range(22))


def test_models_and_baselines_of_setwise_take_part(settings):
    ours = [own for own in OURS if own.name == "linear"]
    assert len(ours) == 1
    assert carry_out(plan([dataset()], [*ours, *BASELINES], 1), settings(), say=print) == []
    rows = rows_of(read_records(settings().results))
    constant = rows["made", "constant"]
    assert constant.metrics["auc"] == 0.5
    assert "auc" not in constant.intervals
    for (_, name), row in rows.items():
        low, high = row.intervals["accuracy"]
        assert low <= row.metrics["accuracy"] <= high
        if name != "constant":
            assert row.metrics["cross_entropy"] < constant.metrics["cross_entropy"], name
            assert row.metrics["accuracy"] > 0.6, name


def test_numbers_are_measured_by_the_root_of_the_mean_squared_error(settings):
    def read(data):
        store = made_sets(data)
        return store.with_sets(store.sets.append_column("size", [[float(n) for n in store.sizes]]))

    numbers = dataset(read=read, targets=("size",), score="rmse", loss="rmse", others=("mae",), folds=_halves)
    carry_out(plan([numbers], BASELINES, 1), settings(), say=print)
    rows = rows_of(read_records(settings().results))
    expected = np.array([1.0 + i % 5 for i in range(22)])
    guess = np.where(np.arange(22) < 11, expected[11:].mean(), expected[:11].mean())
    assert rows["made", "constant"].metrics["rmse"] == pytest.approx(
        np.sqrt(((guess - expected) ** 2).mean()), abs=1e-6
    )
    assert rows["made", "moments-extra-trees"].metrics["rmse"] < 0.5


def _halves(_store, _repeat):
    first, second = np.arange(11), np.arange(11, 22)
    return [Fold(first, second), Fold(second, first)]


def test_what_is_absent_is_said_and_what_fails_does_not_end_the_rest(settings):
    def fails(_):
        raise RuntimeError("a fault")

    def refuses(_):
        raise InputError("numbers alone")

    half, said = Counting(), []
    entrants = [entrant(fails, "fails"), entrant(refuses, "refuses"), entrant(half, "peer", package="no_such_package")]
    jobs = plan([dataset(), dataset(name="away", file="away.txt")], [*entrants, entrant(half)], 1)
    failed = carry_out(jobs, settings(), say=said.append)
    assert [job.entrant.name for job in failed] == ["fails"]
    assert half.seen != []
    text = "\n".join(said)
    assert "RuntimeError: a fault" in text
    assert text.count("peer needs no_such_package, which is not installed") == 1
    assert text.count("away.txt is not there") == 1
    rows = rows_of(read_records(settings().results))
    assert rows["made", "refuses"].refused == "numbers alone"
    assert rows["made", "half"].metrics
    assert len(rows) == 2


def test_the_cheapest_come_first_and_every_first_repeat_before_a_second():
    half = Counting()
    small, large = dataset(name="small"), dataset(name="large", cost=50.0, repeats=1)
    jobs = plan([large, small], [entrant(half, "dear", cost=10.0), CONSTANT], 2)
    order = [(job.repeat, job.dataset.name, job.entrant.name) for job in jobs]
    assert order == [
        *[(0, "small", "constant"), (0, "large", "constant"), (0, "small", "dear"), (0, "large", "dear")],
        *[(1, "small", "constant"), (1, "small", "dear")],
    ]


def test_folds_must_know_the_same_classes():
    store, own = made_sets(Path()), dataset()
    folds = own.folds(store, 0)
    results = [FoldResult(Counting()(Exercise(own, store, fold, 0)), 0.0, 0.0) for fold in folds]
    assert measure(own, store, folds, results).clusters == 22
    assert measure(dataset(group="site"), store, folds, results).clusters == 11
    of_one_class = [Fold(np.arange(0, 22, 2), np.arange(1, 22, 2)), folds[1]]
    with pytest.raises(InputError, match=r"class"):
        measure(
            own,
            store,
            of_one_class,
            [FoldResult(Counting()(Exercise(own, store, fold, 0)), 0.0, 0.0) for fold in of_one_class],
        )


def test_a_damaged_record_is_named(settings, tmp_path):
    half = Counting()
    carry_out(plan([dataset()], [entrant(half)], 1), settings(), say=print)
    (path,) = settings().results.rglob("*.json")
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "folds": "many"}))
    with pytest.raises(InputError, match=r"half-1\.json is damaged"):
        read_records(tmp_path / "results")


@pytest.mark.parametrize(("text", "seconds"), [("90m", 5400), ("1h30m", 5400), ("45s", 45), ("2h", 7200)])
def test_budgets_are_times(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "3", "-1h"])
def test_other_budgets_are_refused(text):
    with pytest.raises(InputError, match="a budget must be a time"):
        seconds_of(text)
