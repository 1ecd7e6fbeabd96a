import numpy as np
import pyarrow.csv
import pytest

from setwise._checks import InputError
from setwise.explanations.config import ExplainConfig
from setwise.explanations.copies import copy_with_scores
from setwise.explanations.explain import explain
from setwise.readers.fcs.file import open_fcs
from setwise.readers.fcs.write import write_fcs
from setwise.readers.read import read
from setwise.readers.request import ReadRequest

from .conftest import fit


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """Write a folder of FCS files in two subfolders, two of them with one name."""
    folder, rng = tmp_path_factory.mktemp("samples"), np.random.default_rng(0)
    names, states = [], []
    for i in range(13):
        path = folder / ("a" if i < 7 else "b") / f"tube{i % 7}.fcs"
        path.parent.mkdir(exist_ok=True)
        write_fcs(path, rng.normal(100 * (i % 2), 50, (11 + i, 3)), ["CD3", "CD4", "Time"])
        names.append(f"{path.parent.name}/{path.name}")
        states.append("sick" if i % 2 else "well")
    table = pyarrow.table({"set_id": [f"p{i}" for i in range(13)], "file": names, "state": states})
    pyarrow.csv.write_csv(table, folder / "samples.csv")
    return folder


@pytest.fixture(scope="module")
def run(samples):
    store = read(samples, sets=samples / "samples.csv")
    choices = {"depth": 2, "width": 8}
    return store, fit(store, epochs=2, model="deep-sets", model_choices=choices)


def test_copies_hold_events_and_scores(samples, run, tmp_path):
    store, fitted = run
    found = explain(fitted, store, config=ExplainConfig(orders=2, draws=2, steps=4), only=["p6", "p8"], device="cpu")
    copies = copy_with_scores(found, samples, ReadRequest.of(sets=samples / "samples.csv"), tmp_path)
    assert {path.name for path in copies} == {"tube6.fcs", "p8.fcs"}
    scores = found.scores.to_pandas()
    for path, name, original in zip(copies, ("p6", "p8"), ("a/tube6.fcs", "b/tube1.fcs"), strict=True):
        copy, old = open_fcs(path), open_fcs(samples / original)
        assert [channel.name for channel in copy.channels][3:] == ["leave_one_out", "integrated_gradients"]
        events = np.concatenate(list(copy.read()))
        np.testing.assert_array_equal(events[:, :3], np.concatenate(list(old.read())))
        own = scores[scores.set_id == name]
        np.testing.assert_allclose(events[:, 3], own.leave_one_out, rtol=1e-6)
        np.testing.assert_allclose(events[:, 4], own.integrated_gradients, rtol=1e-6)


def test_events_without_a_score_are_marked(samples, run, tmp_path):
    store, fitted = run
    config = ExplainConfig(orders=2, draws=2, max_elements=5, methods=("leave_one_out",))
    found = explain(fitted, store, config=config, only=["p5"], device="cpu")
    (path,) = copy_with_scores(found, samples, ReadRequest.of(sets=samples / "samples.csv"), tmp_path)
    copy = open_fcs(path)
    events = np.concatenate(list(copy.read()))
    assert [channel.name for channel in copy.channels][3:] == ["leave_one_out", "scored"]
    assert np.flatnonzero(events[:, 4]).tolist() == found.scores["element"].to_pylist()
    assert (events[events[:, 4] == 0, 3] == 0).all()


def test_other_sources_have_nothing_to_copy(samples, run, tmp_path):
    store, fitted = run
    config = ExplainConfig(orders=2, draws=2, methods=("leave_one_out",))
    found = explain(fitted, store, config=config, only=["p5"], device="cpu")
    with pytest.raises(InputError, match="neither"):
        copy_with_scores(found, samples / "samples.csv", ReadRequest(), tmp_path)
