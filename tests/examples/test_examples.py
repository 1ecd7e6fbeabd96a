"""Every worked example runs, reduced, on its real files; what it reports has the shape of a result."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from examples.__main__ import EXAMPLES, rounds
from examples.clock import Clock
from examples.folds import cross_validate
from examples.itn import about_sites
from examples.outcome import Outcome, keep, kept, of_held_out, with_averages
from examples.report import best_baseline, table, verdict, write_report
from setwise import SetClassifier
from setwise.runs.held_out import HeldOut
from setwise.targets import Classes, Number, Objective

DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.mark.parametrize(
    "name", ["mil", *(pytest.param(name, marks=pytest.mark.slow) for name in EXAMPLES if name != "mil")]
)
def test_an_example_runs(name, tmp_path):
    folder = DATA / EXAMPLES[name].FOLDER
    if not folder.is_dir():
        pytest.skip(f"the files of {EXAMPLES[name].FOLDER} are not beside the project")
    outcomes = EXAMPLES[name].run(folder, tmp_path, repeats=1, clock=Clock(), reduced=True)
    assert outcomes
    for outcome in outcomes:
        assert outcome.example == name
        assert next(iter(outcome.rows)) == "setwise"
        assert len(outcome.rows) > 2
        assert all(math.isfinite(value) for value in outcome.rows.values())
    keep(outcomes, tmp_path / "record.json", command="a command")
    assert kept(tmp_path / "record.json")[1] == outcomes


def test_all_examples_have_a_turn_before_one_is_repeated():
    assert rounds(["mil", "dapg", "covid"], None) == [
        *[("mil", 1), ("dapg", 1), ("covid", 1)],
        *[("mil", 3), ("covid", 3)],
        *[("mil", 10), ("covid", 5)],
    ]
    assert rounds(["mil", "covid"], 2) == [("mil", 1), ("covid", 1), ("mil", 2), ("covid", 2)]


def test_sites_that_tell_the_group_are_told():
    said = about_sites(["a", "a", "b", "b", "b"], ["1", "1", "1", "2", "2"])
    assert said.startswith("The commonest group of each site is that of 4 of 5 patients")
    assert "0.200 of accuracy" in said


def _outcome(**changes) -> Outcome:
    rows = {"setwise": 0.75, "constant": 0.6, "ridge": 0.7, "setwise and ridge, averaged": 0.8}
    given = {"example": "mil", "case": "5 sets", "evaluation": "5 folds", "metric": "accuracy", "lower": False}
    return Outcome(**{**given, "rows": rows, "interval": (0.5, 1.0), "published": "others 0.8", **changes})


def test_outcomes_are_shown_as_a_table():
    assert table([_outcome()]).splitlines()[-1] == (
        "| 5 sets | 5 folds | accuracy (more is better) | 0.750 (0.500 to 1.000) | 0.700, ridge | 0.800 | - "
        "| others 0.8 |"
    )


def test_a_verdict_says_who_is_ahead():
    assert (
        verdict(_outcome())
        == "setwise is ahead by 0.050, within the interval; the average with linear beats both (0.800)."
    )
    assert best_baseline(_outcome(lower=True)) == ("constant", 0.6)
    assert verdict(_outcome(lower=True, interval=None)) == (
        "constant is ahead by 0.150; the average with linear does not help (0.800)."
    )
    assert verdict(_outcome(rows={"setwise": 0.5, "ridge": 0.5})) == "setwise and ridge are level."


def test_the_average_is_that_of_predictions_and_an_interval_holds_the_number():
    truth = np.array([[0.0], [1.0], [2.0], [5.0]])
    predicted = {
        "deep-sets++": [truth + 1],
        "constant": [truth * 0],
        "ridge": [truth - 2],
        "random forest": [truth - 1],
    }
    held_out = HeldOut(Objective.join(Number(target="y")), truth, predicted, np.arange(4))
    means = with_averages(held_out).predicted
    assert means["setwise and ridge, averaged"][0] == pytest.approx(truth - 0.5)
    assert means["setwise and random forest, averaged"][0] == pytest.approx(truth)
    outcome = of_held_out(held_out, "mae", example="a", case="b", evaluation="c", metric_name="error")
    rows = {"setwise": 1, "constant": 2, "ridge": 2, "random forest": 1}
    rows |= {"setwise and ridge, averaged": 0.5, "setwise and random forest, averaged": 0}
    assert outcome.rows == pytest.approx(rows)
    assert table([outcome]).splitlines()[-1].endswith("| 0.500 | 0.000 | - |")
    assert (outcome.metric, outcome.lower) == ("error", True)
    assert outcome.interval == pytest.approx((1, 1))


def test_a_constant_ranks_nothing():
    truth = np.array([[0.0], [1.0], [0.0], [1.0]])
    shares = np.array([[0.4, 0.6], [0.6, 0.4], [0.4, 0.6], [0.6, 0.4]])
    objective = Objective.join(Classes(target="y", classes=(0, 1)))
    held_out = HeldOut(objective, truth, {"deep-sets++": [shares[::-1]], "constant": [shares]}, np.arange(4))
    assert of_held_out(held_out, "auc", example="a", case="b", evaluation="c").rows == {"setwise": 1.0, "constant": 0.5}


def test_folds_that_are_done_are_kept_and_no_fold_begins_after_the_time(tmp_path):
    rng = np.random.default_rng(0)
    sets = [rng.normal(i % 2, 1, (3 + i % 2, 2)) for i in range(12)]
    labels = np.arange(12) % 2
    calls: list[int] = []

    def half(seen, _labels, new):
        calls.append(len(seen))
        return np.full(len(new), 0.5)

    def evaluate(clock: Clock, *, epochs: int = 1, repeats: int = 2):
        classifier = SetClassifier(depth=2, width=8, epochs=epochs, ensemble=1, random_state=0)
        given = {"folds": 2, "repeats": repeats, "folder": tmp_path / "folds", "clock": clock}
        return cross_validate(sets, labels, classifier, {"half": half}, **given)

    assert evaluate(Clock(-1.0)) is None
    assert not list((tmp_path / "folds").iterdir())
    first = evaluate(Clock(), repeats=1)
    assert calls == [6, 6]
    both = evaluate(Clock())
    assert calls == [6, 6, 6, 6]
    assert first is not None
    assert both is not None
    assert [len(p) for p in both.predicted.values()] == [2, 2]
    assert np.array_equal(both.predicted["setwise"][0], first.predicted["setwise"][0])
    assert not np.isnan(both.predicted["setwise"]).any()
    with pytest.raises(ValueError, match="fold of these data and settings"):
        evaluate(Clock(), epochs=2)


def test_the_page_is_made_from_records_alone(tmp_path):
    keep([_outcome(note="Few sets.")], tmp_path / "mil.json", command="python -m examples run mil")
    write_report(tmp_path, tmp_path / "page.md", EXAMPLES)
    page = (tmp_path / "page.md").read_text()
    assert "0.750 (0.500 to 1.000)" in page
    assert "Few sets." in page
    assert "Not run yet: `python -m examples run birds`." in page
    created = json.loads((tmp_path / "mil.json").read_text())["created"]
    assert f"`python -m examples run mil`, {created[:10]}" in page
