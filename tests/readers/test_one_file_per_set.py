"""Files of one set each that hold more than the elements: coordinates, labels, several arrays."""

import h5py
import numpy as np
import pytest
import torch

from setwise import explain
from setwise._checks import InputError
from setwise.explanations.config import ExplainConfig
from setwise.readers.read import read
from setwise.readers.reading import Reading
from tests.fixtures.training import train

SIZES = (5, 3)


def _write(path, arrays):
    if path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            for name, x in arrays.items():
                file[name] = x
    elif path.suffix == ".npz":
        np.savez(path, **arrays)
    else:
        torch.save({name: torch.from_numpy(x) for name, x in arrays.items() if x.dtype.kind != "S"}, path)


@pytest.fixture
def sets():
    rng = np.random.default_rng(0)
    return [
        {
            "features": rng.normal(size=(n, 7)).astype(np.float32),
            "coords": rng.integers(0, 9, (n, 2)),
            "score": rng.normal(size=n),
        }
        for n in SIZES
    ]


@pytest.mark.parametrize("suffix", [".h5", ".npz", ".pt"])
@pytest.mark.parametrize("batched", [False, True])
@pytest.mark.parametrize("on_disk", [False, True])
def test_coordinates_lie_beside_the_features(tmp_path, sets, suffix, batched, on_disk):
    (tmp_path / "slides").mkdir()
    for number, own in enumerate(sets):
        features = own["features"][None] if batched else own["features"]
        _write(tmp_path / "slides" / f"s{number}{suffix}", own | {"features": features})
    store = read(tmp_path / "slides", labels=["score"], store=tmp_path / "s.arrow" if on_disk else None)
    assert store.shape == (7,)
    for row, own in enumerate(sets):
        np.testing.assert_array_equal(store.elements(row), own["features"])
    expected = np.concatenate([own["coords"] for own in sets])
    for axis in range(2):
        np.testing.assert_array_equal(store.labels[f"coords_{axis}"].to_numpy(), expected[:, axis])
        assert "kept beside the elements" in store.left_out[f"coords_{axis}"]
    np.testing.assert_array_equal(store.labels["score"].to_numpy(), np.concatenate([x["score"] for x in sets]))
    alone = read(tmp_path / "slides")
    assert list(alone.labels) == ["coords_0", "coords_1"]
    assert alone.left_out["score"] == "it has one value per element"


def test_scores_of_elements_have_their_coordinates(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(20):
        own = {"features": rng.normal(number % 2, 1, (5, 2)), "coords": rng.integers(0, 99, (5, 2))}
        _write(tmp_path / f"s{number:02d}.npz", own)
    table = {"slide": [f"s{number:02d}.svs" for number in range(20)], "y": ["no", "yes"] * 10}
    store = read(tmp_path, sets=table, reading=Reading(file_column="slide"))
    run = train(store, targets=["y"], model="linear")
    found = explain(run, store, config=ExplainConfig(draws=2, orders=2), only=["s03"])
    np.testing.assert_array_equal(found.scores["coords_0"].to_numpy(), store.labels["coords_0"].to_numpy()[15:20])


def test_one_such_file_is_one_set(tmp_path, sets):
    _write(tmp_path / "s0.h5", sets[0])
    store = read(tmp_path / "s0.h5")
    assert (store.set_ids, store.num_elements) == (["s0"], 5)
    with h5py.File(tmp_path / "padded.h5", "w") as file:
        file["first"], file["y"] = np.ones((5, 3, 2)), np.ones(5)
    with pytest.raises(InputError, match=r"'train_data' .* or 'features' .* holds first, y\. Rename the data set"):
        read(tmp_path / "padded.h5")


def test_what_does_not_go_together_is_refused(tmp_path, sets):
    _write(tmp_path / "s0.npz", sets[0] | {"coords": np.ones((4, 2))})
    with pytest.raises(InputError, match="coords must have a row for each of the 5 elements of features; it has 4"):
        read([tmp_path / "s0.npz"])
    _write(tmp_path / "s0.npz", {"x": np.ones((5, 2)), "n": np.array([2, 3])})
    with pytest.raises(InputError, match="holds many sets, with their sizes n"):
        read([tmp_path / "s0.npz"])
    _write(tmp_path / "s0.npz", sets[0])
    _write(tmp_path / "s1.npz", {"features": sets[1]["features"]})
    store = read([tmp_path / "s0.npz", tmp_path / "s1.npz"])
    assert not store.labels
    assert store.left_out["coords_0"] == "it is no feature, and s1.npz has none"
    with pytest.raises(InputError, match=r"s1\.npz has no labels 'score'"):
        read([tmp_path / "s0.npz", tmp_path / "s1.npz"], labels=["score"])
    assert read([tmp_path / "s0.npz"], reading=Reading(skip_bad=True)).set_ids == ["s0"]
