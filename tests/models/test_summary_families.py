"""Families on summaries of sets: as exact as the library that fits them, and through everything that networks go."""

import numpy as np
import pyarrow as pa
import pytest
import torch
from sklearn.ensemble import ExtraTreesClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression

import setwise as sw
from setwise import SetBatch
from setwise._checks import InputError
from setwise.fit.study import Study
from setwise.models import trees_network
from setwise.models.family import Head
from setwise.models.linear import LinearSpec
from setwise.models.linear_network import Affine
from setwise.models.summary_model import LINKS, Lesson
from setwise.models.tree_ensemble import TreeEnsemble
from setwise.models.trees import TreesSpec
from setwise.readers.read import read
from setwise.runs.config import FitConfig
from setwise.runs.export import save_onnx, save_program
from setwise.runs.large_sets import outputs_of_large
from setwise.runs.outputs import predictions_of
from setwise.runs.run import Run
from setwise.targets.ordinal import Ordinal
from setwise.testing import check_independence, check_permutation, check_representation

pytestmark = pytest.mark.filterwarnings("ignore:Lazy modules:UserWarning")
MODELS = ("extra-trees", "extra-trees-root", "random-forest", "linear", "kernel", "mean-embedding", "boosting")
CONFIG = FitConfig(device="cpu", ensemble=1, batch_size=7)


def store_of(count=53, *, missing=False):
    draw = np.random.default_rng(0)
    kind = draw.integers(0, 3, count)
    sets = [draw.normal(0, 1 + kind[i], (draw.integers(1, 17), 3)) for i in range(count)]
    number: list[float | None] = [float(value) for value in kind + draw.normal(0, 0.1, count)]
    label: list[str | None] = ["abc"[value] for value in kind]
    if missing:
        number[4] = label[7] = None
    columns = {"number": number, "label": label, "rank": kind, "age": draw.normal(50, 9, count)}
    return read(sets, sets=pa.table(columns))


def fitted(model, *targets, store=None, config=CONFIG, task=None, **choices):
    few = {"trees": 31} if "trees" in model or "forest" in model else {"rounds": 31} if model == "boosting" else {}
    study = Study(targets=targets, task=task, model=model, model_choices=few, config=config, **choices)
    return sw.train(store_of() if store is None else store, study, baselines=False, intervals=False)


@pytest.mark.parametrize("classes", [True, False])
def test_trees_say_what_the_library_says(classes):
    draw = np.random.default_rng(1)
    x, new = (draw.normal(size=(count, 7)).astype(np.float32) for count in (89, 503))
    y = draw.integers(0, 4, 89) if classes else draw.normal(size=89)
    forest = ExtraTreesClassifier(23, random_state=0) if classes else RandomForestRegressor(23, random_state=0)
    forest.fit(x, y)
    trees = [one.tree_ for one in forest.estimators_]
    found = TreeEnsemble.of(trees, [tree.value[:, 0] for tree in trees])(torch.from_numpy(new)).numpy()
    want = forest.predict_proba(new) if isinstance(forest, ExtraTreesClassifier) else forest.predict(new)[:, None]
    np.testing.assert_allclose(found, want, rtol=0, atol=1e-6)


def test_a_value_at_a_threshold_goes_where_the_library_sends_it():
    x = np.array([[0.1], [0.3]], dtype=np.float32)
    forest = RandomForestRegressor(1, bootstrap=False, random_state=0).fit(x, [0.0, 1.0])
    tree = forest.estimators_[0].tree_
    cut = np.float32(tree.threshold[0])
    near = np.array([[np.nextafter(cut, np.float32(side))] for side in (-1, 0, 1, 2)] + [[cut]], dtype=np.float32)
    found = TreeEnsemble.of([tree], [tree.value[:, 0]])(torch.from_numpy(near)).numpy()[:, 0]
    assert found.tolist() == forest.predict(near).tolist()


def test_logistic_regression_says_what_the_library_says(monkeypatch):
    draw = np.random.default_rng(2)
    x, y = draw.normal(3, 2, (60, 5)), draw.integers(0, 3, 60)
    monkeypatch.setattr("setwise.models.linear_network._FOLDS", 1)  # so that the penalty is known
    head, link = _fit_linear(Lesson(x, y.astype(float), np.ones(60), Head("classes", 3), 0))
    z = (x - x.mean(0)) / x.std(0)
    want = LogisticRegression(C=1e-2, max_iter=300).fit(z, y).predict_log_proba(z)
    found = LINKS[link](head(torch.from_numpy(x))).log_softmax(1).detach().numpy()
    np.testing.assert_allclose(found, want, atol=1e-9)


def _fit_linear(lesson, limit=None):
    from setwise.models.linear_network import _fitted

    return _fitted(LinearSpec(in_features=1, out_features=1, limit=limit), lesson)


@pytest.mark.parametrize("model", MODELS)
def test_all_kinds_of_targets_survive_the_directory(model, tmp_path):
    store = store_of(missing=True)
    run = fitted(model, "number", "label", "rank", store=store, task={"rank": "ordinal"}, covariates=("age",))
    rows = np.arange(len(store))
    predicted = predictions_of(run, store, rows)
    parts = {target.name: part for target, part in run.objective.parts(predicted)}
    truth = store.sets["rank"].to_numpy()
    assert (parts["label"].argmax(1) == truth).mean() > 0.7
    assert (parts["rank"].argmax(1) == truth).mean() > 0.7
    assert np.corrcoef(parts["number"][:, 0], truth)[0, 1] > 0.8
    run.save(tmp_path / "run")
    assert np.array_equal(predictions_of(Run.load(tmp_path / "run"), store, rows), predicted)


@pytest.mark.parametrize("model", MODELS)
def test_contracts(model):
    layer = fitted(model, "label").members[0].double()
    draw = torch.Generator().manual_seed(0)
    batch = SetBatch.from_list([torch.randn(n, 3, generator=draw, dtype=torch.float64) for n in (5, 1, 13, 101)])
    check_permutation(layer, batch, symmetry="invariant")
    check_independence(layer, batch)
    check_representation(layer, batch[[0] * 3])


@pytest.mark.parametrize("model", MODELS)
def test_huge_sets_are_streamed_exactly(model):
    store = store_of()
    run = fitted(model, "label", store=store, covariates=("age",))
    want = predictions_of(run, store, np.arange(len(store)))
    for row in (0, 3, 11):
        found = run.objective.predict(outputs_of_large(run, store, row))
        np.testing.assert_allclose(found[0], want[row], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.5])
def test_a_leaf_leaves_other_classes_their_share(smoothing):
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(40, 3)), np.arange(40) % 4
    spec = TreesSpec(in_features=3, out_features=4, trees=7, smoothing=smoothing)
    forest, _ = trees_network._ensemble(spec, Lesson(x, y, np.ones(40), Head("classes", 4), 0))
    assert isinstance(forest, TreeEnsemble)
    leaves = forest.value[forest.value.sum(1) > 0].numpy()
    sets = np.round(0.75 * smoothing / (1 - leaves.max(1)) - smoothing) if smoothing else 1  # of one class
    np.testing.assert_allclose(leaves.min(1), smoothing / 4 / (sets + smoothing), atol=1e-6)
    np.testing.assert_allclose(leaves.sum(1), 1, rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["extra-trees", "linear", "kernel", "boosting"])
def test_exports_say_the_same(model, tmp_path):
    run = fitted(model, "label")
    assert save_program(run, tmp_path / "run.pt2") < 1e-5
    assert save_onnx(run, tmp_path / "run.onnx") < 1e-5


@pytest.mark.parametrize("model", MODELS)
def test_categories_and_images(model):
    draw = np.random.default_rng(3)
    kinds = draw.integers(0, 2, 40)
    words = [draw.choice(3, draw.integers(3, 9), p=[0.6, 0.3, 0.1] if k else [0.1, 0.3, 0.6]) for k in kinds]
    table = pa.table({"kind": [("a", "b")[k] for k in kinds]})
    assert _right(fitted(model, "kind", store=read(words, sets=table)), read(words, sets=table), kinds) > 0.7
    images = [draw.normal(0, 1 + 2 * k, (draw.integers(1, 5), 4, 5)).astype(np.float32) for k in kinds]
    assert _right(fitted(model, "kind", store=read(images, sets=table)), read(images, sets=table), kinds) > 0.8


def _right(run, store, kinds):
    return (predictions_of(run, store, np.arange(len(store))).argmax(1) == kinds).mean()


def test_one_column_out_of_line_counts_as_one_at_the_limit():
    draw = np.random.default_rng(6)
    x, y = draw.normal(3, 2, (60, 5)), draw.integers(0, 3, 60)
    x[0, 2] = 1e3
    head, _ = _fit_linear(Lesson(x, y.astype(float), np.ones(60), Head("classes", 3), 0), limit=2.0)
    far, near = x[1:].copy(), x[1:].copy()
    far[:, 2], near[:, 2] = 1e9, x[:, 2].mean() + 2 * x[:, 2].std()
    torch.testing.assert_close(head(torch.from_numpy(far)), head(torch.from_numpy(near)))


def test_members_that_have_not_seen_a_class_give_it_little():
    lesson = Lesson(np.array([[0.0], [0.1], [1.0], [1.1]]), np.array([0.0, 0, 2, 2]), np.ones(4), Head("classes", 4), 0)
    head, link = _fit_linear(lesson)
    shares = LINKS[link](head(torch.tensor([[0.0], [1.0]]).double())).softmax(1)
    assert (shares[:, [1, 3]] < 1e-5).all()


def test_one_class_alone_is_certain():
    head, link = _fit_linear(Lesson(np.zeros((3, 2)), np.ones(3), np.ones(3), Head("classes", 2), 0))
    assert LINKS[link](head(torch.zeros(1, 2).double())).softmax(1)[0, 1] > 0.999


def test_outputs_of_ranks_give_the_probabilities_again():
    shares = torch.tensor([[0.2, 0.5, 0.3], [0.98, 0.01, 0.01], [0.0, 0.0, 1.0]], dtype=torch.float64)
    target = Ordinal(target="rank", classes=(0, 1, 2))
    np.testing.assert_allclose(target.predict(LINKS["ranks"](shares)), shares, atol=3e-6)


def test_classes_are_weighted():
    draw = np.random.default_rng(4)
    sets = [draw.normal(size=(5, 2)) for _ in range(60)]
    store = read(sets, sets=pa.table({"kind": ["rare" if i % 6 == 0 else "often" for i in range(60)]}))
    plain, weighted = (
        predictions_of(fitted("extra-trees", "kind", store=store, class_weights=w), store, np.arange(60)).mean(0)[1]
        for w in (None, {"rare": 9.0, "often": 1.0})
    )
    assert weighted > plain + 0.08


def test_whole_sets_are_read_where_no_other_number_is_asked_for():
    assert fitted("linear", "number", config=FitConfig.recommended(device="cpu")).record.config.max_elements is None
    asked = FitConfig.recommended(device="cpu", max_elements=5)
    assert fitted("linear", "number", config=asked).record.config.max_elements == 5


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"model": "extra-trees", "of": "elements"}, "trees predict sets as a whole"),
        ({"model": "kernel", "event": "died"}, "kernel does not learn a time to an event"),
        ({"model": "boosting", "event": "died"}, "boosting does not learn a time to an event"),
        ({"model": "extra-trees", "event": "died"}, "trees do not learn a time to an event"),
    ],
)
def test_what_they_cannot_do_is_said(asked, message):
    draw = np.random.default_rng(5)
    table = {"set_id": np.repeat(np.arange(30), 4), "x": draw.normal(size=120), "time": draw.random(120) + 1}
    sets = pa.table({"set_id": range(30), "time": draw.random(30) + 1, "died": [i % 2 == 0 for i in range(30)]})
    labels = ("time",) if asked.get("of") else ()
    store = read(pa.table(table), sets=sets, labels=labels)
    with pytest.raises(InputError, match=message):
        sw.train(store, Study(targets="time", config=CONFIG, **asked), baselines=False)


def test_linear_learns_a_time_to_an_event(tmp_path):
    draw = np.random.default_rng(7)
    centre = draw.normal(size=127)
    sets = [draw.normal(c, 1, (draw.integers(3, 17), 2)) for c in centre]
    table = pa.table({"time": draw.exponential(np.exp(-2 * centre)) + 1e-3, "died": draw.random(127) < 0.7})
    store = read(sets, sets=table)
    run = fitted("linear", "time", store=store, event="died")
    predicted = predictions_of(run, store, np.arange(127))
    assert np.corrcoef(predicted[:, 0], centre)[0, 1] > 0.8
    assert (np.diff(predicted[:, 1:], axis=1) <= 0).all()
    run.save(tmp_path / "run")
    assert np.array_equal(predictions_of(Run.load(tmp_path / "run"), store, np.arange(127)), predicted)


def test_a_model_that_was_never_fitted_says_so():
    model = sw.models.build("extra-trees", 3, 1)
    with pytest.raises(RuntimeError, match="never fitted"):
        model(SetBatch.from_list([torch.ones(2, 3)]))
    assert "not fitted" in repr(TreeEnsemble())
    assert Affine.of(np.ones((1, 2)), np.zeros(1))(torch.ones(1, 2).double()).item() == 2


def test_summaries_that_overflow_are_refused():
    sets = [np.full((3, 2), 1e30 * (1 + i % 3)) for i in range(30)]
    store = read(sets, sets=pa.table({"y": np.arange(30.0)}))
    with pytest.raises(InputError, match="summaries of sets must be finite"):
        fitted("extra-trees", "y", store=store, config=CONFIG.model_copy(update={"standardise": False}))
