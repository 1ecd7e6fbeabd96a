"""NumPy files of sets."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from setwise._checks import InputError
from setwise.readers.read import read
from setwise.readers.reading import Reading

REAL = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "mil_classic" / "musk1.npz"
SIZES = np.array([1, 5, 3])


def _save(path, **arrays):
    rng = np.random.default_rng(0)
    given = {"x": rng.normal(size=(9, 2)), "n": SIZES, "y": np.array(["a", "b", "a"])} | arrays
    np.savez(path, **{name: values for name, values in given.items() if values is not None})
    return given


def test_elements_sizes_and_columns_of_the_sets(tmp_path):
    given = _save(
        tmp_path / "a.npz",
        sample=np.array(["p", "q", "r"]),
        split=np.array(["train", "test", "train"]),
        cell_type=np.arange(9),
        score=np.ones((3, 2)),
        channel=np.array(["CD3", "CD4"]),
    )
    store = read(tmp_path / "a.npz", set_id="sample")
    assert store.set_ids == ["p", "q", "r"]
    assert store.features == ("CD3", "CD4")
    assert store.sets.column_names == ["set_id", "y", "split", "score_0", "score_1"]
    assert store.left_out == {"cell_type": "it has one row per element"}
    np.testing.assert_array_equal(store.elements(1), given["x"][1:6].astype(np.float32))
    assert read(tmp_path / "a.npz", features=["CD4"]).elements(0).shape == (1, 1)
    joined = read(tmp_path / "a.npz", set_id="sample", sets=pa.table({"sample": ["r", "q", "p"], "age": [1, 2, 3]}))
    assert joined.sets["age"].to_pylist() == [3, 2, 1]


def test_labels_of_several_classes_carry_their_names(tmp_path):
    _save(tmp_path / "a.npz", y=np.ones((3, 2), np.uint8), class_name=np.array(["wren", "thrush"]))
    assert read(tmp_path / "a.npz").sets.column_names == ["set_id", "wren", "thrush"]


def test_missing_values_and_arcsinh(tmp_path):
    x = np.arange(18.0).reshape(9, 2)
    x[4, 1] = np.nan
    _save(tmp_path / "a.npz", x=x, channel=np.array(["CD3", "SSC-A"]))
    with pytest.raises(InputError, match="NaN"):
        read(tmp_path / "a.npz")
    store = read(tmp_path / "a.npz", reading=Reading(missing="mask", cofactor=5), store=tmp_path / "a.arrow")
    assert store.features == ("CD3", "SSC-A", "SSC-A (missing)")
    values = np.concatenate([store.elements(n) for n in range(3)])
    np.testing.assert_allclose(values[:, 0], np.arcsinh(x[:, 0] / 5), rtol=1e-6)
    assert values[4].tolist() == pytest.approx([np.arcsinh(8 / 5), np.nanmean(x[:, 1]), 1])
    assert not values[np.arange(9) != 4, 2].any()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.arrow", "a.npz"]


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"n": None}, "must hold x, .* and n"),
        ({"n": np.array([4, 4])}, "add up to the 9 rows"),
        ({"n": np.array([0, 9, 0])}, "the smallest is 0"),
        ({"x": np.array(["a"] * 9)}, "x must be numbers"),
        ({"y": np.array([{}, {}, {}], dtype=object)}, "cannot be read"),
    ],
)
def test_files_that_are_refused(tmp_path, arrays, words):
    _save(tmp_path / "a.npz", **arrays)
    with pytest.raises(InputError, match=words):
        read(tmp_path / "a.npz")


def test_damaged_files(tmp_path):
    _save(tmp_path / "a.npz")
    whole = (tmp_path / "a.npz").read_bytes()
    for content in (b"", whole[:100], whole[: len(whole) // 2], b"x" * 50):
        (tmp_path / "b.npz").write_bytes(content)
        with pytest.raises(InputError, match=r"b\.npz"):
            read(tmp_path / "b.npz")


@pytest.mark.skipif(not REAL.is_file(), reason="the real file (shared/data/mil_classic) is not here")
def test_a_real_file():
    store = read(REAL)
    assert (len(store), store.num_elements, store.shape) == (92, 476, (166,))
    assert sorted(set(store.sets["y"].to_pylist())) == [0, 1]


def _jets(count=17, longest=9):
    generator = np.random.default_rng(2)
    sizes = generator.integers(1, longest + 1, count)
    x = generator.gamma(2, size=(count, longest, 4))
    x[np.arange(longest) >= sizes[:, None]] = 0
    return x, sizes


@pytest.mark.parametrize("layout", ["npz", "hdf5"])
@pytest.mark.parametrize("told", ["nothing", "mask", "sizes", "last feature", "NaN"])
def test_padded_arrays_are_read_without_their_padding(tmp_path, layout, told):
    x, sizes = _jets()
    real = np.arange(9) < sizes[:, None]
    arrays = {"X": x, "y": np.arange(17) % 2}
    if told == "mask":
        arrays = {"particle_features": x + 1, "particle_mask": real[:, :, None], "jet_features": np.ones((17, 2))}
    elif told == "sizes":
        arrays |= {"X": x + 1, "n": sizes}
    elif told == "last feature":
        arrays = {"particle_features": np.concatenate([x, real[:, :, None]], 2)}
    elif told == "NaN":
        arrays["X"] = np.where(real[:, :, None], x, np.nan)
    if layout == "npz":
        path = tmp_path / "jets.npz"
        np.savez(path, **arrays)  # pyright: ignore[reportArgumentType] its stub takes the names for its own
    else:
        path = tmp_path / "jets.h5"
        with pytest.importorskip("h5py").File(path, "w") as file:
            for name, array in arrays.items():
                file[name] = array
    store = read(path)
    assert store.sizes.tolist() == sizes.tolist()
    assert store.features == ("x0", "x1", "x2", "x3")
    expected = x[6, : sizes[6]] + (told in ("mask", "sizes"))
    np.testing.assert_array_equal(store.elements(6), expected.astype(np.float32))
    assert len(store.description.notes) == (told in ("nothing", "last feature", "NaN"))
    if told == "mask":
        assert store.sets.column_names == ["set_id", "jet_features_0", "jet_features_1"]
    if told == "nothing":
        assert "at the ends of 1" in store.description.notes[0]
        assert read(path, reading=Reading(padding="keep")).num_elements == 17 * 9
        one = tmp_path / f"one{path.suffix}"
        one.write_bytes(path.read_bytes())
        again = read(one, like=store.description.processing)
        assert again.sizes.tolist() == sizes.tolist()


def test_what_does_not_fit_a_padded_array_is_refused(tmp_path):
    x, sizes = _jets()
    for more, words in [
        ({"n": sizes + 5}, "n must lie between 0 and 9"),
        ({"mask": np.full((17, 9), 3)}, "mask must be 1"),
        ({"mask": (x == 0).all(-1)}, "true where all features are 0"),
        ({"mask": np.arange(17 * 9).reshape(17, 9) % 153 > 8}, "1 of 17 are nothing but padding: '0'"),
    ]:
        np.savez(tmp_path / "a.npz", X=x, **more)
        with pytest.raises(InputError, match=words):
            read(tmp_path / "a.npz")


def test_lists_of_one_length_in_tables_are_recognised_as_padded(tmp_path):
    x, sizes = _jets()
    columns = {name: list(x[:, :, n]) for n, name in enumerate(("pt", "eta", "phi", "e"))}
    table = pa.table({"set_id": np.arange(17).astype(str), "y": np.arange(17.0), **columns})
    store = read(table, store=tmp_path / "jets.arrow")
    assert store.sizes.tolist() == sizes.tolist()
    assert "as padding is, and are left out (--padding keep takes them)" in store.description.notes[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["jets.arrow"]
    assert read(table, reading=Reading(padding="keep")).num_elements == 17 * 9
    with pytest.raises(InputError, match="padding must be drop, as when the model was fitted"):
        read(table, like=store.description.processing, reading=Reading(padding="keep"))
