import json
from pathlib import Path

import numpy as np
import pyarrow.csv
import pytest

import setwise as sw
from setwise._checks import InputError
from tests.cli.conftest import Tables


@pytest.fixture(scope="module")
def other(setwise, fitted, tmp_path_factory) -> Path:
    """Fit another model to the same tables with the same seed."""
    tables, _ = fitted
    out = tmp_path_factory.mktemp("other") / "linear"
    data = ("fit", tables.cells, "--sets", tables.patients, "--target", "hematocrit", "--out", out)
    assert setwise(*data, "--model", "linear", "--no-baselines", "--quiet").code == 0
    return out


def errors_of(run: Path) -> dict[str, float]:
    table = pyarrow.csv.read_csv(run / "held_out.csv")
    squares = (table["predicted_hematocrit"].to_numpy() - table["hematocrit"].to_numpy()) ** 2
    return dict(zip(table["set_id"].to_pylist(), squares.tolist(), strict=True))


def test_differences_are_those_of_the_tables(setwise, fitted, other):
    outcome = setwise("compare", fitted[1], other, "--json")
    assert outcome.code == 0, outcome.err
    document = json.loads(outcome.out)
    one, two = errors_of(fitted[1]), errors_of(other)
    paired = np.array([two[name] - one[name] for name in one])
    (found,) = (row for row in document["differences"] if row["metric"] == "mse")
    assert (found["run"], found["less"]) == ("linear", "run")
    assert found["value"] == pytest.approx(paired.mean())
    draws = np.random.default_rng(1).integers(len(paired), size=(4000, len(paired)))
    ends = np.quantile(paired[draws].mean(1), [0.025, 0.975])
    value, *found_ends = sw.compare(fitted[1], other, draws=1000).differences["linear", "mse"]
    assert value == pytest.approx(paired.mean())
    assert found_ends == pytest.approx(ends.tolist(), abs=0.1 * np.ptp(ends))
    assert document["sets"] == document["clusters"] == len(paired)


def test_says_in_words_which_is_better_or_that_nobody_knows(setwise, fitted, other):
    outcome = setwise("compare", fitted[1], other)
    assert "Paired differences" in outcome.out
    assert "linear is " in outcome.out
    same = sw.compare(fitted[1], other, draws=50)
    assert same.differences["linear", "mse"][0] == same.rows[1].metrics["mse"] - same.rows[0].metrics["mse"]


def test_one_run_is_refused(setwise, fitted):
    outcome = setwise("compare", fitted[1])
    assert (outcome.code, "two runs at least" in outcome.err) == (2, True)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--seed", "5"), "measured on the same sets"),
        (("--target", "iron"), "predict the same targets"),
        (("--test", "0"), "held no sets out"),
    ],
)
def test_runs_that_cannot_be_compared_are_refused(setwise, fitted, tmp_path, more, words):
    tables: Tables = fitted[0]
    arguments = [*tables.fit(tmp_path / "run2", *more, "--no-baselines", "--quiet")]
    assert setwise(*arguments).code == 0
    outcome = setwise("compare", fitted[1], tmp_path / "run2")
    assert outcome.code == 2
    assert words in outcome.err
    with pytest.raises(InputError, match=words):
        sw.compare(fitted[1], tmp_path / "run2")
