"""Runs in directories: whole, checked, and without code."""

import json
from dataclasses import replace

import pyarrow.csv
import pytest
import torch

from setwise._checks import InputError
from setwise.runs.config import FitConfig
from setwise.runs.held_out_table import predicted_in, read_held_out, truth_in, with_groups
from setwise.runs.record import FORMAT
from setwise.runs.run import Run
from setwise.targets.metrics import score
from tests.fixtures.training import train


@pytest.fixture(scope="module")
def trained(digit_store) -> Run:
    config, choices = FitConfig(epochs=2, device="cpu"), {"depth": 2, "width": 8}
    return train(
        digit_store,
        targets="any_zero",
        covariates=["age"],
        model_choices=choices,
        config=config,
        validation=0.15,
    )


@pytest.mark.parametrize("precision", ["32-true", "64-true", "bf16-true"])
def test_saved_and_loaded(digit_store, tmp_path, precision):
    config = FitConfig(epochs=2, device="cpu", precision=precision)
    run = train(digit_store, targets="mean", model_choices={"depth": 2, "width": 8}, config=config, baselines=False)
    assert run.dtype == (torch.float64 if precision == "64-true" else torch.float32)
    saved = run.save(tmp_path / "run")
    loaded = Run.load(tmp_path / "run")
    assert run.path is None
    assert loaded.path == saved.path == tmp_path / "run"
    assert loaded.record == saved.record
    assert loaded.history == run.history
    assert loaded.inputs == run.inputs
    for name, value in run.model.state_dict().items():
        assert torch.equal(loaded.model.state_dict()[name], value)
        assert loaded.model.state_dict()[name].dtype == value.dtype


def test_record_tells_everything(trained, digit_store):
    record = json.loads(trained.record.model_dump_json())
    assert record["features"] == list(digit_store.features)
    assert [column["name"] for column in record["covariates"]["columns"]] == ["age"]
    assert record["objective"]["heads"][0]["classes"] == ["no", "yes"]
    assert record["config"]["seed"] == 0
    assert record["fingerprint"] == digit_store.fingerprint
    assert {"setwise", "torch", "python", "numpy"} < record["versions"].keys()
    assert len(record["split"]["train"]) + len(record["split"]["test"]) < 113
    assert [row["name"] for row in record["test"]][1:] == [
        "constant",
        "covariates alone",
        "logistic regression",
        "gradient boosting",
    ]
    assert record["num_parameters"] == sum(p.numel() for p in trained.model.parameters())


def test_save_refuses_and_overwrites(trained, tmp_path):
    trained.save(tmp_path / "run")
    with pytest.raises(InputError, match="holds a run already"):
        trained.save(tmp_path / "run")
    (tmp_path / "run" / "metrics.jsonl").unlink()
    trained.save(tmp_path / "run", overwrite=True)
    assert Run.load(tmp_path / "run").history == trained.history


def _flip(content: bytes) -> bytes:
    return content[:-7] + bytes([content[-7] ^ 1]) + content[-6:]


def _edited(**changes: object):
    return lambda content: json.dumps({**json.loads(content), **changes}).encode()


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("weights.safetensors", None, r"damaged: weights.safetensors is missing"),
        (
            "weights.safetensors",
            lambda content: content[:-10],
            r"weights.safetensors is damaged, or belongs to another",
        ),
        ("weights.safetensors", _flip, r"checksum is not the recorded one"),
        ("model.json", None, r"is not a finished run: it has no model.json"),
        ("model.json", lambda content: content[:-10], r"model.json is damaged"),
        ("model.json", lambda content: b"", r"model.json is damaged"),  # noqa: ARG005
        ("model.json", lambda content: b"\xff\xfe{}", r"model.json is damaged"),  # noqa: ARG005
        (
            "model.json",
            _edited(format=FORMAT + 1, news=1),
            r"newer version of setwise \(run format \d+, this version reads up to \d",
        ),
        ("model.json", _edited(objective={"kind": "regression"}), r"model.json is damaged: objective"),
        ("model.json", _edited(spec={"family": "os.system"}), r"model.json is damaged: spec: family must be one of"),
        ("model.json", _edited(spec={}), r"model.json is damaged: spec"),
        ("model.json", _edited(standardiser={"mean": [0.0]}), r"model.json is damaged: standardiser"),
        ("metrics.jsonl", lambda content: content + b"{", r"metrics.jsonl, line 3, is damaged"),
    ],
)
def test_damage_is_named(trained, tmp_path, name, damage, message):
    path = tmp_path / "run" / name
    trained.save(tmp_path / "run")
    content = path.read_bytes()
    path.unlink()
    if damage is not None:
        path.write_bytes(damage(content))
    with pytest.raises(InputError, match=message):
        Run.load(tmp_path / "run")


def test_weights_of_another_shape_are_refused(trained, tmp_path):
    run = trained.save(tmp_path / "run")
    spec = {**run.record.spec, "width": 16}
    path = tmp_path / "run" / "model.json"
    path.write_bytes(_edited(spec=spec)(path.read_bytes()))
    with pytest.raises(InputError, match="does not fit the specification"):
        Run.load(tmp_path / "run")


def test_missing_directory(tmp_path):
    with pytest.raises(InputError, match="there is no run directory"):
        Run.load(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("features", {"features": ["x0"]}),
        ("features", {"standardiser": {"mean": [0.0], "std": [1.0]}}),
        ("covariates", {"covariates": {"names": ["age"], "mean": [0.0, 1.0], "std": [1.0]}}),
        ("targets", {"objective": {"kind": "regression", "targets": ["a"], "mean": [0.0, 1.0], "std": [1.0]}}),
    ],
)
def test_a_record_whose_parts_do_not_fit_is_damaged(trained, tmp_path, part, change):
    path = trained.save(tmp_path / "run").path / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=rf"damaged: .*{part} must have"):
        Run.load(path.parent)


def test_held_out_predictions_are_a_table_that_gives_the_metrics_again(trained, digit_store, tmp_path):
    run = trained.save(tmp_path / "run")
    table = read_held_out(tmp_path / "run", run.objective, "patient")
    assert set(table["set_id"].to_pylist()) == set(run.record.split.test)
    assert pyarrow.csv.read_csv(tmp_path / "run" / "held_out.csv").column_names == table.column_names
    found = score(run.objective, predicted_in(table, run.objective), truth_in(table, run.objective))
    assert found == pytest.approx(run.record.test[0].metrics)
    grouped = with_groups(table, digit_store, "patient")
    assert grouped.column_names[:3] == ["set_id", "size", "patient"]
    patients = dict(zip(digit_store.set_ids, digit_store.sets["patient"].to_pylist(), strict=True))
    assert [patients[name] for name in table["set_id"].to_pylist()] == grouped["patient"].to_pylist()


def test_held_out_predictions_go_with_the_run_they_are_of(trained, tmp_path):
    first = trained.save(tmp_path / "run")
    Run.load(tmp_path / "run").save(tmp_path / "copy")
    there = (tmp_path / "copy" / "held_out.csv").read_bytes()
    assert there == (tmp_path / "run" / "held_out.csv").read_bytes()
    replace(first, record=first.record.model_copy(update={"test": ()}), test_predictions=None).save(tmp_path / "run")
    with pytest.raises(InputError, match="held no sets out"):
        read_held_out(tmp_path / "run", first.objective, None)
