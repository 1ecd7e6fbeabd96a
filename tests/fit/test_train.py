"""From a store to a run, on real digits."""

import os
import resource
import signal
import sys
import threading
import time
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest
import torch

from setwise._checks import InputError
from setwise.prepare import covariates
from setwise.prepare.standardiser import Standardiser
from setwise.readers.read import read
from setwise.runs.config import FitConfig
from setwise.runs.run import Run
from setwise.store.splits import Split
from setwise.store.store import SetStore
from setwise.targets import Number
from setwise.targets.labels import Labels
from tests.fixtures.training import train

CONFIG = FitConfig(epochs=3, device="cpu")
SMALL = {"depth": 2, "width": 16}


def with_columns(store: SetStore, rows: int | None = None, **columns: list) -> SetStore:
    rows = len(store) if rows is None else rows
    arrays = [store.elements(i) for i in range(rows)]
    return read(arrays, sets=pa.table({"set_id": store.set_ids[:rows], **columns}))


DIVERGES = CONFIG.model_copy(update={"learning_rate": 1e30, "warmup": 0.0, "clip": None})


def quick(store, **choices) -> Run:
    settings = {"model_choices": SMALL, "config": CONFIG, "baselines": False, "validation": 0.15}
    return train(store, **{**settings, **choices})


def classes_of(run: Run) -> tuple:
    """Return the classes of the run's one target."""
    (target,) = run.objective.targets
    assert isinstance(target, Labels)
    return target.classes


def same_weights(first: Run, second: Run) -> bool:
    a, b = first.model.state_dict(), second.model.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


@pytest.fixture(scope="module")
def regression(digit_store) -> Run:
    """Fit means, until they are predicted better than by the constant."""
    config = CONFIG.model_copy(update={"epochs": 40, "batch_size": 8})
    choices = {"depth": 4, "width": 32}
    return train(digit_store, targets="mean", model_choices=choices, config=config, validation=0.15)


def test_regression_beats_the_constant(regression):
    rows = {row.name: row.metrics for row in regression.record.test}
    assert list(rows) == ["deep-sets++", "constant", "ridge", "gradient boosting"]
    assert rows["deep-sets++"]["r2"] > 0.5
    assert rows["constant"]["r2"] <= 0
    assert rows["ridge"]["mse"] < rows["constant"]["mse"]


def test_the_best_epoch_has_the_lowest_validation_loss(regression):
    losses = np.array([r.validation_loss for r in regression.history], float)
    assert regression.record.best_epoch == 1 + np.argmin(losses)


def test_predictions_of_the_test_sets_are_those_that_were_measured(regression):
    table = regression.test_predictions
    assert table is not None
    assert table.column_names == ["set_id", "size", "mean", "predicted_mean"]
    assert table["set_id"].to_pylist() == list(regression.record.split.test)
    error = table["mean"].to_numpy() - table["predicted_mean"].to_numpy()
    assert np.square(error).mean() == pytest.approx(regression.record.test[0].metrics["mse"])


@pytest.fixture(scope="module")
def grouped(digit_store, tmp_path_factory) -> Run:
    """Fit classes with covariates, patients on one side of the split each."""
    return train(
        digit_store,
        targets="any_zero",
        covariates=["age", "largest"],
        group="patient",
        model="set-transformer++",
        model_choices={"depth": 1, "width": 16, "inducing": 5},
        config=CONFIG,
        out=tmp_path_factory.mktemp("grouped") / "run",
        progress=False,
    )


def test_baselines_of_a_run_with_covariates_have_them_alone(grouped):
    names = [row.name for row in grouped.record.test]
    assert names == [
        "set-transformer++", "constant", "covariates alone", "logistic regression", "gradient boosting",
    ]  # fmt: skip


def test_groups_are_on_one_side_of_the_split(digit_store, grouped):
    split = grouped.record.split
    patient = dict(zip(digit_store.set_ids, digit_store.sets["patient"].to_pylist(), strict=True))
    parts = [{patient[name] for name in part} for part in (split.train, split.validation, split.test)]
    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]
    assert not parts[1] & parts[2]
    assert sorted([*split.train, *split.validation, *split.test]) == sorted(digit_store.set_ids)


def test_covariates_are_standardised_by_the_training_sets(digit_store, grouped):
    assert grouped.record.covariates is not None
    age = dict(zip(digit_store.set_ids, digit_store.sets["age"].to_pylist(), strict=True))
    trained = [age[name] for name in grouped.record.split.train]
    column = grouped.record.covariates.columns[0]
    assert isinstance(column, covariates.Number)
    assert column.mean == pytest.approx(np.mean(trained))
    assert column.std == pytest.approx(np.std(trained))


def test_files_of_a_run(grouped):
    assert {p.name for p in grouped.path.iterdir()} == {
        "model.json", "weights.safetensors", "metrics.jsonl", "held_out.csv", "checkpoints",
    }  # fmt: skip


def test_transforms_see_training_sets_alone(digit_store):
    split = Split(np.arange(5), np.arange(5, 8), np.arange(8, 113))
    run = quick(digit_store, targets="mean", split=split)
    assert run.record.standardiser == Standardiser.fit(digit_store, split.train).to_dict()
    (target,) = run.objective.targets
    assert isinstance(target, Number)
    assert target.mean == pytest.approx(np.mean(digit_store.sets["mean"].to_numpy()[:5]))


def test_several_targets(digit_store):
    run = quick(digit_store, targets=["mean", "largest"])
    assert {"loss", "r2", "mse_mean", "r2_mean", "r2_largest"} < run.record.test[0].metrics.keys()


@pytest.mark.parametrize("target", ["mean", "any_zero"])
def test_eight_sets(digit_store, target):
    store = with_columns(digit_store, 8, mean=[1.0, 2, 3, 4, 5, 6, 7, 8], any_zero=["a", "b"] * 4)
    run = quick(store, targets=target, baselines=True)
    assert len(run.record.test) == 4
    assert all(np.isfinite(value) for row in run.record.test for value in row.metrics.values())


@pytest.mark.parametrize("target", ["mean", "any_zero"])
def test_two_sets_without_other_parts(digit_store, target):
    store = with_columns(digit_store, 2, mean=[1.0, 2], any_zero=["a", "b"])
    run = quick(store, targets=target, validation=0, test=0)
    assert run.record.test == ()
    assert run.test_predictions is None


def test_given_split_is_kept(digit_store):
    words = ["train"] * 50 + ["validation"] * 20 + ["test"] * 43
    store = with_columns(digit_store, mean=digit_store.sets["mean"].to_pylist(), split=words)
    split = quick(store, targets="mean").record.split
    assert [len(part) for part in (split.train, split.validation, split.test)] == [50, 20, 43]
    assert split.train == tuple(store.set_ids[:50])


def test_task_is_found_or_told(digit_store):
    kinds = {name: quick(digit_store, targets=name).objective.kind for name in ("mean", "any_zero", "largest")}
    assert kinds == {"mean": "regression", "any_zero": "classification", "largest": "regression"}
    few = with_columns(digit_store, grade=[i % 3 for i in range(113)], case=[float(i % 2) for i in range(113)])
    assert classes_of(quick(few, targets="grade", task="classification")) == ("0", "1", "2")
    assert classes_of(quick(few, targets="case")) == ("0", "1")


def test_images_and_categories():
    draw = np.random.default_rng(0)
    table = pa.table({"y": draw.normal(size=13)})
    categories = read([draw.integers(0, 5, 1 + i) for i in range(13)], sets=table)
    assert quick(categories, targets="y").record.spec["categories"] == (5,)
    vectors = read([draw.normal(size=(1 + i, 3)) for i in range(13)], sets=table)
    assert quick(vectors, targets="y", config=CONFIG.model_copy(update={"standardise": False}))


def random_state() -> tuple[torch.Tensor, np.ndarray]:
    """Return the state of the random numbers that all of the process share."""
    return torch.get_rng_state(), np.random.get_state(legacy=False)["state"]["key"].copy()  # noqa: NPY002 - what must not move


@dataclass(frozen=True)
class Alike:
    """The same fit in memory and on disk, and the state of shared random numbers before and after them."""

    memory: Run
    disk: Run
    before: tuple[torch.Tensor, np.ndarray]
    after: tuple[torch.Tensor, np.ndarray]


@pytest.fixture(scope="module")
def alike(digit_store, tmp_path_factory) -> Alike:
    before = random_state()
    memory = quick(digit_store, targets="mean", config=CONFIG.model_copy(update={"max_elements": 4}))
    config = CONFIG.model_copy(update={"max_elements": 4, "workers": 1})
    disk = quick(digit_store, targets="mean", config=config, out=tmp_path_factory.mktemp("disk") / "run")
    return Alike(memory, disk, before, random_state())


def test_in_memory_and_on_disk_are_the_same(alike):
    assert same_weights(alike.memory, alike.disk)
    assert alike.memory.record.test == alike.disk.record.test


def test_random_numbers_that_others_share_stay(alike):
    assert torch.equal(alike.after[0], alike.before[0])
    assert np.array_equal(alike.after[1], alike.before[1])


def test_a_run_that_is_loaded_is_the_run(alike):
    loaded = Run.load(alike.disk.path)
    assert same_weights(alike.disk, loaded)
    assert loaded.record == alike.disk.record
    assert loaded.history == alike.disk.history


def test_another_seed_gives_another_model(digit_store, alike):
    other = quick(digit_store, targets="mean", config=CONFIG.model_copy(update={"seed": 1, "max_elements": 4}))
    assert not same_weights(alike.memory, other)


def test_elements_per_batch(digit_store):
    run = quick(digit_store, targets="mean", config=CONFIG.model_copy(update={"elements_per_batch": 29}))
    assert run.history[0].train_loss > 0


def test_nothing_is_printed_where_there_is_no_terminal(digit_store, capfd):
    quick(digit_store, targets="mean")
    assert capfd.readouterr() == ("", "")
    quick(digit_store, targets="mean", progress=True)
    assert "3/3 epochs, left 0:00:00 loss 0." in capfd.readouterr().err


def test_existing_run_is_refused_overwritten_or_resumed(digit_store, tmp_path):
    out = tmp_path / "run"
    first = quick(digit_store, targets="mean", out=out)
    (out / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"run holds a run already\. Name another directory, overwrite"):
        quick(digit_store, targets="mean", out=out)
    resumed = quick(digit_store, targets="mean", out=out, resume=True)
    assert same_weights(first, resumed)
    assert resumed.history == first.history
    with pytest.raises(InputError, match=r"configuration: epochs was 3 and is now 5"):
        quick(digit_store, targets="mean", out=out, resume=True, config=CONFIG.model_copy(update={"epochs": 5}))
    with pytest.raises(InputError, match=r"model: width was 16 and is now 8"):
        quick(digit_store, targets="mean", out=out, resume=True, model_choices={"depth": 2, "width": 8})
    assert same_weights(Run.load(out), first)
    second = quick(digit_store, targets="largest", out=out, overwrite=True)
    assert Run.load(out).objective == second.objective
    assert (out / "notes.txt").read_text() == "mine"


def test_resume_begins_where_nothing_is(digit_store, tmp_path):
    assert quick(digit_store, targets="mean", out=tmp_path / "new", resume=True).record.epochs == 3


def test_resuming_never_throws_away_a_finished_run(digit_store, tmp_path):
    first = quick(digit_store, targets="mean").save(tmp_path / "run")
    with pytest.raises(InputError, match="a run without its checkpoints, so there is nothing to go on from"):
        quick(digit_store, targets="mean", out=tmp_path / "run", resume=True)
    assert same_weights(Run.load(tmp_path / "run"), first)


def test_foreign_directory_is_not_touched(digit_store, tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    for choices in ({}, {"overwrite": True}, {"resume": True}):
        with pytest.raises(InputError, match=r"holds files that are not of a run \(thesis.tex\)"):
            quick(digit_store, targets="mean", out=tmp_path, **choices)
    with pytest.raises(InputError, match="must be a directory, and is a file"):
        quick(digit_store, targets="mean", out=tmp_path / "thesis.tex", overwrite=True)
    with pytest.raises(InputError, match=r"could not be written: Not a directory"):
        quick(digit_store, targets="mean", out=tmp_path / "thesis.tex" / "run")
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_full_disk_keeps_what_was_written(digit_store, tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(InputError, match=r"\.pt could not be written: File too large"):
            quick(digit_store, targets="mean", out=tmp_path / "run")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.rglob("*.partial"))
    resumed = quick(digit_store, targets="mean", out=tmp_path / "run", resume=True)
    assert same_weights(resumed, quick(digit_store, targets="mean"))


def test_ctrl_c_leaves_a_run_that_predicts_and_can_go_on(digit_store, tmp_path):
    out = tmp_path / "run"

    def interrupt() -> None:
        while not (out / "checkpoints" / "last.pt").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    config = CONFIG.model_copy(update={"epochs": 100_000, "patience": None})
    thread = threading.Thread(target=interrupt)
    thread.start()
    run = quick(digit_store, targets="mean", config=config, out=out)
    thread.join()
    assert run.record.status == "interrupted"
    assert 1 <= run.record.best_epoch <= run.record.epochs < 100_000
    assert run.record.test[0].metrics["mse"] > 0
    loaded = Run.load(out)
    assert loaded.record.status == "interrupted"
    assert len(loaded.history) == run.record.epochs


def test_tensorboard(digit_store, tmp_path, monkeypatch):
    quick(digit_store, targets="mean", out=tmp_path / "run", tensorboard=True)
    assert list((tmp_path / "run" / "tensorboard").glob("events*"))
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(InputError, match=r"pip install 'setwise\[tensorboard\]'"):
        quick(digit_store, targets="mean", out=tmp_path / "other", tensorboard=True)


@pytest.mark.parametrize(
    ("columns", "choices", "message"),
    [
        ({"y": [1.0] * 113}, {}, r"target 'y' must differ between sets; it is '1.0' for all 113"),
        ({"y": ["a"] * 113}, {}, r"target 'y' must differ between sets; it is 'a'"),
        ({"y": [1.0, None, 3.0] + [2.0] * 110}, {}, r"'y' .* must have a finite value for every set; 1 of 113"),
        (
            {"y": ["a", None] + ["b"] * 111},
            {},
            r"'y' .* must have a value .a class or a group. for every set; 1 of 113",
        ),
        (
            {"y": ["a", "b"] * 50 + ["c"] * 13, "split": ["train"] * 90 + ["test"] * 23},
            {},
            r"class 'c' of target 'y' is in no training set, so it cannot be learned",
        ),
        (
            {"y": ["a"] * 100 + ["c"] * 13, "split": ["train"] * 90 + ["test"] * 23},
            {},
            r"must have two classes at least among the training sets; all \d+ are 'a'",
        ),
        (
            {"y": [1.0] * 100 + [2.5] * 13, "split": ["train"] * 90 + ["test"] * 23},
            {"task": "regression"},
            r"target 'y' must vary among the training sets; all \d+ have 1",
        ),
        ({"z": [1.0] * 113}, {}, r"the sets have no column 'y'"),
        ({"y": list(range(113))}, {"covariates": ["age"]}, r"the sets have no column 'age'"),
        ({"y": list(range(113))}, {"covariates": ["y"]}, r"covariate 'y' is what is to be predicted"),
        ({"y": list(range(113))}, {"group": "patient"}, r"the sets have no column 'patient'"),
        ({"y": list(range(113))}, {"task": "ranking"}, r"task must be one of 'regression', 'classification'"),
        ({"y": list(range(113))}, {"targets": []}, r"there must be a target"),
        ({"y": list(range(113))}, {"task": {"z": "ordinal"}}, r"task must be said of targets, y; got 'z'"),
        ({"y": list(range(113))}, {"orders": {"y": ["1"]}}, r"an order must be of an ordinal target; 'y' is none"),
        (
            {"y": ["a", "b", "b"] * 37 + ["b", "b"]},
            {"task": "ordinal", "orders": {"y": ["a", "b", "bb"]}},
            r"order of target 'y' must name classes that some set has; none has 'bb'\. The sets have 'a', 'b'\.",
        ),
        ({"y": ["a", "b", "b"] * 37 + ["b", "c"]}, {}, r"class 'c' of target 'y' has one set only, '112'"),
        (
            {"y": ["1.5", "2.5", "7"] * 37 + ["n/d", "7"]},
            {},
            r"text that looks like numbers .* but 1, such as 'n/d' of",
        ),
        (
            {"y": ["1,5", "2,5", "7"] * 37 + ["7", "7"]},
            {},
            r"'y' .* numbers with decimal points; it holds '1,5'\. Write",
        ),
        ({"y": ["1.5", "x"] * 56 + ["1"]}, {"task": "regression"}, r"must hold numbers; that of set '1' is 'x'"),
        (
            {"y": [None] * 112 + [1.0], "z": [2.0] + [None] * 112},
            {"targets": ["y", "z"]},
            r"have none of y, z: '1', '2'",
        ),
        ({"y": ["a", "b"] * 56 + ["a"]}, {"class_weights": {"c": 1.0}}, r"for the classes 'a', 'b'; got {'c': 1.0}"),
        ({"y": list(range(113))}, {"class_weights": "balanced"}, r"class weights need a target of classes"),
        ({"y": list(range(113)), "w": [-1.0] * 113}, {"weight_column": "w"}, r"at least zero; 'w' of set '0' is -1"),
        ({"y": list(range(113)), "w": [0.0] * 113}, {"weight_column": "w"}, r"must be above zero for some"),
        ({"y": list(range(113))}, {"model": "deep-set"}, r"the model's name must be one of"),
        (
            {"y": list(range(113))},
            {"model_choices": {"deep": 3}},
            r"no choice 'deep' to make; there are columns, ",
        ),
        ({"y": list(range(113))}, {"resume": True}, r"need a run directory"),
        ({"y": list(range(113))}, {"validation": 0.5, "test": 0.5}, r"shares from 0 that add up to less than 1"),
        (
            {"y": list(range(113))},
            {"model_choices": {"pool": "sum"}, "config": FitConfig(max_elements=3)},
            r"pool='sum' and max_elements=3 cannot go together",
        ),
    ],
)
def test_bad_input_is_a_clear_error(digit_store, columns, choices, message):
    choices = {"targets": "y", **choices}
    with pytest.raises(InputError, match=message):
        quick(with_columns(digit_store, **columns), **choices)


def test_an_order_may_name_a_class_that_no_training_set_has(digit_store):
    y = ["a", "b"] * 50 + ["c", "a"] * 6 + ["b"]
    split = ["train"] * 90 + ["validation"] * 10 + ["test"] * 13
    store = with_columns(digit_store, y=y, split=split)
    run = quick(store, targets="y", task="ordinal", orders={"y": ["a", "b", "c"]})
    assert classes_of(run) == ("a", "b", "c")


def test_one_set_is_refused(digit_store):
    with pytest.raises(InputError, match=r"at least two sets with a target; got 1"):
        quick(with_columns(digit_store, 1, y=[1.0]), targets="y")


def test_real_molecules(real_data):
    molecules = np.load(real_data / "mil_classic" / "musk1.npz")
    sets = np.split(molecules["x"], np.cumsum(molecules["n"])[:-1])
    config = CONFIG.model_copy(update={"epochs": 20})
    run = train(read(sets, sets=pa.table({"musk": molecules["y"]})), targets="musk", config=config,
                model_choices={"depth": 4, "width": 32})  # fmt: skip
    assert run.record.test[0].metrics["accuracy"] > 0.6


def test_a_column_named_group_is_kept_together_and_told_of(digit_store):
    sets = digit_store.sets.append_column("group", digit_store.sets["patient"])
    config = FitConfig(epochs=1, device="cpu")
    choices = {"depth": 2, "width": 8}
    run = train(digit_store.with_sets(sets), targets="mean", model_choices=choices, config=config, baselines=False)
    group_of = dict(zip(sets["set_id"].to_pylist(), sets["group"].to_pylist(), strict=True))
    split = run.record.split
    parts = [{group_of[name] for name in part} for part in (split.train, split.validation, split.test)]
    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]
    assert not parts[1] & parts[2]
    assert run.record.group == "group"


def test_a_fit_that_fails_leaves_the_run_that_it_was_to_replace(digit_store, tmp_path):
    older = quick(digit_store, targets="mean", out=tmp_path / "run")
    with pytest.raises(InputError, match="no longer a finite number"):
        quick(digit_store, targets="mean", out=tmp_path / "run", overwrite=True, config=DIVERGES)
    assert same_weights(Run.load(tmp_path / "run"), older)
    newer = quick(digit_store, targets="largest", out=tmp_path / "run", overwrite=True)
    assert same_weights(Run.load(tmp_path / "run"), newer)


def test_parts_that_are_given():
    """The column ``group`` is kept in mind, for intervals above all, and no set is in two parts."""
    draw = np.random.default_rng(0)
    sets = [draw.normal(size=(3, 2)) for _ in range(24)]
    columns = {"y": draw.normal(size=24), "group": [f"g{i // 8}" for i in range(24)]}
    fit = {"targets": "y", "model_choices": {"depth": 2, "width": 8}, "config": FitConfig(epochs=1, device="cpu")}
    split = Split(np.arange(8), np.arange(8, 16), np.arange(16, 24))
    assert train(read(sets, sets=columns), split=split, **fit).record.group == "group"
    twice = Split(np.arange(8), np.arange(8, 16), np.arange(15, 24))
    with pytest.raises(InputError, match="must not overlap; row 15 is in two"):
        train(read(sets, sets={"y": columns["y"]}), split=twice, **fit)
