"""What notebooks show: sizes, features and leaderboards, every text escaped, nothing that must be fetched."""

import numpy as np
import pyarrow as pa
import pytest
from sklearn import config_context

from setwise import SetRegressor, read
from setwise._notebook import Grid, as_html

NASTY = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def store():
    draw = np.random.default_rng(0)
    sets = [draw.normal(size=(size, 2)) for size in [1, 2, 3, 5, 7, 11, 31] * 3]
    table = {"set_id": [f"<b>{i}</b>" for i in range(21)], "y": [float(x.mean()) for x in sets], NASTY: ["<i>"] * 21}
    return read(sets, sets=pa.table(table), features=["<u>volume</u>", "time"])


@pytest.fixture(scope="module")
def fitted(store):
    sets = [store.elements(row) for row in range(21)]
    choices = {"depth": 2, "width": 8, "epochs": 2, "ensemble": 1, "random_state": 0}
    return SetRegressor(**choices).fit(sets, store.sets["y"].to_numpy())


def test_a_store_shows_sizes_features_and_its_first_sets(store):
    shown = store._repr_html_()
    for words in ("21", "1 to 31, median 5", "&lt;u&gt;volume&lt;/u&gt;, time", "&lt;b&gt;0&lt;/b&gt;", "of 21 sets"):
        assert words in shown
    assert "&lt;script&gt;" in shown
    for markup in ("<script", "<b>", "<u>", "<i>", "http"):
        assert markup not in shown


def test_a_run_shows_its_model_and_its_sets(fitted):
    shown = fitted.run_._repr_html_()
    for words in ("deep-sets++", "target", "x0, x1", "21 train", "in memory"):
        assert words in shown


def test_held_out_results_and_the_leaderboard_are_tables(fitted):
    from setwise.runs.record import Ranked, TestRow
    from setwise.runs.run import Run

    ranked = Ranked(model=NASTY, score=0.5, interval=(0.25, 0.75), seconds=3.0, weight=1.0)
    row = TestRow(name="constant", metrics={"mse": 1.25, "r2": -0.5}, intervals={"mse": (1.0, 1.5)})
    record = fitted.run_.record.model_copy(update={"leaderboard": (ranked,), "test": (row,)})
    shown = Run(record, fitted.run_.model)._repr_html_()
    for words in ("1.25 (1 to 1.5)", "-0.5", "0.5 (0.25 to 0.75)", "100%", "&lt;script&gt;", "mean squared error"):
        assert words in shown
    assert "<script" not in shown


def test_an_estimator_shows_its_run_below_its_parameters(fitted):
    bundle = fitted._repr_mimebundle_()
    assert "SetRegressor" in bundle["text/html"]
    assert fitted.run_._repr_html_() in bundle["text/html"]
    assert fitted.run_._repr_html_() in fitted._repr_html_()
    assert "<strong>Run</strong>" not in SetRegressor()._repr_mimebundle_()["text/html"]
    with config_context(display="text"):
        assert "text/html" not in fitted._repr_mimebundle_()


def test_numbers_are_rounded_and_nothing_is_shown_for_none():
    shown = as_html("Thing", {"large": 12345, "small": 0.123456}, [Grid("All", ["a"], [[None], [1e-9]])])
    for words in ("12,345", "0.1235", "<td></td>", "1e-09"):
        assert words in shown
