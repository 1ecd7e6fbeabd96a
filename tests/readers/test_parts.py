"""One table in several files."""

import awkward as ak
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot

from setwise._checks import InputError
from setwise.readers.read import read
from setwise.readers.reading import Reading


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame({"set_id": np.repeat(["007", "b", "c", "d"], [2, 3, 5, 7]), "u": rng.normal(size=17)})


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("on_disk", [False, True])
def test_rows_of_a_set_in_several_files(tmp_path, frame, suffix, on_disk):
    folder = tmp_path / "parts"
    folder.mkdir()
    for number, rows in enumerate(np.array_split(np.arange(17), 3)):
        part = frame.iloc[rows]
        path = folder / f"part-{number}{suffix}"
        part.to_parquet(path) if suffix == ".parquet" else part.to_csv(path, index=False)
    sets = {"set_id": ["d", "c", "b", "007"], "y": [7, 5, 3, 2]}
    stored = tmp_path / "s.arrow" if on_disk else None
    for source in (folder, folder / f"*{suffix}", sorted(folder.iterdir())):
        store = read(source, sets=sets, store=stored)
        assert store.set_ids == ["007", "b", "c", "d"]
        assert store.sizes.tolist() == store.sets["y"].to_pylist() == [2, 3, 5, 7]
        np.testing.assert_allclose(store.elements(3)[:, 0], frame["u"][10:], rtol=1e-6)
        assert "file" not in store.sets.column_names  # sets lie in several
        assert any("3 files are read as one table" in note for note in store.description.notes)
        if stored is not None:
            stored.unlink()


def test_the_file_is_a_column_of_the_sets(tmp_path, frame):
    frame[:5].to_csv(tmp_path / "control.csv", index=False)
    frame[5:].to_csv(tmp_path / "case.csv", index=False)
    store = read(tmp_path)
    assert dict(zip(store.set_ids, store.sets["file"].to_pylist(), strict=True)) == {
        "c": "case",
        "d": "case",
        "007": "control",
        "b": "control",
    }
    frame[5:].assign(more=1).to_csv(tmp_path / "case.csv", index=False)
    with pytest.raises(InputError, match=r"same columns, u, more as in case\.csv; control\.csv lacks more"):
        read(tmp_path)
    frame[5:].assign(u="x").to_csv(tmp_path / "case.csv", index=False)
    with pytest.raises(InputError, match=r"row 1 of case\.csv holds 'x'"):
        read(tmp_path, features=["u"])
    (tmp_path / "case.csv").write_text("")
    with pytest.raises(InputError, match=r"case\.csv cannot be read"):
        read(tmp_path)
    assert read(tmp_path, reading=Reading(skip_bad=True)).set_ids == ["007", "b"]


def test_files_that_the_table_of_sets_names_are_a_set_each(tmp_path, frame):
    frame[:2].to_csv(tmp_path / "first.csv", index=False)
    frame[2:5].to_csv(tmp_path / "second.csv", index=False)
    table = {"filename": ["second.csv", "first.csv"], "y": [3, 2]}
    assert read(tmp_path, sets=table).sizes.tolist() == [3, 2]
    frame[2:].to_csv(tmp_path / "second.csv", index=False)
    with pytest.raises(InputError, match=r"second\.csv must hold one set, and has 3 in column 'set_id'"):
        read(tmp_path, sets=table)


def test_nested_tables_in_several_files(tmp_path):
    for name, lists in {"a": [[1.0, 2.0], [3.0]], "b": [[4.0], [5.0, 6.0, 7.0]]}.items():
        pq.write_table(pa.table({"set_id": [f"{name}0", f"{name}1"], "u": lists, "y": [0, 1]}), tmp_path / f"{name}.pq")
    store = read(tmp_path)
    assert store.set_ids == ["a0", "a1", "b0", "b1"]
    assert store.sets["file"].to_pylist() == ["a", "a", "b", "b"]
    assert store.elements(3)[:, 0].tolist() == [5, 6, 7]
    pq.write_table(pa.table({"set_id": ["a0"], "u": [[9.0]], "y": [0]}), tmp_path / "b.pq")
    again = read(tmp_path)
    assert again.set_ids == ["a/a0", "a/a1", "b/a0"]
    assert any("names of sets are in several files" in note for note in again.description.notes)
    pq.write_table(pa.table({"set_id": ["a0"], "u": [9.0], "y": [0]}), tmp_path / "b.pq")
    with pytest.raises(InputError, match=r"must be alike; a\.pq has a row per set .* b\.pq has a row per element"):
        read(tmp_path)


def test_several_root_files_of_events(tmp_path):
    for name, sizes in {"background": [2, 3], "signal": [1, 5, 7]}.items():
        jagged = ak.unflatten(np.random.default_rng(0).normal(size=sum(sizes)), sizes)
        with uproot.recreate(tmp_path / f"{name}.root") as file:
            file["events"] = {"jet": ak.zip({"pt": jagged, "eta": jagged})}
    (tmp_path / "notes.txt").write_text("not read")
    for source in (tmp_path, tmp_path / "*.root", sorted(tmp_path.glob("*.root"))):
        store = read(source, reading=Reading(tree="events"))
        assert store.set_ids == ["background/0", "background/1", "signal/0", "signal/1", "signal/2"]
        assert store.sets["file"].to_pylist() == ["background"] * 2 + ["signal"] * 3
        assert store.sizes.tolist() == [2, 3, 1, 5, 7]
    (tmp_path / "signal.root").write_bytes(b"no such file")
    with pytest.raises(InputError, match=r"signal\.root cannot be read"):
        read(tmp_path)
    assert len(read(tmp_path, reading=Reading(skip_bad=True))) == 2
