"""Stacks: what they predict is the weighted mean of what their parts predict, through everything that models go."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch

import setwise as sw
from setwise import SetBatch
from setwise._checks import InputError
from setwise.fit import stacking
from setwise.fit.stack_weights import selected_weights
from setwise.fit.study import Study
from setwise.models import build, spec_from_dict
from setwise.models.families import family_of, network_instead
from setwise.models.family import Candidate
from setwise.models.links import mixed
from setwise.models.stack import STACK, StackSpec
from setwise.readers.read import read
from setwise.runs.config import FitConfig
from setwise.runs.export import save_onnx, save_program
from setwise.runs.large_sets import outputs_of_large
from setwise.runs.outputs import predictions_of
from setwise.runs.run import Run
from setwise.targets.ordinal import Ordinal
from tests.fixtures.stacks import SMALL, use_small

pytestmark = pytest.mark.filterwarnings("ignore:Lazy modules:UserWarning")
CONFIG = FitConfig(device="cpu", ensemble=3, batch_size=7, epochs=2, learning_rate=1e-2)


def store_of(count=53, *, missing=False):
    draw = np.random.default_rng(0)
    kind = draw.integers(0, 3, count)
    sets = [draw.normal(0, 1 + kind[i], (draw.integers(1, 17), 3)) for i in range(count)]
    number: list[float | None] = [float(value) for value in kind + draw.normal(0, 0.1, count)]
    label: list[str | None] = ["abc"[value] for value in kind]
    if missing:
        number[4] = label[7] = None
    columns = {"number": number, "label": label, "rank": kind, "age": draw.normal(50, 9, count)}
    return read(sets, sets=pa.table(columns | {"group": [f"g{i // 2}" for i in range(count)]}))


def fitted(*targets, store=None, effort="default", config=CONFIG, out=None, resume=False, baselines=False, **choices):
    study = Study(targets=targets, model="auto", model_choices={"effort": effort}, config=config, **choices)
    return sw.train(
        store_of() if store is None else store,
        study,
        baselines=baselines,
        intervals=False,
        out=out,
        resume=resume,
    )


@pytest.fixture(scope="module", autouse=True)
def _small():
    with pytest.MonkeyPatch.context() as patch:
        use_small(patch)
        yield


@pytest.fixture(scope="module")
def of_label(_small):
    return fitted("label")


def test_classes_are_mixed_by_their_probabilities():
    draw = torch.Generator().manual_seed(0)
    own = [torch.randn(5, 3, generator=draw, dtype=torch.float64) for _ in range(2)]
    found = mixed("classes", own, [0.25, 0.75], [2.0, 1.0]).softmax(1)
    want = 0.25 * (own[0] / 2).softmax(1) + 0.75 * own[1].softmax(1)
    torch.testing.assert_close(found, want, rtol=0, atol=1e-12)


def test_classes_in_order_are_mixed_by_their_probabilities():
    draw = torch.Generator().manual_seed(0)
    target = Ordinal(target="rank", classes=(0, 1, 2, 3))
    own = [torch.randn(5, 3, generator=draw, dtype=torch.float64) for _ in range(2)]
    found = target.predict(mixed("ranks", own, [0.25, 0.75], [1.0, 1.0]))
    want = 0.25 * target.predict(own[0]) + 0.75 * target.predict(own[1])
    torch.testing.assert_close(found, want, rtol=0, atol=1e-9)


def test_numbers_are_mixed_as_they_are():
    own = [torch.tensor([[2.0]]), torch.tensor([[4.0]])]
    assert mixed("number", own, [0.25, 0.75], [1.0, 1.0]).item() == 3.5


@pytest.mark.parametrize("kind", ["number", "classes"])
def test_a_model_without_weight_does_not_matter(kind):
    own = [torch.tensor([[2.0, 1.0]]), torch.tensor([[torch.nan, torch.nan]])]
    assert mixed(kind, own, [1.0, 0.0], [1.0, 1.0]).isfinite().all()


def test_weights_go_to_models_that_are_right():
    truth = np.random.default_rng(0).normal(size=211)
    predicted = np.stack([truth + 0.1, truth - 0.1, np.zeros(211)])
    found = selected_weights(lambda w: (w @ predicted - truth) ** 2, 3, np.arange(211))
    np.testing.assert_allclose(found, [0.5, 0.5, 0.0], atol=0.06)


def test_a_model_that_adds_nothing_to_many_sets_is_dropped():
    truth = np.random.default_rng(0).normal(size=2003)
    predicted = np.stack([truth, -truth])
    found = selected_weights(lambda w: (w @ predicted - truth) ** 2, 2, np.arange(2003))
    np.testing.assert_array_equal(found, [1.0, 0.0])


def test_weights_of_three_models_that_few_sets_cannot_tell_apart_are_alike():
    draw = np.random.default_rng(0)
    truth = draw.normal(size=13)
    predicted = np.concatenate([draw.normal(size=(3, 13)), 100 + draw.normal(size=(1, 13))])
    found = selected_weights(lambda w: (w @ predicted - truth) ** 2, 4, np.arange(13))
    assert found[:3].min() > 0.15
    assert found[3] == 0
    assert found.sum() == pytest.approx(1)


@pytest.mark.parametrize("target", ["label", "number", "rank"])
def test_every_kind_of_target_is_learned(target):
    task = {"rank": "ordinal"} if target == "rank" else None
    run = fitted(target, effort="quick", covariates=["age"], task=task, baselines=True)
    metric = run.objective.decisive
    rows = {row.name: row.metrics[metric.key] for row in run.record.test}
    assert metric.beats(rows["auto"], rows["constant"])
    assert sum(row.weight for row in run.record.leaderboard) == pytest.approx(1)
    assert "best single model" in rows


def test_several_targets_have_weights_of_their_own():
    run = fitted("label", "number", effort="quick", store=store_of(missing=True))
    spec = spec_from_dict(run.record.spec)
    assert isinstance(spec, StackSpec)
    assert len(spec.weights) == 2
    assert all(sum(own) == pytest.approx(1) for own in spec.weights)


def test_a_network_is_a_part(of_label):
    names = [row.model for row in of_label.record.leaderboard]
    assert "deep-sets++" in names
    assert set(names) == {"linear", "extra-trees", "deep-sets++"}


def test_members_have_not_seen_what_weighs_them(of_label):
    left_out = [set(member.left_out) for member in of_label.record.members]
    assert all(left_out)
    assert not left_out[0] & left_out[1]


def test_a_run_says_the_same_after_its_directory(of_label, tmp_path):
    store, rows = store_of(), np.arange(53)
    of_label.save(tmp_path / "run")
    again = Run.load(tmp_path / "run")
    np.testing.assert_array_equal(predictions_of(again, store, rows), predictions_of(of_label, store, rows))
    assert again.record.leaderboard == of_label.record.leaderboard


def test_a_fit_that_is_gone_on_with_has_the_same_bits(tmp_path):
    first = fitted("label", out=tmp_path / "run")
    (tmp_path / "run" / "model.json").unlink()
    again = fitted("label", out=tmp_path / "run", resume=True)
    for name, value in first.model.state_dict().items():
        assert torch.equal(value, again.model.state_dict()[name]), name


def test_a_streamed_set_has_the_same_outputs(of_label):
    store = store_of()
    whole = predictions_of(of_label, store, np.arange(3))
    streamed = torch.cat([outputs_of_large(of_label, store, row, memory_limit=1 << 10) for row in range(3)])
    found = np.mean([of_label.objective.predict(streamed[:, m]) for m in range(streamed.shape[1])], axis=0)
    np.testing.assert_allclose(found, whole, rtol=0, atol=2e-5)


@pytest.mark.slow
def test_exports_say_the_same(of_label, tmp_path):
    assert save_program(of_label, tmp_path / "run.pt2") < 1e-5
    assert save_onnx(of_label, tmp_path / "run.onnx") < 1e-5


def test_labels_of_elements_are_learned_by_the_network():
    assert network_instead("auto", (), of="elements") == "deep-sets++"


def test_a_choice_of_networks_makes_it_the_network():
    assert network_instead("auto", ("depth",), of="sets") == "deep-sets++"
    assert network_instead("auto", ("effort",), of="sets") == "auto"
    assert network_instead("extra-trees", ("depth",), of="sets") == "extra-trees"


def test_times_to_an_event_are_learned_by_those_that_can():
    store = store_of()
    times = pa.array(np.random.default_rng(1).exponential(3.0, 53))
    events = pa.array([i % 3 > 0 for i in range(53)])
    sets = store.sets.append_column("time", times).append_column("died", events)
    run = fitted("time", store=store.with_sets(sets), event="died")
    assert [row.model for row in run.record.leaderboard if not row.note] == ["linear", "deep-sets++"]
    assert any("time to" in row.note for row in run.record.leaderboard)


@pytest.mark.parametrize("count", [3, 5])
def test_very_few_sets_are_fitted_all_the_same(count):
    draw = np.random.default_rng(0)
    store = read([draw.normal(size=(4, 2)) for _ in range(count)], sets=pa.table({"y": draw.normal(size=count)}))
    run = fitted("y", store=store, effort="quick", test=0.0)
    assert np.isfinite(predictions_of(run, store, np.arange(count))).all()


def test_one_set_of_a_class_leaves_none_out():
    draw = np.random.default_rng(0)
    labels = ["a"] * 8 + ["b"]
    store = read([draw.normal(size=(4, 2)) for _ in labels], sets=pa.table({"y": labels}))
    run = fitted("y", store=store, effort="quick", test=0.0)
    assert {row.weight for row in run.record.leaderboard} == {1 / 2}
    assert all(row.score is None for row in run.record.leaderboard)


def test_an_unknown_effort_is_refused():
    with pytest.raises(InputError, match="effort"):
        fitted("label", effort="huge")


def test_an_unfitted_stack_says_so():
    with pytest.raises(RuntimeError, match="never fitted"):
        build("auto", 2, 1)(SetBatch.from_list([np.zeros((2, 2), np.float32)]))


def test_without_time_the_cheapest_answers():
    run = fitted("label", effort="quick", config=CONFIG.model_copy(update={"time": 1e-9}))
    assert [row.weight for row in run.record.leaderboard if not row.note] == [1.0]
    assert {row.note for row in run.record.leaderboard[1:]} == {"there was no time left."}


def test_a_model_that_needs_more_sets_is_tried_where_few_others_stand(monkeypatch):
    monkeypatch.setattr(stacking, "_SEVERAL", 2)
    needing = [replace(one, fewest=99 * (one.model == "deep-sets++")) for one in SMALL]
    monkeypatch.setattr(stacking, "family_of", lambda _: replace(STACK, candidates=needing))
    left_out = fitted("label").record.leaderboard[-1]
    assert left_out.model == "deep-sets++"
    assert "fewer than 99 training sets" in left_out.note
    assert not any(row.note for row in fitted("label", effort="best").record.leaderboard)
    monkeypatch.setattr(stacking, "_SEVERAL", 3)
    assert not any(row.note for row in fitted("label").record.leaderboard)


def test_trees_that_are_the_same_for_numbers_are_fitted_once(monkeypatch):
    twice = (*SMALL, Candidate("extra-trees-root", "", choices={"trees": 3}, for_numbers="extra-trees"))
    monkeypatch.setattr(stacking, "family_of", lambda _: replace(STACK, candidates=twice))
    notes = {row.model: row.note for row in fitted("number", effort="quick").record.leaderboard}
    assert notes["extra-trees-root"] == "for numbers it is the same as extra-trees."
    assert not any(row.note for row in fitted("label", effort="quick").record.leaderboard)


def test_a_number_of_the_fit_that_was_chosen_is_kept():
    candidate = Candidate("deep-sets++", "", choices={"width": 8, "max_elements": 99}, of_few={"epochs": 3})
    spec = StackSpec(in_features=3, out_features=1)
    config, made = stacking._specified(spec, candidate, FitConfig.recommended(device="cpu"), 50)
    assert (config.max_elements, config.epochs, made.hidden) == (99, 3, 8)
    config, _ = stacking._specified(spec, candidate, FitConfig.recommended(device="cpu", max_elements=7), 500)
    assert (config.max_elements, config.epochs) == (7, 100)


def test_parts_without_epochs_learn_from_the_validation_sets_in_the_end():
    config = CONFIG.model_copy(update={"ensemble": 1})
    found = {}
    for calibrate in (None, True):
        run = fitted("label", effort="quick", config=config, validation=0.3, calibrate=calibrate)
        found[calibrate] = predictions_of(run, store_of(), np.arange(53)), run
    rows = [store_of().set_ids.index(name) for name in found[None][1].record.split.validation]
    truth = [["a", "b", "c"].index(label) for label in store_of().sets["label"].to_pylist()]
    right = {key: values[rows, np.array(truth)[rows]].mean() for key, (values, _) in found.items()}
    assert right[None] > right[True]


@pytest.mark.slow
def test_all_models_that_ship_are_tried():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stacking, "family_of", family_of)
        run = fitted("label", effort="best", config=CONFIG.model_copy(update={"ensemble": 2}))
    assert [row.note for row in run.record.leaderboard] == [""] * len(STACK.candidates)
    assert run.record.leaderboard[0].weight > 0
