"""Sets too large for a batch are predicted by streaming, among others, with the same numbers."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from setwise.assess.evaluate import evaluate
from setwise.cli import main
from setwise.readers.read import read
from setwise.runs import large_sets
from setwise.runs.config import FitConfig
from setwise.runs.predict import predict
from tests.fixtures.training import train

SIZES = [5, 307, 1, 211, 13]
LIMIT = 4 * 4 * 8 * 200  # bytes: sets of more than 200 elements are streamed at width 8


@pytest.fixture(scope="module")
def store():
    draw = np.random.default_rng(0)
    sets = pa.table({"y": draw.normal(size=5), "age": draw.normal(size=5)})
    elements = [draw.normal(size=(n, 3)).astype(np.float32) for n in SIZES]
    return read(elements, sets=sets, features=["a", "b", "c"])


@pytest.fixture(scope="module", params=["deep-sets++", "set-transformer++"])
def run(request, store):
    config = FitConfig(epochs=1, device="cpu")
    choices = {"depth": 2, "width": 8}
    return train(
        store, targets="y", covariates=["age"], model=request.param, model_choices=choices, config=config,
        validation=0, test=0, baselines=False,
    )  # fmt: skip


@pytest.fixture
def streamed(monkeypatch):
    """Count the elements that were streamed, set by set."""
    seen, stream = [], large_sets.stream
    monkeypatch.setattr(large_sets, "stream", lambda *a, **k: (seen.append(len(a[1])), stream(*a, **k))[1])
    return seen


def numbers(table):
    return table["predicted_y"].to_numpy()


def test_the_same_predictions(run, store, streamed, tmp_path):
    want = numbers(predict(run, store))
    assert streamed == []
    np.testing.assert_allclose(numbers(predict(run, store, memory_limit=LIMIT)), want, rtol=1e-4)
    assert streamed == [307, 211]
    on_disk = store.save(tmp_path / "sets.arrow")
    np.testing.assert_allclose(numbers(predict(run, on_disk, memory_limit=1)), want, rtol=1e-4)
    metrics = evaluate(run, store).metrics
    assert evaluate(run, store, memory_limit=LIMIT).metrics == pytest.approx(metrics, rel=1e-3)


def test_large_sub_samples(run, store, streamed):
    once, again = (numbers(predict(run, store, memory_limit=LIMIT, max_elements=250)) for _ in range(2))
    assert streamed == [250, 211] * 2
    np.testing.assert_array_equal(once, again)
    other = numbers(predict(run, store, memory_limit=LIMIT, max_elements=250, seed=1))
    assert other[1] != once[1]
    np.testing.assert_allclose(np.delete(other, 1), np.delete(once, 1), rtol=1e-5)


def test_command_line(run, store, streamed, tmp_path, capsys):
    run.save(tmp_path / "run")
    store.save(tmp_path / "sets.arrow")
    arguments = ["predict", str(tmp_path / "run"), str(tmp_path / "sets.arrow"), "--out", str(tmp_path / "out.parquet")]
    with pytest.raises(SystemExit) as left:
        main([*arguments, "--memory-limit", "25 KiB"])
    assert left.value.code == 0
    assert streamed == [307, 211]
    np.testing.assert_allclose(
        numbers(pq.read_table(tmp_path / "out.parquet")), numbers(predict(run, store)), rtol=1e-4
    )
    with pytest.raises(SystemExit) as left:
        main([*arguments, "--memory-limit", "little", "--overwrite"])
    assert left.value.code == 2
    assert "such as 2GiB or 500MB; got 'little'" in capsys.readouterr().err
