"""The summary is a choice of the families on summaries of sets, through everything that runs go."""

import numpy as np
import pyarrow as pa
import pytest
import torch

import setwise as sw
from setwise._checks import InputError
from setwise.fit.study import Study
from setwise.models import spec_from_dict
from setwise.readers.read import read
from setwise.runs.config import FitConfig
from setwise.runs.export import save_onnx
from setwise.runs.large_sets import outputs_of_large
from setwise.runs.outputs import predictions_of
from setwise.runs.run import Run
from setwise.variants import SUMMARIES

pytestmark = pytest.mark.filterwarnings("ignore:Lazy modules:UserWarning")
ALL = "+".join(SUMMARIES)


def store_of(count=53):
    draw = np.random.default_rng(0)
    kind = draw.integers(0, 3, count)
    sets = [draw.normal(0, 1 + kind[i], (draw.integers(1, 17), 3)) for i in range(count)]
    return read(sets, sets=pa.table({"kind": ["abc"[value] for value in kind], "age": draw.normal(50, 9, count)}))


def fitted(summary, store, model="linear", **config):
    config = FitConfig(device="cpu", **{"ensemble": 2, "batch_size": 7, **config})
    study = Study(targets="kind", covariates=("age",), model=model, model_choices={"summary": summary}, config=config)
    return sw.train(store, study, baselines=False, intervals=False)


@pytest.mark.parametrize("summary", [*SUMMARIES, ALL])
def test_runs_are_saved_and_stream_and_predict_well(summary, tmp_path):
    store = store_of()
    run = fitted(summary, store)
    predicted = predictions_of(run, store, np.arange(len(store)))
    truth = ["abc".index(label) for label in store.sets["kind"].to_pylist()]
    assert (predicted.argmax(1) == truth).mean() > (0.4 if summary == "correlations" else 0.7)
    run.save(tmp_path / "run")
    loaded = Run.load(tmp_path / "run")
    assert loaded.record.spec["summary"] == summary
    assert np.array_equal(predictions_of(loaded, store, np.arange(len(store))), predicted)
    for row in (0, 3):
        found = loaded.objective.predict(outputs_of_large(loaded, store, row).mean(1))
        np.testing.assert_allclose(found.argmax(), predicted[row].argmax())


def test_streamed_sets_have_the_same_outputs():
    store = store_of()
    run = fitted(ALL, store, ensemble=1)
    want = predictions_of(run, store, np.arange(len(store)))
    for row in (0, 3, 11):
        found = run.objective.predict(outputs_of_large(run, store, row))
        np.testing.assert_allclose(found[0], want[row], rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_exports_say_the_same(tmp_path):
    assert (
        save_onnx(fitted("codebook+fourier+fisher+correlations", store_of(), ensemble=1), tmp_path / "run.onnx") < 1e-4
    )


def test_runs_in_float64_are_saved(tmp_path):
    store = store_of()
    run = fitted(ALL, store, "kernel", ensemble=1, precision="64-true")
    run.save(tmp_path / "run")
    loaded = Run.load(tmp_path / "run")
    assert loaded.dtype == torch.float64
    before, after = (predictions_of(one, store, np.arange(9)) for one in (run, loaded))
    assert np.array_equal(before, after)


def test_sets_of_categories_and_images_have_all_summaries():
    draw = np.random.default_rng(3)
    kinds = draw.integers(0, 2, 40)
    words = [draw.choice(3, draw.integers(3, 9), p=[0.6, 0.3, 0.1] if k else [0.1, 0.3, 0.6]) for k in kinds]
    images = [draw.normal(0, 1 + 2 * k, (draw.integers(1, 5), 4, 25)).astype(np.float32) for k in kinds]
    table = pa.table({"kind": [("a", "b")[k] for k in kinds], "age": draw.normal(50, 9, 40)})
    for sets in (words, images):
        store = read(sets, sets=table)
        predicted = predictions_of(fitted(ALL, store), store, np.arange(40))
        assert (predicted.argmax(1) == kinds).mean() > 0.7


def test_runs_from_before_there_was_a_choice_have_moments():
    spec = spec_from_dict({"family": "linear", "in_features": 3, "out_features": 1, "heads": [["number", 1]]})
    assert spec.to_dict()["summary"] == "moments"
    assert list(sw.models.build_from_spec(spec).state_dict(keep_vars=True)) == ["heads.0.0.weight", "heads.0.0.bias"]


@pytest.mark.parametrize(
    ("summary", "message"), [("spread", "summary must be"), ("moments+moments", "each word once"), ("", "summary must")]
)
def test_other_words_are_refused(summary, message):
    with pytest.raises(InputError, match=message):
        sw.models.make_spec("linear", 3, 1, summary=summary)


def test_a_summary_without_numbers_is_refused():
    sets = [np.arange(1.0 + i % 3)[:, None] for i in range(30)]
    store = read(sets, sets=pa.table({"kind": ["ab"[i % 2] for i in range(30)]}))
    study = Study(targets="kind", model="linear", model_choices={"summary": "correlations"})
    with pytest.raises(InputError, match="no numbers"):
        sw.train(store, study, baselines=False)


def test_the_model_says_how_much_it_holds():
    spec = sw.models.make_spec("linear", 3, 1, summary="moments+fourier")
    assert spec.numbers_of_element(3) == 384
    assert sw.models.make_spec("extra-trees", 3, 1).numbers_of_element(3) == 3
