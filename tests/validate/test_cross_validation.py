"""Cross-validation: whole, resumed, in several processes; tables against arithmetic; very few sets."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sklearn.metrics import accuracy_score, log_loss

from setwise._checks import InputError
from setwise.fit.study import Study
from setwise.metrics.intervals import corrected_t
from setwise.readers.read import read
from setwise.report.cross_validation import page
from setwise.report.evidence import conclusion, evidence
from setwise.runs.config import FitConfig
from setwise.store.store import SetStore
from setwise.validate import cross_validation, fold_runs
from setwise.validate.cross_validation import CrossValidation, as_document, cross_validate
from setwise.validate.fold_runs import FoldResult
from tests.fixtures.training import changed

pytestmark = pytest.mark.usefixtures("blank_figures")
CONFIG = FitConfig(epochs=2, batch_size=7, device="cpu")
TINY = {"depth": 2, "width": 8}


def store_of(count: int = 31) -> SetStore:
    draw = np.random.default_rng(0)
    sets = [draw.normal(i % 2, 1.0, (2 + i % 5, 3)) for i in range(count)]
    kinds = [("well", "sick")[i % 2] for i in range(count)]
    patients = [f"p{i // 2}" for i in range(count)]
    return read(sets, sets=pa.table({"y": [float(x.mean()) for x in sets], "kind": kinds, "patient": patients}))


def study_of(*targets: str, **more) -> Study:
    return Study(targets=targets, model_choices=TINY, config=CONFIG, **more)


@pytest.fixture(scope="module")
def of_kinds() -> CrossValidation:
    """Cross-validate classes twice."""
    return cross_validate(store_of(), study_of("kind"), folds=3, repeats=2)


def repeats_of(found: CrossValidation) -> list[dict[str, list]]:
    return [found.predictions.filter(pc.field("repeat") == repeat).to_pydict() for repeat in (1, 2)]


def test_every_set_is_predicted_once_a_repeat(of_kinds):
    assert of_kinds.predictions.num_rows == 2 * 31
    assert of_kinds.predictions.column_names[:4] == ["set_id", "size", "repeat", "fold"]
    for own in repeats_of(of_kinds):
        assert own["set_id"] == store_of().set_ids
        assert set(own["fold"]) == {1, 2, 3}
    assert len(of_kinds.results) == 6


def test_metrics_are_means_over_repeats_of_all_predictions(of_kinds):
    accuracy, loss = [], []
    for own in repeats_of(of_kinds):
        accuracy.append(accuracy_score(own["kind"], own["predicted_kind"]))
        shares = np.stack([own["probability_sick"], own["probability_well"]], 1)
        loss.append(log_loss(own["kind"], shares, labels=["sick", "well"]))
    model = of_kinds.measured.rows[0]
    assert model.metrics["cross_entropy"] == pytest.approx(np.mean(loss))
    assert model.metrics["accuracy"] == pytest.approx(np.mean(accuracy))


def test_baselines_are_measured_beside_the_model(of_kinds):
    rows = {row.name: row for row in of_kinds.measured.rows}
    assert list(rows) == ["deep-sets++", "constant", "logistic regression", "gradient boosting"]
    assert rows["constant"].metrics["auc"] == 0.5


def test_metrics_and_gains_lie_in_their_intervals(of_kinds):
    rows = {row.name: row for row in of_kinds.measured.rows}
    model = rows["deep-sets++"]
    low, high = model.intervals["accuracy"]
    assert low <= model.metrics["accuracy"] <= high
    gain, low, high = of_kinds.measured.gains["constant", "cross_entropy"]
    assert gain == pytest.approx(model.metrics["cross_entropy"] - rows["constant"].metrics["cross_entropy"])
    assert low is not None
    assert high is not None
    assert low <= gain <= high


def test_gain_of_folds_is_the_corrected_interval_of_single_folds():
    found = cross_validate(store_of(), study_of("y"), folds=5)
    model, *others = found.measured.rows
    best = min(others, key=lambda row: row.metrics["mse"]).name

    def error(result: FoldResult, name: str) -> float:
        return float(np.square(np.array(result.predicted[name]) - np.array(result.truth)).mean())

    differences = [error(result, model.name) - error(result, best) for result in found.results]
    want = corrected_t(differences, tested=0.2)
    assert want is not None
    assert found.fold_gain["mse"] == pytest.approx((np.mean(differences), *want), rel=0.05)


@pytest.mark.slow
def test_jobs_give_the_same(tmp_path):
    store, study = store_of(), study_of("kind", group="patient")
    alone = cross_validate(store, study, folds=2, out=tmp_path / "one")
    together = cross_validate(store, study, folds=2, jobs=2, out=tmp_path / "two")
    assert alone.predictions.equals(together.predictions)
    assert [row.model_dump() for row in alone.measured.rows] == [row.model_dump() for row in together.measured.rows]
    patient = dict(zip(store.set_ids, store.sets["patient"].to_pylist(), strict=True))
    fold_of = dict(zip(alone.predictions["set_id"].to_pylist(), alone.predictions["fold"].to_pylist(), strict=True))
    assert all(fold_of[a] == fold_of[b] for a in patient for b in patient if patient[a] == patient[b])


def test_resumed_folds_are_not_fitted_again(tmp_path, monkeypatch):
    store, study, fits = store_of(), study_of("y"), []
    fit = fold_runs.train

    def counted(*arguments, **more):
        if len(fits) == stop:
            raise RuntimeError("power cut")
        fits.append(1)
        return fit(*arguments, **more)

    monkeypatch.setattr(fold_runs, "train", counted)
    stop = 2
    with pytest.raises(RuntimeError, match="power cut"):
        cross_validate(store, study, folds=4, out=tmp_path / "cv")
    with pytest.raises(InputError, match="--resume"):
        cross_validate(store, study, folds=4, out=tmp_path / "cv")
    stop = -1
    resumed = cross_validate(store, study, folds=4, out=tmp_path / "cv", resume=True)
    assert len(fits) == 4
    whole = cross_validate(store, study, folds=4)
    assert resumed.predictions.equals(whole.predictions)
    with pytest.raises(InputError, match="another evaluation"):
        cross_validate(store, study_of("y", validation=0.0), folds=4, out=tmp_path / "cv", resume=True)
    damaged = next((tmp_path / "cv" / "folds").glob("*.json"))
    damaged.write_text(damaged.read_text()[:40])
    with pytest.raises(InputError, match="is damaged"):
        cross_validate(store, study, folds=4, out=tmp_path / "cv", resume=True)
    again = cross_validate(store, study, folds=4, out=tmp_path / "cv", overwrite=True)
    assert json.loads((tmp_path / "cv" / "cv.json").read_text())["rows"] == as_document(again)["rows"]


def test_permutation_test_by_counting():
    found = cross_validate(store_of(), study_of("kind"), folds=2, permutations=3)
    test = found.permutation
    assert test is not None
    loss = test.observed["cross_entropy"]
    as_good = sum(one["cross_entropy"] <= loss for one in test.shuffled)
    assert test.p_values["cross_entropy"] == pytest.approx((1 + as_good) / 4)
    assert test.possible == 300_540_195  # 31 over 15
    assert any("3 shufflings are too few" in sentence for sentence in evidence(found))
    assert "Would shuffled targets do as well?" in page(found, store_of(), command="setwise cv")


def test_eight_paired_sets_say_how_little_they_show():
    draw = np.random.default_rng(0)
    sets = [draw.normal(i // 4, 1.0, (5 + i, 3)) for i in range(8)]
    table = pa.table({"kind": ["ref"] * 4 + ["stim"] * 4, "patient": ["p1", "p2", "p3", "p4"] * 2})
    found = cross_validate(read(sets, sets=table), study_of("kind", group="patient"), folds=10, permutations=1)
    assert (found.folds, found.grouped) == (4, True)
    said = " ".join(evidence(found))
    assert "4 independent groups" in said
    assert "begin at 40%" in said  # 0.025 ** (1 / 4)
    assert conclusion(found)
    assert found.permutation is not None
    assert found.permutation.possible == 16


def test_several_targets_with_missing_labels():
    store = store_of()
    y = store.sets["y"].to_pylist()
    y[3] = y[11] = None
    sets = pa.table({"set_id": store.set_ids, "y": y, "kind": store.sets["kind"]})
    found = cross_validate(store.with_sets(sets), study_of("y", "kind"), folds=3)
    assert {"mse_y", "accuracy_kind"} <= found.measured.rows[0].metrics.keys()
    assert conclusion(found)
    assert "true class" in page(found, store, command="setwise cv")


def test_bad_input(tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(InputError, match=r"mine\.txt"):
        cross_validate(store_of(), study_of("y"), out=tmp_path, overwrite=True)
    assert cross_validation.FOLDS not in {path.name for path in tmp_path.iterdir()}
    with pytest.raises(InputError, match="need a directory"):
        cross_validate(store_of(), study_of("y"), resume=True)


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"targets": ("nope",)}, "no column 'nope'"),
        ({"covariates": ("nope",)}, "no column 'nope'"),
        ({"covariates": ("y",)}, "what is to be predicted"),
        ({"orders": {"y": ("a", "b")}}, "of an ordinal target"),
        ({"model_choices": {"norm": "nope"}}, "norm must be one of"),
        ({"model_choices": {"nope": 1}}, "no choice 'nope'"),
        ({"model_choices": {"pool": "sum"}, "config": FitConfig(max_elements=2)}, "pool='sum'"),
        ({"config": FitConfig(balanced_sampling=True)}, "one target of classes"),
        ({"calibrate": True}, "no target of classes"),
    ],
)
def test_an_evaluation_stays_where_another_that_would_replace_it_is_refused(tmp_path, choices, words):
    store = store_of(9)
    cross_validate(store, study_of("y"), folds=2, baselines=False, out=tmp_path / "cv")
    kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    refused = changed(study_of("y"), **choices)
    with pytest.raises(InputError, match=words):
        cross_validate(store, refused, folds=2, baselines=False, out=tmp_path / "cv", overwrite=True)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == kept
    with pytest.raises(InputError, match=words):
        cross_validate(store, refused, folds=2, baselines=False, out=tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_an_evaluation_stays_where_a_permutation_leaves_temperatures_too_few_groups(tmp_path):
    """The targets as they are leave two groups of each class to train on everywhere, and the fifth permutation not."""
    sizes = [2, 2, 2, 2, 4, 4, 1, 1, 1, 1]
    of_patient = {"kind": ["sick"] * 4 + ["well"] * 6, "patient": [f"p{i}" for i in range(10)]}
    table = pa.table({name: np.repeat(values, sizes) for name, values in of_patient.items()})
    draw = np.random.default_rng(0)
    store = read([draw.normal(size=(3, 2)) for _ in range(sum(sizes))], sets=table)
    study = Study(
        targets=("kind",), model_choices=TINY, config=FitConfig(epochs=1, device="cpu", ensemble=2), group="patient"
    )
    choices = {"folds": 2, "baselines": False, "out": tmp_path / "cv"}
    found = cross_validate(store, changed(study, calibrate=True), **choices)
    assert not any(result.untempered for result in found.results)
    kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match="temperatures are fitted on sets"):
        cross_validate(store, changed(study, calibrate=True), permutations=5, overwrite=True, **choices)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == kept
    assert cross_validate(store, study, permutations=5, overwrite=True, **choices).permutation is not None


def test_fits_that_could_not_temper_are_counted():
    """Of three sets of a class, one fold trains on two, of which members can leave one out, and one on one."""
    sets = pa.table({"set_id": store_of(12).set_ids, "kind": ["sick", "well", "well", "well"] * 3})
    store = store_of(12).with_sets(sets)
    study = Study(targets=("kind",), model_choices=TINY, config=FitConfig(epochs=1, device="cpu", ensemble=2))
    found = cross_validate(store, study, folds=2)
    assert sorted(result.untempered for result in found.results) == [False, True]
    fits = as_document(found)["fits"]
    assert isinstance(fits, list)
    assert sorted(fit["untempered"] for fit in fits) == [False, True]
    assert any(sentence.startswith("1 of 2 fits did not temper") for sentence in evidence(found))
    asked_not_to = cross_validate(store, changed(study, calibrate=False), folds=2)
    assert not any("temper" in sentence for sentence in evidence(asked_not_to))


def test_constants_of_several_targets_rank_nothing():
    store = store_of()
    other = [str(i // 3 % 2) for i in range(31)]
    sets = pa.table({"set_id": store.set_ids, "kind": store.sets["kind"], "other": other})
    found = cross_validate(store.with_sets(sets), study_of("kind", "other"), folds=4)
    constant = next(row for row in found.measured.rows if row.name == "constant")
    aucs = {name: value for name, value in constant.metrics.items() if name.startswith("auc")}
    assert len(aucs) == 3
    assert set(aucs.values()) == {0.5}
    assert not aucs.keys() & constant.intervals.keys()
