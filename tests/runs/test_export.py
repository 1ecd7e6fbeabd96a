"""Exported files predict what the run predicts, from raw elements, for other sizes than those exported with."""

import json
import resource

import numpy as np
import onnx
import onnxruntime
import pyarrow as pa
import pytest
import torch

from setwise._checks import InputError
from setwise.cli import main
from setwise.readers.read import read
from setwise.runs import export
from setwise.runs.config import FitConfig
from setwise.runs.packed import PackedPredictor
from setwise.runs.predict import predict
from tests.fixtures.training import train

SIZES = [13, 1, 2, 29, 7, 1, 3]
BACKENDS = ("onnx", "torch")
SLOW_ONNX = (pytest.param("onnx", marks=pytest.mark.slow), "torch")
SLOW_TORCH = ("onnx", pytest.param("torch", marks=pytest.mark.slow))  # a file of ONNX is made from torch's program


def make_store(elements=None):
    draw = np.random.default_rng(0)
    count = len(SIZES)
    if elements is None:
        elements = [(draw.normal(size=(n, 3)) * [1, 50, 0.1] + [0, 300, 7]).astype(np.float32) for n in SIZES]
    sets = {"y": draw.normal(size=count) * 30 + 100, "z": draw.normal(size=count), "age": draw.normal(50, 9, count)}
    table = pa.table({**sets, "kind": ["a", "b"] * 3 + ["a"]})
    return read(elements, sets=table, features=["u", "v", "w"] if elements[0].ndim == 2 else None)


def make_run(store, model="deep-sets++", targets=("y",), *, ensemble=1, **choices):
    config = FitConfig(epochs=1, device="cpu", batch_size=3, ensemble=ensemble)
    choices = {"depth": 2, "width": 8, **choices}
    covariates = choices.pop("covariates", ())
    return train(
        store, targets=targets, covariates=covariates, model=model, model_choices=choices, config=config,
        validation=0, test=0, baselines=False,
    )  # fmt: skip


def predictions(path, backend, inputs):
    """Return the predictions of an exported file, and its description of itself."""
    if backend == "torch":
        files = {"setwise.json": ""}
        program = torch.export.load(path, extra_files=files).module()
        return program(*map(torch.as_tensor, inputs)).detach().numpy(), json.loads(files["setwise.json"])
    names = ["elements", "sizes", "covariates"]
    session = onnxruntime.InferenceSession(path)
    found = session.run(["predictions"], dict(zip(names, inputs, strict=False)))[0]
    assert isinstance(found, np.ndarray)
    return found, json.loads(session.get_modelmeta().custom_metadata_map["setwise.json"])


def save(run, path, backend):
    return (export.save_onnx if backend == "onnx" else export.save_program)(run, path)


def check(run, store, backend, path):
    assert save(run, path, backend) < 1e-4
    names = list(run.inputs.covariates.names) if run.inputs.covariates else []
    covariates = np.stack([store.sets[name].to_numpy() for name in names], 1).astype(np.float32) if names else None
    table = predict(run, store)
    for first in (0, 1, len(SIZES) - 1):  # all sets, some, one of them; a batch of one element
        rows = range(first, len(SIZES))
        inputs = [np.concatenate([store.elements(row) for row in rows]), np.array([SIZES[row] for row in rows])]
        inputs += [] if covariates is None else [covariates[first:]]
        found, said = predictions(path, backend, inputs)
        want = np.stack([table[name].to_numpy() for name in said["output"]["columns"]], 1)[first:]
        np.testing.assert_allclose(found, want, atol=1e-4 * np.abs(want).max())
    one, _ = predictions(path, backend, [x[:1] for x in (inputs[0], np.array([1]), *inputs[2:])])
    assert one.shape == (1, len(said["output"]["columns"]))
    return said


@pytest.mark.parametrize("backend", SLOW_ONNX)
@pytest.mark.parametrize("model", ["deep-sets++", pytest.param("set-transformer++", marks=pytest.mark.slow)])
def test_regression_with_covariates(model, backend, tmp_path):
    store = make_store()
    run = make_run(store, model, targets=["y", "z"], covariates=["age"])
    said = check(run, store, backend, tmp_path / "model.onnx")
    assert said["inputs"]["elements"]["features"] == ["u", "v", "w"]
    assert said["inputs"]["covariates"]["names"] == ["age"]
    assert [head["target"] for head in said["objective"]["heads"]] == ["y", "z"]
    assert run.inputs.standardiser is not None
    assert said["standardiser"] == run.inputs.standardiser.to_dict()
    assert said["fingerprint"] == store.fingerprint


@pytest.mark.parametrize("choices", [{"pool": "max", "norm": "layer"}, {"pool": "attention", "residual": "max"}])
def test_classification_on_other_models(choices, tmp_path):
    store = make_store()
    said = check(make_run(store, targets="kind", **choices), store, "onnx", tmp_path / "model.onnx")
    assert said["output"]["columns"] == ["probability_a", "probability_b"]


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("norm", ["none", "set", "layer", "feature"])
@pytest.mark.parametrize("model", ["deep-sets", "deep-sets++", "set-transformer", "set-transformer++"])
def test_every_model_and_norm(model, norm, backend, tmp_path):
    store = make_store()
    check(make_run(store, model, norm=norm), store, backend, tmp_path / "model.onnx")


@pytest.mark.parametrize("backend", SLOW_ONNX)
def test_categories(backend, tmp_path):
    draw = np.random.default_rng(1)
    store = make_store([draw.integers(0, 5, n) for n in SIZES])
    check(make_run(store), store, backend, tmp_path / "model.onnx")


@pytest.mark.parametrize("backend", SLOW_TORCH)
def test_images(backend, tmp_path):
    draw = np.random.default_rng(2)
    store = make_store([draw.normal(size=(n, 1, 46, 46)).astype(np.float32) for n in SIZES])
    check(make_run(store), store, backend, tmp_path / "model")


@pytest.mark.parametrize("backend", SLOW_TORCH)
@pytest.mark.parametrize("model", ["deep-sets++", pytest.param("set-transformer++", marks=pytest.mark.slow)])
def test_targets_of_several_kinds(model, backend, tmp_path):
    store = make_store()
    said = check(make_run(store, model, ("y", "kind", "z"), covariates=("age",)), store, backend, tmp_path / "model")
    assert said["output"]["columns"] == ["predicted_y", "probability_a", "probability_b", "predicted_z"]


@pytest.mark.slow
def test_attention_costs_no_products_between_sets(tmp_path):
    export.save_onnx(make_run(make_store(), "set-transformer++", inducing=5), tmp_path / "model")
    session = onnxruntime.InferenceSession(tmp_path / "model")
    few = [np.ones((n, 3), np.float32) for n in (2000, 2000)]
    many = np.concatenate(few * 100)  # 400,000 elements and 1,000 points, each with each, would be 6.4 GB of logits
    found = session.run(None, {"elements": many, "sizes": np.full(200, 2000)})[0]
    assert isinstance(found, np.ndarray)
    np.testing.assert_allclose(found, np.broadcast_to(found[:1], found.shape), rtol=1e-4)


@pytest.fixture(scope="module")
def run():
    """Fit a run that tests read and do not change."""
    return make_run(make_store())


@pytest.fixture(scope="module")
def program(run):
    return export.to_program(run)


def test_what_disagrees_is_not_written(run, program, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "to_program", lambda _: program)
    monkeypatch.setattr(export, "_TOLERANCE", -1)  # nothing is as close
    with pytest.raises(RuntimeError, match="predictions differ from the run's"):
        export.save_program(run, tmp_path / "model.pt2")
    assert not list(tmp_path.iterdir())


def test_a_file_that_finds_no_room_is_refused(run, program, tmp_path, monkeypatch):
    """A file that finds no room is refused: where torch writes itself, that ends the process."""
    monkeypatch.setattr(export, "to_program", lambda _: program)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 12, limits[1]))
    try:
        with pytest.raises(InputError, match=r"run\.pt2 could not be written: File too large"):
            export.save_program(run, tmp_path / "run.pt2")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.iterdir())


def test_missing_packages_are_named(run, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "find_spec", lambda name: None if name == "onnxscript" else object())
    with pytest.raises(ValueError, match=r"need onnxscript\. Install them: pip install 'setwise\[onnx\]'"):
        export.save_onnx(run, tmp_path / "model.onnx")


def test_the_run_stays_as_it_was(run):
    before = {name: value.clone() for name, value in run.model.state_dict().items()}
    PackedPredictor(run)
    export.to_program(run)
    assert not run.model.training
    assert run.model.state_dict().keys() == before.keys()
    assert all(torch.equal(value, before[name]) for name, value in run.model.state_dict().items())


@pytest.fixture
def call(run, tmp_path, capsys):
    """Export a run by the command line: arguments in, exit code and output out."""
    run.save(tmp_path / "run")

    def _call(*arguments):
        with pytest.raises(SystemExit) as left:
            main(["export", str(tmp_path / "run"), *map(str, arguments)])
        return left.value.code, capsys.readouterr()

    return _call


def test_the_command_line_writes_a_program_beside_the_run_once(call, tmp_path):
    code, said = call("--torch", "--json")
    assert code == 0
    assert json.loads(said.out)["out"] == str(tmp_path / "run" / "model.pt2")
    assert (tmp_path / "run" / "model.pt2").is_file()
    assert call("--torch")[0] == 2


def test_the_command_line_refuses_two_formats(call, tmp_path):
    assert call("--torch", "--out", tmp_path / "model.onnx")[0] == 2
    assert call("--torch", "--onnx")[0] == 2


def test_the_command_line_says_how_far_onnx_differs_and_writes_a_valid_file(call, tmp_path):
    path = tmp_path / "new" / "model.onnx"
    path.parent.mkdir()
    code, said = call("--onnx", "--out", path)
    assert code == 0
    assert "differs from the run by" in said.out
    assert said.err == ""
    onnx.checker.check_model(onnx.load(path), full_check=True)
    assert [p.name for p in path.parent.iterdir()] == ["model.onnx"]


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("target", ["y", pytest.param("kind", marks=pytest.mark.slow)])
def test_ensembles(backend, target, tmp_path):
    store = make_store()
    check(make_run(store, targets=[target], ensemble=2), store, backend, tmp_path / "model.onnx")
