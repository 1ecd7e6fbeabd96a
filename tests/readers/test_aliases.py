"""Features that are one under several names: suggested, written, read, and kept with what was read."""

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest

from setwise._checks import InputError
from setwise.readers.aliases import read_aliases, suggested, write_aliases
from setwise.readers.fcs.write import write_fcs
from setwise.readers.read import read
from setwise.readers.reading import Reading


@pytest.mark.parametrize(
    ("panels", "found"),
    [
        ([["CD3", "CD4"], ["Cd3", "CD4"], ["CD3", "CD4"]], {"Cd3": "CD3"}),
        ([["CD3-FITC"], ["CD3"], ["CD3"]], {"CD3-FITC": "CD3"}),
        ([["158Gd_CD3"], ["CD3(Gd158)Di"], ["CD3"]], {"158Gd_CD3": "CD3", "CD3(Gd158)Di": "CD3"}),
        ([["HLA-DR PerCP-Cy5.5"], ["HLADR"]], {"HLA-DR PerCP-Cy5.5": "HLADR"}),
        ([["Comp-FITC-A"], ["FITC-A"]], {"Comp-FITC-A": "FITC-A"}),
        ([["CD45RA"], ["CD45"], ["IL-2"], ["IL-12"]], {}),
        ([["FITC-A", "FITC-H"], ["FITC-A", "FITC-H"], ["PE-A"]], {}),
        ([["CD3", "CD3 PE"], ["CD3"]], {}),  # a file has both
    ],
)
def test_names_of_one_marker_are_suggested(panels, found):
    assert suggested({f"{n}.fcs": panel for n, panel in enumerate(panels)}) == found


def test_aliases_are_written_and_read(tmp_path):
    path = tmp_path / "aliases.csv"
    write_aliases(path, {"CD3, FITC": "CD3", "Cd3": "CD3"})
    assert path.read_text().splitlines()[0] == "name,alias"
    assert read_aliases(path) == {"CD3, FITC": "CD3", "Cd3": "CD3"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n", "must begin with the line 'name,alias'"),
        ("name,alias\nCD3,\n", "line 2 must have a name and an alias"),
        ("name,alias\nCD3,x\nCD4,x\n", "line 3: 'x' is an alias of 'CD3' and of 'CD4'"),
        ("name,alias\nCD3,x\nCD4,CD3\n", "Name one for all"),
    ],
)
def test_files_of_aliases_that_say_nothing_are_refused(tmp_path, text, said):
    path = tmp_path / "aliases.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        read_aliases(path)


def test_channels_of_fcs_files(tmp_path):
    events = np.random.default_rng(0).normal(100, 50, (7, 2)).astype(np.float32)
    for name, markers in {"a": ["CD3", "CD4"], "b": ["CD3", "CD4"], "c": ["CD3 FITC", "CD4"]}.items():
        write_fcs(tmp_path / f"{name}.fcs", events, ["FL1-A", "FL2-A"], labels=markers)
    with pytest.raises(InputError, match="--suggest-aliases"):
        read(tmp_path)
    store = read(tmp_path, reading=Reading(aliases={"CD3 FITC": "CD3"}))
    assert store.features == ("CD3", "CD4")
    np.testing.assert_array_equal(store.elements(2), store.elements(0))
    assert store.description.choices["aliases"] == {"CD3 FITC": "CD3"}


def test_columns_of_tables(tmp_path):
    (tmp_path / "sets").mkdir()
    for name, first in {"a": "CD3", "b": "cd3"}.items():
        pa_csv.write_csv(pa.table({first: [0.1, 0.7, 0.3], "CD4": [0.5, 0.2, 0.9]}), tmp_path / "sets" / f"{name}.csv")
    store = read(tmp_path / "sets", reading=Reading(aliases={"cd3": "CD3"}))
    assert store.features == ("CD3", "CD4")
    np.testing.assert_array_equal(store.elements(0), store.elements(1))
    alone = read(
        pa.table({"set_id": ["x", "x"], "cd3": [0.1, 0.3]}), reading=Reading(aliases={"cd3": "CD3", "CD-3": "CD3"})
    )
    assert alone.features == ("CD3",)
    both = pa.table({"set_id": ["x", "x"], "cd3": [0.1, 0.3], "CD3": [0.2, 0.3]})
    with pytest.raises(InputError, match="would have one name by the aliases"):
        read(both, reading=Reading(aliases={"cd3": "CD3"}))
