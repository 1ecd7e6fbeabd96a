import numpy as np
import pytest
import torch

from setwise._checks import InputError
from setwise.explanations.answer import Answers
from setwise.explanations.config import ExplainConfig
from setwise.explanations.cost import plan
from setwise.explanations.deletion import Deletion, removals
from setwise.explanations.explain import explain
from setwise.explanations.leave_one_out import _recomputed, leave_one_out
from setwise.explanations.more_elements import draw_fewer, sizes_drawn
from setwise.explanations.one_set import load_set
from setwise.runs.computing import Computing
from setwise.runs.outputs import predictions_of
from setwise.targets import Classes

from .conftest import fit, made_set

FEW = [f"set {i}" for i in range(11)]


@pytest.fixture(scope="module", params=["norm_free", "normed", "attentive"])
def explained(request, rare):
    run = request.getfixturevalue(request.param)
    return run, explain(run, rare.store, config=ExplainConfig(orders=5, draws=7), only=FEW, device="cpu")


def ranks_of_rare(scores, rare, i, method):
    """Return the share of pairs in which a rare element is scored higher than a common one."""
    own = scores[scores["set_id"] == f"set {i}"][method].to_numpy()
    marked = rare.rare[i]
    return (own[marked][:, None] > own[~marked]).mean()


def faithful(found):
    """Return methods that are expected to find the cluster: attention has no sign, and where elements attend to each
    other three rare ones stand in for each other, so that leaving out one of them says little.
    """
    tied = found.coupling is not None and "attention" in found.coupling
    return ["integrated_gradients"] if tied else ["leave_one_out", "integrated_gradients"]


def test_rare_elements_are_on_top(explained, rare):
    _, found = explained
    scores = found.scores.to_pandas()
    for i in range(1, 11, 2):
        for method in faithful(found):
            assert ranks_of_rare(scores, rare, i, method) > 0.95, (i, method)


def test_deletion_beats_chance(explained):
    _, found = explained
    rows = found.faithfulness.to_pandas()
    sick = rows[(rows.answer == "sick") & rows.method.isin(faithful(found))]
    assert len(sick) in (5, 10)
    assert (sick.beaten == sick.orders).all()
    assert ((sick.area - sick.random_area) > 2 * sick.random_std).mean() > 0.5


def test_integrated_gradients_are_complete(explained):
    _, found = explained
    sets = found.sets.to_pandas()
    assert (sets.gradients_error.abs() <= 0.03 * sets.gradients_difference.abs().max()).all()
    sums = found.scores.to_pandas().groupby("set_id").integrated_gradients.sum()
    told = sets.set_index("set_id").eval("gradients_difference + gradients_error")
    np.testing.assert_allclose(sums[FEW], told[FEW])


def test_predictions_are_those_of_predict(explained, rare):
    run, found = explained
    rows = np.arange(11)
    probabilities = predictions_of(run, rare.store, rows, Computing(device="cpu"))
    sets = found.sets.to_pandas()
    np.testing.assert_allclose(sets.predicted, probabilities.max(1), atol=1e-6)
    assert sets.answer.tolist() == [run.objective.targets[0].classes[k] for k in probabilities.argmax(1)]
    whole = found.more_elements.to_pandas().groupby("set_id").last()
    np.testing.assert_allclose(whole["mean"][FEW], sets.predicted, atol=1e-6)
    np.testing.assert_allclose(sets.explained, np.log(sets.predicted / (1 - sets.predicted)), atol=1e-3)


def test_rows_join_the_store(explained, rare):
    _, found = explained
    scores = found.scores.to_pandas()
    offsets = np.concatenate([[0], np.cumsum(rare.store.sizes)])
    for i in (0, 5):
        own = scores[scores.set_id == f"set {i}"]
        assert own.element.tolist() == list(range(rare.store.sizes[i]))
        assert (own["row"] - own.element == offsets[i]).all()


def test_a_sub_sample_is_named_and_the_same_again(normed, rare):
    config = ExplainConfig(max_elements=13, orders=2, draws=2)
    first, second = (explain(normed, rare.store, config=config, only=FEW[:3], device="cpu") for _ in range(2))
    assert first.sets["scored"].to_pylist() == [13] * 3
    assert first.sets["size"].to_pylist() == rare.store.sizes[:3].tolist()
    assert first.scores.equals(second.scores)
    assert (np.diff(first.scores["element"].to_numpy()[:13]) > 0).all()


def test_a_model_that_looks_at_nothing_has_no_advantage(rare, norm_free):
    run = type(norm_free)(norm_free.record, _deaf(norm_free))
    found = explain(run, rare.store, config=ExplainConfig(orders=3, draws=3), only=FEW[:5], device="cpu")
    assert not np.abs(found.scores["leave_one_out"].to_numpy()).max() > 1e-6  # rounding of float32
    assert not np.abs(found.faithfulness["area"].to_numpy()).max() > 1e-6  # rounding of float32
    assert found.faithfulness["beaten"].to_pylist() == [0] * 10
    assert max(found.sets["spread"].to_pylist()) == pytest.approx(0, abs=1e-6)


def test_an_ensemble_is_explained_by_its_mean(rare):
    run = fit(rare.store, epochs=2, ensemble=2, model="deep-sets", model_choices={"depth": 2, "width": 8})
    config = ExplainConfig(scale="probability", orders=2, draws=2)
    found = explain(run, rare.store, config=config, only=FEW[:3], device="cpu")
    probabilities = predictions_of(run, rare.store, np.arange(3), Computing(device="cpu"))
    np.testing.assert_allclose(found.sets["predicted"].to_numpy(), probabilities.max(1), atol=1e-6)
    one = load_set(run, rare.store, 2)
    (target,) = run.objective.targets
    assert isinstance(target, Classes)
    temperature = target.temperature
    assert temperature != 1
    measure = lambda outputs: (outputs / temperature).softmax(2)[..., 0].mean(1)  # noqa: E731
    pooled, _ = leave_one_out(one, measure, exact_limit=0)
    np.testing.assert_allclose(pooled, _recomputed(one, measure), atol=1e-6)
    log_odds = Answers.of(run).explained(one.outputs(), 0)
    p = measure(one.outputs().double())
    torch.testing.assert_close(log_odds, torch.log(p / (1 - p)))


@pytest.mark.parametrize(
    ("of", "answers"), [("age", {"age"}), ("state=well", {"state=well"}), ("state", {"state=sick", "state=well"})]
)
def test_one_of_several_targets(two_targets, rare, of, answers):
    config = ExplainConfig(of=of, orders=2, draws=2, steps=8)
    found = explain(two_targets, rare.store, config=config, only=FEW[:3], device="cpu")
    assert set(found.sets["answer"].to_pylist()) <= answers
    columns = two_targets.objective.columns(
        predictions_of(two_targets, rare.store, np.arange(3), Computing(device="cpu"))
    )
    if of == "age":
        np.testing.assert_allclose(found.sets["predicted"].to_numpy(), columns["predicted_age"], rtol=1e-5)
    elif of == "state":
        told = [f"state={label}" for label in columns["predicted_state"]]
        assert found.sets["answer"].to_pylist() == told
    else:
        np.testing.assert_allclose(found.sets["predicted"].to_numpy(), columns["probability_well"], atol=1e-6)


@pytest.fixture(scope="module")
def two_targets(rare):
    choices = {"depth": 2, "width": 8}
    return fit(rare.store, targets=["state", "age"], epochs=2, model="deep-sets", model_choices=choices)


def _deaf(run):
    import copy

    model = copy.deepcopy(run.model)
    with torch.no_grad():
        next(p for p in model.decoder.parameters()).zero_()
    return model


def test_a_named_class_and_probabilities(norm_free, rare):
    config = ExplainConfig(of="sick", scale="probability", orders=2, draws=2, methods=("leave_one_out",))
    found = explain(norm_free, rare.store, config=config, only=FEW, device="cpu")
    assert set(found.sets["answer"].to_pylist()) == {"sick"}
    np.testing.assert_allclose(found.sets["explained"].to_numpy(), found.sets["predicted"].to_numpy())
    assert found.scores.column_names[-1] == "leave_one_out"


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"of": "ill"}, "sick, well"),
        ({"methods": ("attention",)}, "does not pool by attention"),
        ({"methods": ("shap",)}, "one of"),
        ({"methods": ()}, "one at least"),
        ({"steps": 3}, "even"),
        ({"exact_limit": -1}, "zero"),
        ({"scale": "logit"}, "scale"),
        ({"max_elements": 0}, "max_elements"),
    ],
)
def test_refusals(norm_free, rare, choices, words):
    with pytest.raises(InputError, match=words):
        explain(norm_free, rare.store, config=ExplainConfig(**choices), device="cpu")


def test_unknown_sets_are_named(norm_free, rare):
    with pytest.raises(InputError, match="'set 999'"):
        explain(norm_free, rare.store, only=["set 3", "set 999"])


def test_the_plan_counts_what_passes(normed, rare):
    config, seen = ExplainConfig(orders=2, draws=3, exact_limit=40), []
    explain(normed, rare.store, config=config, only=FEW[:5], device="cpu", on_elements=seen.append)
    planned = plan(normed, rare.store, config, only=FEW[:5]).total
    assert planned / 2 < sum(seen) < planned * 2  # how many gradients it takes depends on the model


def test_deletion_area_by_hand():
    curve = Deletion(np.array([0, 1, 2]), 4, np.array([3.0, 1.0, 2.0]))
    assert curve.area(signed=True) == pytest.approx((1.0 * 0.25 + 1.5 * 0.25) / 0.5)
    assert Deletion(np.array([0, 2]), 4, np.array([0.0, 3.0])).area(signed=False) == pytest.approx(1.5)
    assert np.isnan(Deletion(np.array([0]), 1, np.array([0.0])).area(signed=True))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1009])
def test_numbers_removed_and_drawn(size):
    removed, drawn = removals(size), sizes_drawn(size)
    assert removed[0] == 0
    assert removed[-1] < size
    assert (np.diff(removed) > 0).all()
    assert drawn[-1] == size
    assert (np.diff(drawn) > 0).all()


def test_the_spread_of_halves_is_the_error_of_the_mean():
    """For the mean of normal elements it is known: sigma / sqrt(n)."""
    one = made_set(model="deep-sets", depth=2, width=12, pool="mean", size=997)
    one.model.encoder, one.model.decoder = torch.nn.Sequential(), _First()
    draws = draw_fewer(one, lambda x: x[:, 0].double(), draws=400, rng=np.random.default_rng(0))
    assert draws.spread == pytest.approx(float(one.elements[:, 0].std()) / 997**0.5, rel=0.1)
    assert abs(draws.drift) < 0.1 * draws.spread


class _First(torch.nn.Module):
    def forward(self, pooled, covariates=None):  # noqa: ARG002 - the decoder's
        return pooled
