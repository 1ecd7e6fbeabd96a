"""Searches: the same trials however they are stopped, sets that take no part, an ordinary run at the end."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
import pytest

from setwise._checks import InputError
from setwise.fit.study import Study
from setwise.readers.read import read
from setwise.runs.config import FitConfig
from setwise.runs.run import Run
from setwise.store.splits import Split
from setwise.validate import tune as search
from setwise.validate.tune import Tuned, chosen, tune
from tests.fixtures.training import changed

pytest.importorskip("optuna", reason="the extra tune is not installed")
STUDY = Study(
    targets=("kind",),
    model_choices={"depth": 2, "width": 8},
    config=FitConfig(epochs=1, device="cpu", batch_size=11),
    group="p",
)


def store_of(count: int = 29):
    draw = np.random.default_rng(0)
    sets = [draw.normal(i % 2, 1.0, (3, 2)) for i in range(count)]
    kinds = [("low", "high")[i % 2] for i in range(count)]
    return read(sets, sets=pa.table({"kind": kinds, "p": [f"p{i // 2}" for i in range(count)]}))


def bare(trials):
    return [{name: value for name, value in trial.items() if name != "seconds"} for trial in trials]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Search in three trials."""
    return tune(store_of(), STUDY, budget=600, trials=3, inner=2, out=tmp_path_factory.mktemp("tune") / "whole")


@dataclass(frozen=True)
class Cut:
    """A search that was killed in its second trial, how it answers to another start, and the sets that it looked at."""

    answer: str
    resumed: Tuned
    seen: set[str]


@pytest.fixture(scope="module")
def cut(tmp_path_factory):
    """Search like `whole`, with a power cut in the second trial, then resumed."""
    fits, fit, seen = [], search.train, set()

    def counted(own, study, *, split, **more):
        if len(fits) == 3:  # in the second trial
            raise RuntimeError("power cut")
        fits.append(1)
        if more.get("out") is None:
            seen.update(own.set_ids[row] for part in (split.train, split.validation, split.test) for row in part)
        return fit(own, study, split=split, **more)

    out = tmp_path_factory.mktemp("tune") / "cut"
    go = partial(tune, store_of(), STUDY, budget=600, trials=3, inner=2, out=out)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "train", counted)
        with pytest.raises(RuntimeError, match="power cut"):
            go()
        fits[:] = [1] * 4
        with pytest.raises(InputError) as refused:
            go()
        return Cut(str(refused.value), go(resume=True), seen)


def test_trials_say_what_was_tried(whole):
    assert set(whole.trials[0]) == {"value", "seconds"}  # the study as it is
    assert whole.trials[1].keys() == {"model", "learning_rate", "value", "seconds"}


def test_the_run_says_that_its_test_sets_took_no_part(whole):
    assert "took no part" in " ".join(Run.load(whole.run.path).record.notes)


def test_a_search_that_was_killed_is_not_begun_anew_unasked(cut):
    assert "--resume" in cut.answer


def test_a_search_that_was_killed_goes_on_as_it_would_have(whole, cut):
    assert bare(cut.resumed.trials) == bare(whole.trials)
    assert cut.resumed.run.record.weights_sha256 == whole.run.record.weights_sha256


def test_held_out_sets_take_no_part_and_all_others_do(whole, cut):
    test = set(whole.run.record.split.test)
    assert test
    assert not cut.seen & test, "a held-out set took part in the search"
    assert len(cut.seen | test) == len(store_of())


def test_nested(tmp_path):
    found = tune(store_of(), STUDY, budget=600, trials=1, inner=2, outer=2, out=tmp_path / "run")
    assert found.nested is not None
    assert [row.name for row in found.nested.rows][:2] == ["the search", "constant"]
    assert found.nested.clusters == 15


def test_a_budget_ends_it(tmp_path):
    found = tune(store_of(), STUDY, budget=0.001, inner=2, out=tmp_path / "run")
    assert len(found.trials) == 1


def of_elements():
    """Draw sets of 3 to 6 elements, with kinds of which one is rare, and a mark of the largest."""
    draw = np.random.default_rng(0)
    sets = [draw.normal(0, 1.0, (3 + i % 4, 2)) for i in range(19)]
    x = np.concatenate(sets)
    kinds = np.where(x[:, 0] > 0, "right", "left").astype(object)
    kinds[np.cumsum([len(own) for own in sets])[::2] - 1] = "odd"  # in every other set
    marks = np.concatenate([np.arange(len(own)) == own[:, 1].argmax() for own in sets]).astype(float)
    return read(sets).with_labels({"kind": kinds, "largest": marks})


@pytest.mark.slow
def test_labels_of_elements_are_searched_for_on_whole_sets(tmp_path):
    study = Study(
        targets=("kind",), of="elements", model_choices=STUDY.model_choices, config=STUDY.config, validation=0.0
    )
    found = tune(of_elements(), study, budget=600, trials=2, inner=2, outer=2, out=tmp_path / "run")
    assert len(found.trials) == 2
    assert found.nested is not None
    names = [row.name for row in found.nested.rows]
    assert names[0] == "the search"
    assert "logistic, in its set" in names
    assert {"accuracy", "macro_f1"} <= found.nested.rows[0].metrics.keys()
    assert Run.load(tmp_path / "run").objective.of == "elements"


def test_which_element_is_meant_is_searched_for(tmp_path):
    choices = {"model_choices": STUDY.model_choices, "config": STUDY.config}
    which = Study(targets=("largest",), of="elements", task="which-element", **choices)
    assert tune(of_elements(), which, budget=600, trials=1, inner=2, out=tmp_path / "which").run.record.test


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"covariates": ("age",)}, "no column 'age'"),
        ({"targets": ("rare",), "group": None}, "'once'"),
        ({"model_choices": {"colour": 3}}, "no choice 'colour'"),
    ],
    ids=["a column", "a class of one set", "a choice that the first trial refuses"],
)
def test_a_search_that_is_refused_leaves_nothing_in_the_way(tmp_path, wrong, words):
    store = store_of()
    rare = pa.array(["often"] * 10 + ["once"] + ["also"] * 18)
    store = store.with_sets(store.sets.append_column("rare", rare))
    with pytest.raises(InputError, match=words):
        tune(store, changed(STUDY, **wrong), budget=600, trials=1, inner=2, out=tmp_path / "run")
    assert tune(store, STUDY, budget=600, trials=1, inner=2, out=tmp_path / "run").trials


def test_a_search_is_not_gone_on_with_for_something_else(tmp_path):
    store, out = store_of(), tmp_path / "run"
    tune(store, STUDY, budget=600, trials=1, inner=2, out=out)
    kept = (out.with_name("run.search") / "final.log").read_bytes()
    other = store.sets.set_column(1, "kind", store.sets["kind"].take(pa.array([*range(1, 29), 0])))
    for other_sets, study in ((store.with_sets(other), STUDY), (store, changed(STUDY, group=None))):
        with pytest.raises(InputError, match="of another search"):
            tune(other_sets, study, budget=600, trials=2, inner=2, out=out, resume=True)
    with pytest.raises(InputError, match="no column 'age'"):
        tune(store, changed(STUDY, covariates=("age",)), budget=600, trials=1, inner=2, out=out, overwrite=True)
    assert (out.with_name("run.search") / "final.log").read_bytes().startswith(kept)


def test_a_run_in_the_way_is_told_before_the_search(tmp_path):
    split = Split(np.arange(20), np.arange(0), np.arange(20, 28))
    search.train(store_of(), STUDY, split=split, out=tmp_path / "run")
    with pytest.raises(InputError, match="holds a run already"):
        tune(store_of(), STUDY, budget=600, trials=1, inner=2, out=tmp_path / "run")
    assert not (tmp_path / "run.search").exists()


def test_choices_of_one_kind_of_model_leave_trials_of_the_other_alone():
    trial = {"depth": 2, "width": 16, "learning_rate": 1e-3}
    study = changed(STUDY, model_choices={"heads": 2, "pool": "max", "norm": "layer"})
    for model, own in (("deep-sets++", {"pool": "max"}), ("set-transformer++", {"heads": 2})):
        found = chosen(study, {"model": model, **trial}).model_choices
        given = {name: choice for name, choice in found.items() if choice is not None}
        assert given == {"norm": "layer", "depth": 2, "width": 16, **own}


def test_a_search_that_is_interrupted_before_its_first_trial_is_done_is_none(tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(search, "train", interrupted)
        with pytest.raises(KeyboardInterrupt):
            tune(store_of(), STUDY, budget=600, trials=1, inner=2, out=tmp_path / "run")
    assert tune(store_of(), STUDY, budget=600, trials=1, inner=2, out=tmp_path / "run").trials


GIVEN = changed(
    STUDY,
    model="set-transformer",
    model_choices={"width": 16, "heads": 2},
    config=FitConfig(epochs=1, device="cpu", batch_size=11, learning_rate=0.02),
)


def search_in(study, *, models=("set-transformer",), **choices):
    return tune(store_of(), study, models=models, budget=600, inner=2, **choices)


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    """Search for what `GIVEN` leaves open."""
    return search_in(GIVEN, trials=3, baselines=False, out=tmp_path_factory.mktemp("tune") / "run")


def test_what_is_given_is_held(held):
    found = held
    for trial in found.trials[1:]:
        assert trial.keys() == {"model", "depth", "value", "seconds"}
        assert trial["model"] == "set-transformer"
    assert found.run.record.model == "set-transformer"
    assert (found.run.record.spec["width"], found.run.record.spec["heads"]) == (16, 2)
    assert found.run.record.config.learning_rate == 0.02
    assert len(found.run.record.test) == 1  # no baselines


def test_a_search_in_nothing_is_refused(held):
    everything = changed(GIVEN, model_choices={"width": 16, "depth": 1})
    with pytest.raises(InputError, match="something to search"):
        search_in(everything, out=held.run.path, overwrite=True)


def test_another_search_is_not_gone_on_with(held):
    with pytest.raises(InputError, match="another search"):
        search_in(GIVEN, out=held.run.path, resume=True, models=("set-transformer++",))


def test_a_model_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="a model must be one of"):
        search_in(GIVEN, out=tmp_path / "new", models=("nope",))


def test_a_resumed_search_that_comes_to_another_choice(tmp_path, monkeypatch):
    """Its fit begins anew; the checkpoints that are there are of the choice that was best before."""
    values = iter([3.0, 2.0, 1.0])
    monkeypatch.setattr(search, "_value", lambda _plan, _study: next(values))
    study = changed(STUDY, model_choices={"width": 8})
    first = tune(store_of(), study, budget=600, trials=1, inner=2, baselines=False, out=tmp_path / "run")
    later = tune(store_of(), study, budget=600, trials=3, inner=2, baselines=False, out=tmp_path / "run", resume=True)
    assert (len(first.trials), len(later.trials)) == (1, 3)
    assert Run.load(tmp_path / "run").record.spec == later.run.record.spec
    again = tune(store_of(), study, budget=600, trials=3, inner=2, baselines=False, out=tmp_path / "run", resume=True)
    assert again.run.record.weights_sha256 == later.run.record.weights_sha256
