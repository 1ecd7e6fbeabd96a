"""Cross-validation of labels of elements: whole sets in folds, elements measured, resumed, shuffled; bad labels."""

import pickle

import joblib
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sklearn.metrics import accuracy_score, log_loss, mean_squared_error

from setwise._checks import InputError
from setwise.assess import drawn_elements
from setwise.fit.study import Study
from setwise.readers.read import read
from setwise.report.cross_validation import page
from setwise.report.evidence import divided, evidence
from setwise.runs.config import FitConfig
from setwise.store.folds import plan_folds
from setwise.store.labels import shuffled_labels
from setwise.store.store import SetStore
from setwise.validate import fold_runs
from setwise.validate.cross_validation import CrossValidation, as_document, cross_validate

pytestmark = pytest.mark.usefixtures("blank_figures")
CONFIG = FitConfig(epochs=2, batch_size=7, device="cpu")
SETS = 17


def store_of(label: str = "type") -> SetStore:
    """Draw sets of 3 to 9 elements, with kinds of which two are rare, a number, and a mark of the largest."""
    draw = np.random.default_rng(0)
    sets = [draw.normal(0, 1, (3 + i % 7, 2)) for i in range(SETS)]
    x = np.concatenate(sets)
    kinds = np.where(x[:, 0] > 0, "right", "left").astype(object)
    kinds[5::11] = None
    kinds[[1, sum(map(len, sets[:9]))]] = "odd"  # in the first set and in the tenth
    marks = np.concatenate([np.arange(len(own)) == own[:, 1].argmax() for own in sets]).astype(float)
    labels = {"type": kinds, "height": x.sum(1), "largest": marks}
    patients = [f"p{i // 2}" for i in range(SETS)]
    return read(sets, sets=pa.table({"patient": patients})).with_labels({label: labels[label]})


def study_of(label: str = "type", **more) -> Study:
    return Study(targets=(label,), of="elements", model_choices={"depth": 2, "width": 8}, config=CONFIG, **more)


@pytest.fixture(scope="module")
def store() -> SetStore:
    return store_of()


@pytest.fixture(scope="module")
def found(store: SetStore) -> CrossValidation:
    """Cross-validate types in whole groups, twice."""
    return cross_validate(store, study_of(group="patient"), folds=3, repeats=2)


def repeats_of(found: CrossValidation):
    """Return the data frame of predictions of each repeat."""
    return [found.predictions.filter(pc.field("repeat") == repeat).to_pandas() for repeat in (1, 2)]


def test_every_element_is_predicted_once_a_repeat(store, found):
    table = found.predictions
    assert table.column_names == [
        "set_id", "element", "size", "repeat", "fold", "type", "predicted_type",
        "probability_left", "probability_odd", "probability_right",
    ]  # fmt: skip
    assert table.num_rows == 2 * store.num_elements
    assert table["type"].to_pylist() == 2 * store.labels["type"].to_pylist()
    for own in repeats_of(found):
        assert own["set_id"].tolist() == np.repeat(store.set_ids, store.sizes).tolist()
        assert (own["element"] == own.groupby("set_id", sort=False).cumcount()).all()


def test_groups_are_in_one_fold_each(store, found):
    patient = dict(zip(store.set_ids, store.sets["patient"].to_pylist(), strict=True))
    for own in repeats_of(found):
        assert (own.groupby(own["set_id"].map(patient))["fold"].nunique() == 1).all()
    assert found.measured.clusters == 9


def test_metrics_are_those_of_elements_with_a_label(found):
    accuracy, loss = [], []
    for own in repeats_of(found):
        own = own[own["type"].notna()]
        accuracy.append(accuracy_score(own["type"], own["predicted_type"]))
        shares = own[["probability_left", "probability_odd", "probability_right"]]
        loss.append(log_loss(own["type"], shares.to_numpy(), labels=["left", "odd", "right"]))
    model = found.measured.rows[0]
    assert model.metrics["accuracy"] == pytest.approx(np.mean(accuracy))
    assert model.metrics["cross_entropy"] == pytest.approx(np.mean(loss))
    low, high = model.intervals["accuracy"]
    assert low <= np.mean(accuracy) <= high


def test_baselines_see_elements_alone_and_in_their_sets(found):
    rows = {row.name: row for row in found.measured.rows}
    assert list(rows) == [
        "deep-sets++", "constant", "logistic, element alone", "boosting, element alone", "logistic, in its set",
        "boosting, in its set",
    ]  # fmt: skip
    assert rows["constant"].metrics["auc"] == 0.5


def test_elements_are_counted_and_are_no_witnesses(store, found):
    known = store.num_elements - store.labels["type"].null_count
    title = f"{store.num_elements} elements ({known} with a label) of 17 sets of 9 groups, each predicted by"
    assert divided(found).startswith(title)
    assert not any("exact 95% interval" in sentence for sentence in evidence(found)), "elements are no witnesses"


def test_every_fold_trains_on_the_rare_class(store, found):
    for result in found.results:
        trained = set(range(SETS)) - set(result.tested)
        kinds = {store.labels["type"][int(i)].as_py() for i in store.positions(np.array(sorted(trained)))}
        assert "odd" in kinds


def test_the_page_tells_of_elements(store, found):
    html = page(found, store, command="setwise cv")
    assert "Held-out elements by true and predicted class" in html
    assert "Result on elements of sets that the models had not seen" in html


def in_this_process(**_):
    """Stand in for joblib's processes, which take seconds to start: all they get and give is pickled."""

    def done(work):
        for function, arguments, named in pickle.loads(pickle.dumps(list(work))):
            yield pickle.loads(pickle.dumps(function(*arguments, **named)))

    return done


@pytest.mark.parametrize(
    "processes", [in_this_process, pytest.param(joblib.Parallel, marks=pytest.mark.slow)], ids=["pickled", "processes"]
)
def test_numbers_of_elements_and_jobs(tmp_path, monkeypatch, processes):
    monkeypatch.setattr(fold_runs, "Parallel", processes)
    store, study = store_of("height"), study_of("height")
    alone = cross_validate(store, study, folds=2, out=tmp_path / "one")
    together = cross_validate(store, study, folds=2, jobs=2, out=tmp_path / "two")
    assert alone.predictions.equals(together.predictions)
    own = alone.predictions.to_pandas()
    assert alone.measured.rows[0].metrics["mse"] == pytest.approx(
        mean_squared_error(own["height"], own["predicted_height"])
    )
    assert as_document(alone)["elements"] == store.num_elements


def test_which_element(tmp_path):
    store = store_of("largest")
    found = cross_validate(store, study_of("largest", task="which-element"), folds=3, out=tmp_path / "cv")
    own = found.predictions.to_pandas()
    assert np.allclose(own.groupby("set_id")["probability_largest"].sum(), 1, atol=1e-5)
    assert (own.groupby("set_id")["predicted_largest"].sum() == 1).all()
    right = (own["predicted_largest"] * own["largest"]).sum() / SETS
    assert found.measured.rows[0].metrics["accuracy"] == pytest.approx(right)
    assert any("exact 95% interval of the accuracy" in sentence for sentence in evidence(found)), "sets are witnesses"
    assert "17 held-out sets" in page(found, store, command="setwise cv")


@pytest.mark.slow
def test_resumed_folds_are_not_fitted_again(tmp_path, monkeypatch):
    store, fits = store_of(), []
    fit = fold_runs.train
    monkeypatch.setattr(fold_runs, "train", lambda *a, **more: fits.append(1) or fit(*a, **more))
    whole = cross_validate(store, study_of(), folds=3, out=tmp_path / "cv")
    folds = tmp_path / "cv" / "folds"
    (folds / "repeat-1-fold-2.json").unlink()  # as if it had been killed between the two files of a fold
    resumed = cross_validate(store, study_of(), folds=3, out=tmp_path / "cv", resume=True)
    assert len(fits) == 4
    assert resumed.predictions.equals(whole.predictions)
    assert as_document(resumed)["rows"] == as_document(whole)["rows"]
    others = store.labels["type"].to_pylist()
    others[0] = "right" if others[0] == "left" else "left"
    with pytest.raises(InputError, match="another evaluation"):
        cross_validate(store.with_labels({"type": others}), study_of(), folds=3, out=tmp_path / "cv", resume=True)
    arrays = folds / "repeat-1-fold-1.safetensors"
    arrays.write_bytes(arrays.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"repeat-1-fold-1\.safetensors is missing or damaged"):
        cross_validate(store, study_of(), folds=3, out=tmp_path / "cv", resume=True)


def test_of_many_elements_the_same_are_measured_in_every_repeat(monkeypatch):
    store = store_of("height")
    monkeypatch.setattr(drawn_elements, "MOST", 2 * SETS)
    found = cross_validate(store, study_of("height"), folds=3, repeats=2, baselines=False)
    table = found.predictions.select(["set_id", "element", "height"])
    assert table.num_rows == 2 * 2 * SETS
    assert table.slice(0, 2 * SETS).equals(table.slice(2 * SETS))
    truth = store.labels["height"].to_numpy()
    starts = dict(zip(store.set_ids, store.offsets[:-1].tolist(), strict=True))
    for row in table.to_pylist():
        assert row["height"] == truth[starts[row["set_id"]] + row["element"]]
    assert divided(found).startswith("34 elements of 17 sets")
    assert evidence(found)[0].startswith(f"Measured on 34 of {store.num_elements} elements, drawn evenly")


def test_labels_are_dealt_out_within_their_sets(store):
    before, after = (column.to_pylist() for column in (store.labels["type"], shuffled_labels(store, "type", seed=1)))
    assert before != after
    assert [x is None for x in before] == [x is None for x in after]
    for row in range(SETS):
        own = store.positions(np.array([row])).tolist()
        assert sorted(str(before[i]) for i in own) == sorted(str(after[i]) for i in own)


@pytest.fixture(scope="module")
def permuted(store: SetStore) -> CrossValidation:
    """Cross-validate types beside labels shuffled twice."""
    return cross_validate(store, study_of(), folds=2, permutations=2)


def test_shuffled_labels_that_do_as_well_are_counted(permuted):
    test = permuted.permutation
    assert test is not None
    assert test.possible is None
    first, second = (one["cross_entropy"] for one in test.shuffled)
    assert first != second
    as_good = sum(loss <= test.observed["cross_entropy"] for loss in (first, second))
    assert test.p_values["cross_entropy"] == pytest.approx((1 + as_good) / 3)


def test_shuffled_labels_are_told_of(store, permuted):
    assert any("Would shuffled labels do as well?" in sentence for sentence in evidence(permuted))
    assert "2 shufflings, each within the sets, did" in " ".join(evidence(permuted))
    assert "Would shuffled labels do as well?" in page(permuted, store, command="setwise cv")


def test_folds_are_drawn_until_all_train_on_every_class():
    holds = np.ones((12, 3), dtype=bool)
    holds[:, 1] = False
    holds[[2, 7], 1] = True
    for seed in range(20):
        for fold in plan_folds(12, folds=2, holds=holds, validation=0.4, seed=seed):
            assert holds[fold.split.train].any(0).all()
            parts = np.concatenate([fold.split.train, fold.split.validation, fold.split.test])
            assert sorted(parts.tolist()) == list(range(12))
    with pytest.raises(InputError, match="1 of 3 classes are in one alone"):
        plan_folds(12, folds=2, holds=holds & (np.arange(12) != 2)[:, None])
    pairs = np.zeros((4, 3), dtype=bool)  # any division into two halves tears one class out
    pairs[[0, 1], 0] = pairs[[0, 2], 1] = pairs[[1, 2], 2] = True
    with pytest.raises(InputError, match="in 200 draws of 2 folds some class was in one fold alone"):
        plan_folds(4, folds=2, holds=pairs)


def test_labels_that_cannot_be_divided_are_refused_before_any_fit(tmp_path):
    store = store_of()
    labels = store.labels["type"].to_pylist()
    labels[0] = "single"
    with pytest.raises(
        InputError, match=r"in two sets at least.*1 of 4 are in one alone, such as 'single' \(set '0'\)"
    ):
        cross_validate(store.with_labels({"type": labels}), study_of(), out=tmp_path / "cv")
    assert not (tmp_path / "cv").exists()
    rare = study_of(group="group")
    sets = pa.table({"set_id": store.set_ids, "group": ["a"] * 12 + ["b"] * 5})
    labels = ["odd" if i == 1 else x for i, x in enumerate(store.labels["type"].to_pylist())]
    with pytest.raises(InputError, match="in two groups at least"):
        cross_validate(store.with_labels({"type": labels}).with_sets(sets), rare)
    with pytest.raises(InputError, match="no labels 'nothing'"):
        cross_validate(store, study_of("nothing"))
    with pytest.raises(InputError, match="no column 'age'"):
        cross_validate(store, study_of(covariates=("age",)))
