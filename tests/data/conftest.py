"""Tables of sets for the tests of reading."""

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

SIZES = {"b": 3, "a": 7, "10": 1, "c": 23}


@pytest.fixture
def sets():
    """Four sets of (n_i, 2) float32, in the order of their names here."""
    generator = np.random.default_rng(0)
    return {name: generator.normal(size=(size, 2)).astype(np.float32) for name, size in SIZES.items()}


@pytest.fixture
def table(sets):
    """The long table of the sets."""
    ids = np.repeat(list(sets), [len(x) for x in sets.values()])
    elements = np.concatenate(list(sets.values()))
    return pa.table({"set_id": ids, "u": elements[:, 0], "v": elements[:, 1]})


@pytest.fixture
def outcomes():
    """The table of the sets, in another order."""
    return pa.table({"set_id": ["c", "10", "a", "b"], "y": [1.5, 2.5, 3.5, 4.5], "group": ["p", "q", "p", "q"]})


@pytest.fixture
def write(tmp_path):
    """Write a table in the format that the name tells, and return the path."""

    def _write(table, name):
        path = tmp_path / name
        if path.suffix == ".parquet":
            pq.write_table(table, path)
        elif path.suffix == ".arrow":
            with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
                writer.write_table(table)
        elif path.suffix == ".tsv":
            pa_csv.write_csv(table, path, pa_csv.WriteOptions(delimiter="\t"))
        else:
            with pa.output_stream(str(path)) as sink:  # compresses by the suffix
                pa_csv.write_csv(table, sink)
        return path

    return _write


@pytest.fixture
def assert_holds():
    """Check that a store has these sets in this order, bit by bit."""

    def _assert_holds(store, sets):
        assert store.set_ids == list(sets)
        for row, elements in enumerate(sets.values()):
            np.testing.assert_array_equal(store.elements(row), elements)

    return _assert_holds
