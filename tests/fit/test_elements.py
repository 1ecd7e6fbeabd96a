import numpy as np
import pyarrow as pa
import pytest
import torch

from setwise._checks import InputError
from setwise.assess import drawn_elements, element_baselines
from setwise.assess.evaluate import evaluate
from setwise.batch import SetBatch
from setwise.fit.element_fit import of_elements
from setwise.fit.parts import Example
from setwise.fit.processes import own_share
from setwise.prepare.inputs import Inputs
from setwise.readers.read import read
from setwise.runs.config import FitConfig
from setwise.runs.element_outputs import element_predictions
from setwise.runs.predict import predict
from setwise.runs.run import Run
from setwise.targets import Classes, Objective, WhichElement
from setwise.targets.choose import choose_kinds
from setwise.targets.metrics import score
from setwise.targets.problem import define
from setwise.targets.which_element import named_elements
from tests.fixtures.training import train

QUICK = FitConfig(epochs=2, batch_size=4)
SMALL = {"depth": 2, "width": 8}


def _store(count=24, seed=0):
    """Draw elements whose first feature tells their class, number and mark."""
    generator = np.random.default_rng(seed)
    sets = [generator.normal(0, 1, (n, 2)) for n in generator.integers(3, 30, count)]
    first = np.concatenate([x[:, 0] for x in sets]).astype(np.float32)
    marks = np.concatenate([np.arange(len(x)) == x[:, 0].argmax() for x in sets]).astype(float)
    kinds = np.where(first > 0, "high", "low").astype(object)
    kinds[::6] = None
    return read(sets).with_labels({"kind": kinds, "value": first.astype(float), "mark": marks})


def _define(store, target, *, task=None, class_weights=None, weight_column=None, standardise=True):
    asked = {"task": task, "class_weights": class_weights, "weight_column": weight_column, "standardise": standardise}
    return define(store, [target], of="elements", group=None, split=None, shares=(0.15, 0.2), seed=0, **asked)


def test_text_that_is_hardly_a_class_is_refused_until_it_is_said_to_be_one():
    store = _store()
    first = np.round(store.labels["value"].to_numpy(), 1)
    names = [f"cell {i}" for i in range(len(first))]
    stray = ["n.d." if i == 3 else str(x) for i, x in enumerate(first)]
    commas = [str(x).replace(".", ",") for x in first]
    clusters = [str(int(x > 0) + int(x > 1)) for x in first]
    for labels, words in (
        (names, "too many for classes"),
        (commas, "must hold numbers with decimal points; it holds"),
        (stray, "looks like numbers but in 1 of them, such as 'n.d.'"),
    ):
        with pytest.raises(InputError, match=words):
            choose_kinds(store.with_labels({"kind": labels}), ["kind"], None, of="elements")
        assert choose_kinds(store.with_labels({"kind": labels}), ["kind"], "classification", of="elements")
    assert choose_kinds(store.with_labels({"kind": clusters}), ["kind"], None, of="elements") == {"kind": Classes}


@pytest.mark.parametrize("most", [None, 5])
def test_labels_are_drawn_with_their_elements(most):
    store = _store()
    problem = _define(store, "value", standardise=False)
    inputs = Inputs.fit(store, problem.split.train, standardise=False)
    config = FitConfig(batch_size=4, max_elements=most)
    training, validation = of_elements(problem, inputs, config, config)
    seen = 0
    for example in training.epoch(1):
        assert np.allclose(example.batch.elements[:, 0], example.encoded[:, 0])
        seen += len(example.encoded)
    sizes = store.sizes[problem.split.train]
    assert seen == (sizes if most is None else np.minimum(sizes, most)).sum()
    for _ in range(2):
        elements = torch.cat([batch.elements[:, 0] for batch in validation.batches()])
        assert np.allclose(elements, validation.encoded[:, 0])
    assert validation.sizes.sum() == len(validation.truth)


@pytest.mark.parametrize(("target", "task"), [("kind", None), ("value", None), ("mark", "which-element")])
def test_a_run_survives_its_directory_and_is_measured_beside_baselines(tmp_path, target, task):
    store = _store()
    run = train(store, targets=target, of="elements", task=task, model_choices=SMALL, config=QUICK, out=tmp_path / "r")
    names = [row.name for row in run.record.test]
    assert names[:2] == ["deep-sets++", "constant"]
    assert len(names) == 6
    loaded = Run.load(tmp_path / "r")
    rows = np.arange(len(store))
    assert (element_predictions(loaded, store, rows) == element_predictions(run, store, rows)).all()
    table = predict(loaded, store)
    assert table.num_rows == store.num_elements
    assert table["element"].to_pylist()[: int(store.sizes[0])] == list(range(int(store.sizes[0])))
    if target == "mark":
        per_set = np.add.reduceat(table["predicted_mark"].to_numpy(), np.cumsum(store.sizes) - store.sizes)
        assert (per_set == 1).all()
    found = evaluate(loaded, store)
    assert found.metrics
    assert found.num_sets == len(store)


def test_which_element_is_measured_over_sets():
    objective = Objective.join(WhichElement(target="mark"), of="elements")
    sizes = np.array([2, 3])
    predicted = np.array([[0.9], [0.1], [0.2], [0.4], [0.4]])
    truth = np.array([[1.0], [np.nan], [np.nan], [np.nan], [1.0]])
    metrics = score(objective, predicted, truth, sizes=sizes)
    assert metrics["accuracy"] == pytest.approx((1 + 0.5) / 2)  # a tie of two counts one half
    assert metrics["cross_entropy"] == pytest.approx(-(np.log(0.9) + np.log(0.4)) / 2)
    assert named_elements(predicted[:, 0], sizes).tolist() == [1, 0, 0, 0.5, 0.5]


def test_the_loss_of_marked_elements_is_the_mean_over_sets():
    marks = np.array([1.0, np.nan, np.nan, np.nan, 1.0, np.nan])
    objective = Objective.join(WhichElement.fit("mark", marks), of="elements")
    outputs = torch.log(torch.tensor([[0.9], [0.1], [0.0], [0.5], [0.4], [0.6]]))
    loss = objective.loss(outputs, objective.encode(marks))
    assert loss.item() == pytest.approx(-(np.log(0.9) + np.log(0.4)) / 2)


def test_streamed_sets_are_predicted_alike():
    store = _store()
    for target, task in (("kind", None), ("mark", "which-element")):
        run = train(store, targets=target, of="elements", task=task, model_choices=SMALL, config=QUICK, baselines=False)
        whole, streamed = (predict(run, store, memory_limit=limit) for limit in (None, 2_000))
        for name in whole.column_names:
            if name.startswith("probability"):
                assert np.allclose(whole[name].to_numpy(), streamed[name].to_numpy(), atol=1e-5)
        assert whole["set_id"].equals(streamed["set_id"])


def test_shares_of_several_processes_have_whole_sets_with_their_labels():
    sizes = [3, 1, 5]
    elements = torch.arange(9.0)[:, None]
    batch = SetBatch.from_packed(elements, sizes)
    counted = 0
    for rank in range(4):
        own, count = own_share(Example(batch, elements, elements[:, 0]), rank, 4)
        assert torch.equal(own.batch.elements, own.encoded)
        assert own.weights is not None
        assert torch.equal(own.weights, own.encoded[:, 0])
        counted += count
    assert counted == 9


def test_class_weights_count_elements():
    store = _store()
    (head,) = _define(store, "kind", class_weights="balanced").objective.targets
    assert isinstance(head, Classes)
    assert head.weights is not None
    assert head.classes == ("high", "low")
    assert all(0.5 < weight < 2 for weight in head.weights)


@pytest.mark.parametrize(
    ("labels", "task", "words"),
    [
        (lambda n: np.zeros(n), None, "must vary"),
        (lambda n: np.full(n, "same", object), None, "two classes at least"),
        (lambda n: np.full(n, np.nan), None, "missing for all"),
        (lambda n: np.zeros(n), "which-element", "exactly one element"),
        (lambda n: np.ones(n), "which-element", "exactly one element"),
        (lambda n: np.arange(n) * 1.0, "which-element", "must be 1 for the one element"),
        (lambda n: np.full(n, "same", object), "regression", "must be numbers"),
        (lambda n: np.arange(n) * 1.0, "ordinal", "which-element"),
    ],
)
def test_labels_that_cannot_be_learned_are_refused(labels, task, words):
    store = _store(12)
    with pytest.raises(InputError, match=words):
        _define(store.with_labels({"label": labels(store.num_elements)}), "label", task=task)


def test_a_class_that_was_never_trained_on_is_named():
    store = _store(12)
    problem = _define(store, "kind")
    labels = np.array(store.labels["kind"].to_pylist(), object)
    row = int(problem.split.test[0])
    labels[int(np.cumsum(store.sizes)[row]) - 1] = "rare"
    with pytest.raises(InputError, match=f"'rare' in set '{store.set_ids[row]}' of the test part"):
        _define(store.with_labels({"kind": labels}), "kind")


def test_draws_that_would_lose_the_marked_element_are_refused():
    with pytest.raises(InputError, match="whole sets alone"):
        train(_store(), targets="mark", of="elements", task="which-element", config=FitConfig(max_elements=4))


def test_choices_for_sets_alone_are_refused():
    with pytest.raises(InputError, match="labels of elements"):
        train(_store(), targets="kind", of="elements", config=FitConfig(balanced_sampling=True))


def test_measured_are_elements_that_have_a_label(monkeypatch):
    """Of many elements that are drawn for metrics and baselines, those without a label would tell nothing."""
    monkeypatch.setattr(drawn_elements, "MOST", 60)
    monkeypatch.setattr(element_baselines, "MOST", 60)
    draw = np.random.default_rng(0)
    labels = np.full(12 * 500, np.nan)
    labels[np.arange(12)[:, None] * 500 + [3, 250, 499]] = draw.normal(size=(12, 3))
    store = read([draw.normal(size=(500, 2)) for _ in range(12)]).with_labels({"y": labels})
    config = FitConfig(epochs=1, device="cpu", ensemble=1)
    run = train(store, targets="y", of="elements", model_choices={"depth": 2, "width": 8}, config=config, test=0.5)
    assert run.held_out is not None
    assert run.held_out.truth.shape == (18, 1)
    assert not np.isnan(run.held_out.truth).any()
    assert len(run.record.test) > 2


@pytest.mark.parametrize(("choice", "words"), [({"calibrate": True}, "--calibrate"), ({"coverage": 0.9}, "--coverage")])
def test_which_element_has_no_temperature_and_no_intervals(choice, words):
    config = FitConfig(max_elements=None)
    with pytest.raises(InputError, match=words):
        train(_store(), targets="mark", of="elements", task="which-element", config=config, **choice)


def test_groups_stay_whole_and_weights_of_sets_count():
    store = _store()
    sets = pa.table(
        {"set_id": store.set_ids, "group": [str(i // 3) for i in range(len(store))], "weight": np.ones(len(store))}
    )
    problem = _define(store.with_sets(sets), "value", weight_column="weight")
    assert {i // 3 for i in problem.split.train.tolist()}.isdisjoint({i // 3 for i in problem.split.test.tolist()})
    assert problem.group == "group"
