import pytest

from setwise.report.verdict import best_rows, verdict
from setwise.runs.record import TestRow
from setwise.targets import Classes, Number, Objective

OBJECTIVE = Objective.join(Number(target="y"))


def rows(model: float, constant: float = 7.0, ridge: float = 3.0, boosting: float = 5.0):
    errors = {"deep-sets++": model, "constant": constant, "ridge": ridge, "gradient boosting": boosting}
    return [TestRow(name=name, metrics={"mse": error, "r2": 1 - error / 7}) for name, error in errors.items()]


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (1.0, "beats every baseline; the best of them is ridge (mean squared error 1 against 3)"),
        (2.99, "about as good as ridge"),
        (4.0, "A simpler method wins: ridge"),
        (7.5, "no better than a constant"),
    ],
)
def test_says_whether_the_model_is_worth_having(model, words):
    assert words in verdict(rows(model), OBJECTIVE, test_sets=100)


def test_a_baseline_that_learned_nothing_either_does_not_win():
    said = verdict(rows(8.0, constant=7.0, ridge=6.95, boosting=7.5), OBJECTIVE, test_sets=100)
    assert "no better than a constant" in said
    assert "wins" not in said


def test_a_classifier_that_ranks_well_has_learned_something():
    objective = Objective.join(Classes(target="y", classes=("no", "yes")))
    model = TestRow(name="deep-sets++", metrics={"cross_entropy": 0.6909, "accuracy": 0.85, "auc": 0.8875})
    constant = TestRow(name="constant", metrics={"cross_entropy": 0.6931, "accuracy": 0.5, "auc": 0.5})
    said = verdict([model, constant], objective, test_sets=40)
    assert "learned nothing" not in said
    assert "right for 85% of the sets (AUC 0.89)" in said
    blind = TestRow(name="deep-sets++", metrics={"cross_entropy": 0.6931, "accuracy": 0.5, "auc": 0.51})
    assert "learned nothing" in verdict([blind, constant], objective, test_sets=40)


def test_several_targets_have_a_sentence_each():
    objective = Objective.join(Number(target="y"), Number(target="z"))
    model = TestRow(name="deep-sets++", metrics={"loss": 0.5, "mse_y": 1.0, "mse_z": 900.0})
    constant = TestRow(name="constant", metrics={"loss": 1.0, "mse_y": 2.0, "mse_z": 800.0})
    said = verdict([model, constant], objective, test_sets=100)
    assert "y: deep-sets++ beats every baseline" in said
    assert "z: deep-sets++ has learned nothing" in said


def test_few_sets_are_called_few():
    few = verdict(rows(1.0), OBJECTIVE, test_sets=7)
    assert few.startswith("Only 7 sets were predicted unseen, which shows next to nothing")
    assert "setwise cv ELEMENTS --target y --out FOLDER" in few
    assert "setwise cv" not in verdict(rows(1.0), OBJECTIVE, test_sets=7, in_folds=True)
    assert "Only 17 sets" in verdict(rows(1.0), OBJECTIVE, test_sets=17)
    assert "Only" not in verdict(rows(1.0), OBJECTIVE, test_sets=500)


def test_without_baselines_or_test_sets_nothing_is_claimed():
    assert "No baselines" in verdict(rows(1.0)[:1], OBJECTIVE, test_sets=100)
    assert "nothing is known" in verdict([], OBJECTIVE, test_sets=0)


def test_best_is_lowest_or_highest_as_the_metric_asks():
    assert best_rows(rows(1.0), OBJECTIVE.metric("mse")) == {0}
    assert best_rows(rows(4.0), OBJECTIVE.metric("r2")) == {2}
    assert best_rows(rows(3.0), OBJECTIVE.metric("mse")) == {0, 2}
    two = Objective.join(Number(target="age"), Number(target="y"))
    several = [TestRow(name=name, metrics={"mse_age": value}) for name, value in (("a", 2.0), ("b", 1.0))]
    assert best_rows(several, two.metric("mse_age")) == {1}


def test_metrics_have_words():
    two = Objective.join(Number(target="age_at_visit"), Classes(target="y", classes=("no", "yes")))
    assert OBJECTIVE.metric("mse").title == "mean squared error"
    assert two.metric("r2_age_at_visit").title == "R2 of age_at_visit"
    assert two.metric("cross_entropy").title == "cross entropy"
    assert two.metric("of another version").title == "of another version"
