"""The page is made from records alone, and its counts are right."""

import pytest

from accuracy.__main__ import main
from accuracy.baselines import CONSTANT
from accuracy.catalogue import DATASETS
from accuracy.entrants import ENTRANTS, chosen_entrants
from accuracy.ours import DEFAULT, OURS
from accuracy.records import RESULTS, Record, keep, read_records, rows_of
from accuracy.report import page, write_report
from accuracy.standings import reaches, standing_of_default, standings
from setwise import Study
from setwise._checks import InputError
from setwise.models.families import MODELS
from tests.accuracy.made import Counting, dataset, entrant

_FIRST, _SECOND = dataset(name="first"), dataset(name="second", goal=None)
_OTHER = dataset(name="other", counts=False)


def record(data: str, name: str, loss: float, repeat: int = 1, **changes) -> Record:
    given = {"data": data, "entrant": name, "repeat": repeat, "fingerprint": "f", "folds": 2, "threads": 1}
    given |= {"metrics": {"accuracy": 0.75, "cross_entropy": loss}, "commit": None, "seconds": 7.0}
    given |= {"intervals": {"cross_entropy": (loss - 0.1, loss + 0.1)}, "versions": {"setwise": "0", "torch": "2"}}
    return Record(**{**given, "finished": "2026-11-28T00:00:00+00:00", **changes})


RECORDS = [
    *[record("first", "constant", 0.7), record("first", DEFAULT, 0.5), record("first", "linear", 0.45)],
    record("first", "moments-forest", 0.3),
    *[record("second", "constant", 0.8), record("second", DEFAULT, 0.4), record("second", "linear", 0.6)],
    *[record("other", DEFAULT, 0.9), record("other", "linear", 0.1)],
]


def test_every_model_takes_part_and_the_default_comes_first():
    names = [entrant.name for entrant in ENTRANTS]
    assert names[0] == DEFAULT == Study(targets="y").model
    assert set(MODELS) <= set(names)
    assert len(names) == len(set(names))
    assert len(OURS) == len(MODELS)
    assert [own.name for own in chosen_entrants(["default", "constant", DEFAULT])] == [DEFAULT, "constant"]
    with pytest.raises(InputError, match="the name of a model"):
        chosen_entrants(["best"])


def test_repeats_are_averaged():
    rows = rows_of([record("first", "linear", 0.4), record("first", "linear", 0.6, repeat=2, seconds=9.0)])
    row = rows["first", "linear"]
    assert row.metrics["cross_entropy"] == pytest.approx(0.5)
    assert row.intervals["cross_entropy"] == pytest.approx((0.4, 0.6))
    assert (row.repeats, row.seconds) == (2, 8.0)


def test_standings_are_mean_ranks_and_losses_beside_the_constant():
    names = ["constant", DEFAULT, "linear", "moments-forest"]
    found = {s.entrant: s for s in standings(rows_of(RECORDS), [_FIRST, _SECOND], names, constant=CONSTANT.name)}
    assert next(iter(found)) == "moments-forest"
    assert found[DEFAULT].rank == pytest.approx((3 + 1) / 2)
    assert found[DEFAULT].loss == pytest.approx((0.5 / 0.7 + 0.4 / 0.8) / 2)
    assert (found["linear"].measured, found["linear"].best, found["constant"].worst) == (2, 0, 2)
    assert found["moments-forest"].measured == 1


def test_the_default_is_counted_beside_the_others():
    words = {"default": DEFAULT, "singles": ["linear"], "others": ["moments-forest"], "earlier": "linear"}
    found = standing_of_default(rows_of(RECORDS), [_FIRST, _SECOND], **words)
    assert (found.measured, found.worst) == (2, 1)  # of the first: 0.5 beside 0.45 and 0.3
    assert (found.compared, found.behind, found.far_behind) == (2, 1, 1)
    assert found.level == 1  # of the second; 0.3 is below 0.4 to 0.6
    assert (found.met, found.beats) == (2, 1)
    assert (found.goals, found.reached) == (1, 1)


def test_a_goal_is_reached_from_the_right_side():
    assert reaches(dataset(goal=0.9), 0.9)
    assert not reaches(dataset(goal=0.9), 0.89)
    assert reaches(dataset(score="rmse", loss="rmse", goal=0.6), 0.59)
    assert not reaches(dataset(score="rmse", loss="rmse", goal=0.6), 0.61)


def test_the_page_is_made_from_records_alone(tmp_path):
    for own in RECORDS:
        keep(own, tmp_path)
    write_report(read_records(tmp_path), tmp_path / "page.md", [_FIRST, _SECOND, _OTHER], ENTRANTS)
    text = (tmp_path / "page.md").read_text()
    assert "Over all 2 data sets" in text
    assert "| `moments-forest` | 0.750 | **0.300** (0.200 to 0.400) | - | 1 | 7 |" in text
    assert "| 0.5, reached |" in text
    assert "worst of all but the constant on 1 of 2 data sets" in text
    assert "more than 2 % above that of the best other model of setwise on 1 of 2" in text
    assert "| `moments-boosting` | not run |" in text
    assert "A second protocol of the same data" in text
    assert text == page(list(reversed(RECORDS)), [_FIRST, _SECOND, _OTHER], ENTRANTS)


def test_records_are_small_and_of_known_data():
    known = {dataset.name: dataset for dataset in DATASETS}
    for own in read_records(RESULTS):
        assert own.data in known
        assert own.repeat <= known[own.data].repeats
        assert own.refused or set(known[own.data].metrics) >= set(own.metrics)
    assert all(path.stat().st_size < 5_000 for path in RESULTS.rglob("*.json"))


def test_a_page_without_records_says_that_nothing_was_run():
    peer = entrant(Counting(), "peer", package="no_such_package")
    text = page([], [_FIRST], [*ENTRANTS, peer])
    assert "has not been run yet" in text
    assert "| `peer` | not run; needs `no_such_package` |" in text


def test_a_refusal_is_said():
    text = page([record("first", "linear", 0.1, metrics={}, intervals={}, refused="numbers alone")], [_FIRST], ENTRANTS)
    assert "| `linear` | refused: numbers alone |" in text


def test_the_command_line_names_what_is_left(tmp_path, capsys, monkeypatch, real_data):
    work = ["--data", str(real_data), "--work", str(tmp_path / "work"), "--results", str(tmp_path / "results")]
    asked = ["accuracy", "run", "musk1", "--model", "constant,linear"]
    monkeypatch.setattr("sys.argv", [*asked, *work, "--dry-run"])
    _run()
    assert capsys.readouterr().out.splitlines() == ["musk1, constant, repeat 1", "musk1, linear, repeat 1"]
    monkeypatch.setattr("sys.argv", ["accuracy", "run", "musk1", "--model", "constant", *work])
    _run()
    assert "musk1, constant, repeat 1: accuracy 0.5" in capsys.readouterr().out
    page_there = tmp_path / "page.md"
    monkeypatch.setattr("sys.argv", ["accuracy", "report", "--out", str(page_there), "--results", work[-1]])
    _run()
    assert "| `constant` | 0.511" in page_there.read_text()
    monkeypatch.setattr("sys.argv", ["accuracy", "run", "musk2"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "the name of a data set" in capsys.readouterr().err


def _run():
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0


def test_ctrl_c_ends_a_run_with_words(tmp_path, capsys, monkeypatch):
    def stopped(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("accuracy.__main__.carry_out", stopped)
    monkeypatch.setattr("sys.argv", ["accuracy", "run", "musk1", "--results", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
    assert "The same command goes on." in capsys.readouterr().out
