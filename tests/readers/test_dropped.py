"""Sets without a target or without elements are left out where that is asked for, by name."""

import numpy as np
import pyarrow as pa
import pytest

from setwise._checks import InputError
from setwise.readers.fcs.write import write_fcs
from setwise.readers.read import read
from setwise.readers.reading import Reading

UNLABELLED, EMPTY = Reading(drop_unlabelled=True), Reading(drop_empty=True)
CELLS = pa.table(
    {"set_id": np.repeat(["a", "b", "c", "d"], (2, 3, 1, 4)), "x": np.random.default_rng(0).normal(size=10)}
)


def _sets(**columns):
    return pa.table({"set_id": list(columns.pop("ids", "abcd")), **columns})


@pytest.mark.parametrize("y", [["u", None, "v", ""], [1.0, np.nan, 2.0, None]])
@pytest.mark.parametrize("on_disk", [False, True])
def test_sets_without_a_target(tmp_path, y, on_disk):
    store = tmp_path / "s.arrow" if on_disk else None
    found = read(CELLS, sets=_sets(y=y), targets=["y"], reading=UNLABELLED, store=store)
    assert found.set_ids == ["a", "c"]
    assert found.sizes.tolist() == [2, 1]
    np.testing.assert_array_equal(found.elements(1), np.float32(CELLS["x"].to_numpy()[5:6, None]))
    assert found.description.skipped == {"b": "it has no y", "d": "it has no y"}
    assert len(read(CELLS, sets=_sets(y=y), targets=["y"])) == 4
    assert [path.name for path in tmp_path.iterdir()] == ["s.arrow"] * on_disk
    with pytest.raises(InputError, match="no set is left: all 4 sets were left out"):
        read(CELLS, sets=_sets(y=pa.nulls(4, "f8")), targets=["y"], reading=UNLABELLED)


def test_one_of_several_targets_is_enough_but_an_event_is_needed():
    sets = _sets(y=[1.0, None, None, 2.0], z=[None, "u", None, "v"], died=[1, 0, 1, None])
    assert read(CELLS, sets=sets, targets=["y", "z"], reading=UNLABELLED).set_ids == ["a", "b", "d"]
    assert read(CELLS, sets=sets, targets=["y"], needed=["died"], reading=UNLABELLED).set_ids == ["a"]


def test_tables_with_fewer_and_with_more_rows():
    fewer, more = _sets(ids="dca", y=[1, 2, 3]), _sets(ids="dceba", y=range(5))
    found = read(CELLS, sets=fewer, targets=["y"], reading=UNLABELLED)
    assert found.set_ids == ["a", "c", "d"]
    assert found.description.skipped == {"b": "the table of sets has no row for it"}
    for reading in (UNLABELLED, EMPTY):
        found = read(CELLS, sets=more, targets=["y"], reading=reading)
        assert found.set_ids == ["a", "b", "c", "d"]
        assert found.description.skipped == {"e": "the table of sets has a row for it, and it has no elements"}
    with pytest.raises(InputError, match=r"1 of 4 sets with elements have none: 'b'.*--drop-unlabelled"):
        read(CELLS, sets=fewer, reading=EMPTY)
    with pytest.raises(InputError, match=r"1 of 5 sets have none: 'e'.*--drop-empty"):
        read(CELLS, sets=more)
    with pytest.raises(InputError, match="4 of 4 sets with elements have none"):
        read(CELLS, sets=_sets(ids="xyz", y=[1, 2, 3]), targets=["y"], reading=UNLABELLED)


def test_empty_lists_arrays_and_files(tmp_path):
    nested = pa.table({"set_id": ["a", "b", "c"], "x": [[1.0, 5.0], [], [2.0]], "y": [1, 2, 3]})
    with pytest.raises(InputError, match="--drop-empty"):
        read(nested)
    found = read(nested, reading=EMPTY)
    assert (found.set_ids, found.sets["y"].to_pylist()) == (["a", "c"], [1, 3])
    assert list(found.description.skipped) == ["b"]
    arrays = [np.ones((2, 3)), np.ones((0, 3)), np.ones((1, 3))]
    found = read(arrays, sets=_sets(ids="pqr", y=[1, 2, 3]), reading=EMPTY)
    assert (found.set_ids, found.description.skipped) == (["p", "r"], {"q": "it has no elements"})
    for number, x in enumerate(arrays):
        np.save(tmp_path / f"s{number}.npy", x)
    assert read(tmp_path, reading=EMPTY).set_ids == ["s0", "s2"]
    np.savez(tmp_path / "x.npz", x=np.ones((3, 2)), n=[2, 0, 1], y=[5, 6, 7])
    assert read(tmp_path / "x.npz", reading=EMPTY).sets["y"].to_pylist() == [5, 7]
    padded = np.random.default_rng(0).normal(size=(9, 5, 2))
    padded[::2, 3:] = padded[4] = 0
    np.savez(tmp_path / "padded.npz", X=padded)
    found = read(tmp_path / "padded.npz", reading=EMPTY)
    assert (len(found), list(found.description.skipped)) == (8, ["4"])


def test_fcs_files_without_events_and_without_rows(tmp_path):
    for name in "abc":
        write_fcs(tmp_path / f"{name}.fcs", np.random.default_rng(0).normal(size=(5, 2)), ["x", "y"])
    write_fcs(tmp_path / "d.fcs", np.zeros((0, 2)), ["x", "y"])
    with pytest.raises(InputError, match=r"d.fcs holds no events. Leave it out \(--drop-empty\)"):
        read(tmp_path)
    assert read(tmp_path, reading=EMPTY).set_ids == ["a.fcs", "b.fcs", "c.fcs"]
    sets = pa.table({"file": ["a.fcs", "b.fcs", "e.fcs"], "y": ["u", None, "v"]})
    both = Reading(drop_unlabelled=True, drop_empty=True)
    found = read(tmp_path, sets=sets, targets=["y"], reading=both)
    assert found.set_ids == ["a.fcs"]
    assert {"b.fcs", "c.fcs", "e.fcs"} <= set(found.description.skipped)


def test_elements_of_sets_none_of_which_has_a_label():
    cells = CELLS.append_column("kind", pa.array(["u", None, None, None, None, "v", None, "u", "v", None]))
    found = read(cells, labels=["kind"], reading=UNLABELLED)
    assert found.set_ids == ["a", "c", "d"]
    assert len(found.labels["kind"]) == 7
