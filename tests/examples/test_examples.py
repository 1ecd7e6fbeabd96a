"""Every worked example runs, reduced, on its real files; what it reports has the shape of a result."""

import math
from pathlib import Path

import pytest

from examples.__main__ import EXAMPLES
from examples.outcome import Outcome, keep, kept, table

DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs(name, tmp_path):
    folder = DATA / EXAMPLES[name].FOLDER
    if not folder.is_dir():
        pytest.skip(f"the files of {EXAMPLES[name].FOLDER} are not beside the project")
    outcomes = EXAMPLES[name].run(folder, tmp_path, reduced=True)
    assert outcomes
    for outcome in outcomes:
        assert outcome.example == name
        assert math.isfinite(outcome.setwise)
        assert outcome.baseline_value is None or math.isfinite(outcome.baseline_value)
    keep(outcomes, tmp_path / "outcomes.json")
    assert kept(tmp_path / "outcomes.json") == outcomes


def test_outcomes_are_shown_as_a_table():
    outcome = Outcome("a", "5 sets", "accuracy", 0.75, (0.5, 1.0), "constant", 0.6, "others 0.8")
    assert table([outcome]).splitlines()[-1] == (
        "| a | 5 sets | accuracy | 0.750 (0.500 to 1.000) | 0.600, constant | others 0.8 |"
    )
