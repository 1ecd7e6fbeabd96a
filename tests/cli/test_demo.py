import json
from dataclasses import replace

import pytest

from setwise.cli import demo
from setwise.runs.record import TestRow


@pytest.fixture
def small(monkeypatch):
    contenders = [
        replace(c, choices=tuple("4" if word == "50" else word for word in c.choices)) for c in demo._CONTENDERS
    ]
    few = demo._Plan(29, 5, 11, ("--width", "4", "--epochs", "1", "--ensemble", "1"), tuple(contenders))
    monkeypatch.setattr(demo, "_NEW", 3)
    monkeypatch.setattr(demo, "_WHOLE", few)
    monkeypatch.setattr(demo, "_QUICK", replace(few, contenders=(demo._ONE,)))


@pytest.mark.usefixtures("small")
def test_runs_from_tables_to_predictions(setwise, tmp_path):
    out = tmp_path / "demo"
    outcome = setwise("demo", "--out", out)
    assert outcome.code == 0, outcome.err
    for words in (
        "$ setwise inspect",
        "$ setwise fit",
        "$ setwise predict",
        "gradient boosting",
        "Deep Sets, 3 layers",
    ):
        assert words in outcome.out
    assert (out / "deep-sets++-50" / "report.html").is_file()
    assert len((out / "predictions.csv").read_text().splitlines()) == 4
    refused = setwise("demo", "--out", out)
    assert refused.code == 2


@pytest.mark.usefixtures("small")
def test_a_quick_one_fits_one_model(setwise, tmp_path):
    (tmp_path / "demo").mkdir()
    document = json.loads(setwise("demo", "--quick", "--out", tmp_path / "demo", "--overwrite", "--json").out)
    assert [row["name"] for row in document["test"]] == [
        "Deep Sets++, 3 layers", "constant", "ridge", "gradient boosting",
    ]  # fmt: skip
    errors = {row["name"]: row["metrics"]["mse"] for row in document["test"]}
    share = errors["Deep Sets++, 3 layers"] / errors["constant"]
    assert f"{share:.0%} of the constant's" in document["conclusion"][0]


def rows(plain: float, with_both: float, shallow: float):
    names = [contender.label for contender in demo._CONTENDERS]
    errors = dict(zip([*names, "constant"], (with_both, plain, shallow, 7.0), strict=True))
    return [TestRow(name=name, metrics={"mse": error}) for name, error in errors.items()]


def test_the_conclusion_says_what_the_numbers_say():
    claimed = " ".join(demo.conclusion(rows(plain=7.0, with_both=0.5, shallow=2.0)))
    assert "learn nothing" in claimed
    assert "7% of the constant's, and less than that of 3 layers" in claimed
    other = " ".join(demo.conclusion(rows(plain=2.0, with_both=6.9, shallow=2.0)))
    assert "do learn" in other
    assert "did not learn here either" in other
