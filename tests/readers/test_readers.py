"""All readers keep one protocol, and say of themselves what help, errors, documentation and packaging need."""

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from setwise._checks import InputError
from setwise.readers.copier import Copier
from setwise.readers.fcs.write import write_fcs
from setwise.readers.read import read
from setwise.readers.reader import OF_SETS, Reader
from setwise.readers.reading import READING, Reading
from setwise.readers.registry import COPIERS, READERS, copier_of, readable, reader_of

ROOT = Path(__file__).parents[2]
OTHER = {  # a value that is not the default, for every choice
    "file_column": "file",
    "compensate": False,
    "cofactor": 5.0,
    "transform": "logicle",
    "missing": "mask",
    "skip_bad": True,
    "data_set": 2,
    "layer": "counts",
    "obsm": "X_pca",
    "sheet": "Sheet2",
    "tree": "Events",
    "types": ("Jet", "Muon"),
    "padding": "keep",
    "ignore_tot": True,
    "keywords": ("GROUP",),
    "drop_unlabelled": True,
    "drop_empty": True,
    "merge_classes": {"y": {"ill": ["sick"]}},
    "aliases": {"CD3 FITC": "CD3"},
}
CELLS = pa.table({"set_id": ["a"] * 3 + ["b"] * 2, "x": [1.0, 5.0, 2.0, 7.0, 3.0]})


def test_every_choice_belongs_to_a_reader_and_every_reader_has_known_choices():
    assert set(OTHER) == set(Reading.model_fields) == {declaration.field for declaration in READING}
    assert {name for reader in READERS for name in reader.options} == set(OTHER)


def test_every_extra_installs_the_packages_of_its_reader():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    required = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    for reader in READERS:
        assert bool(reader.packages) == (reader.extra is not None)
        brought = [*required, *(extras[reader.extra] if reader.extra else [])]
        for package in reader.packages:
            assert any(name.startswith(package) for name in brought), package


def test_the_page_of_formats_is_current():
    spec = importlib.util.spec_from_file_location("formats", ROOT / "docs" / "formats.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text(encoding="utf-8") == module.page(), "run: python docs/formats.py"


def test_readers_can_be_asked_without_the_packages_that_they_need():
    code = (
        "import sys\n"
        "for name in ('anndata', 'h5py', 'uproot', 'awkward', 'torch', 'numpy', 'pyarrow'): sys.modules[name] = None\n"
        "from setwise.readers.registry import readable, reader_of\n"
        "print(reader_of('a.h5ad').name, reader_of('a.csv.gz').name, reader_of([1]).name, len(readable()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("files")[0] == "AnnData "


def test_suffixes_in_help_and_errors(tmp_path):
    for reader in READERS:
        assert not reader.suffixes or all(suffix in readable() for suffix in reader.suffixes)
    (tmp_path / "e.xyz").write_text("x")
    with pytest.raises(InputError, match=r"no suffix that tells its format; what is read is .*\.csv.*\.h5ad.*\.fcs"):
        read(tmp_path / "e.xyz")
    with pytest.raises(InputError, match=r"e\.xyz has no suffix of a table"):
        read(CELLS, sets=tmp_path / "e.xyz")
    with pytest.raises(InputError, match=r"matches no files that are read \(none at all\)"):
        read(tmp_path / "*.fcs")
    with pytest.raises(TypeError, match="got int"):
        read(5)


@pytest.fixture
def sources(tmp_path):
    write_fcs(tmp_path / "a.fcs", np.ones((5, 2)), ["A", "B"])
    np.save(tmp_path / "a.npy", np.ones((5, 2)))
    return {
        "files of one set each": tmp_path / "a.npy",
        "tables": CELLS,
        "FCS files": tmp_path / "a.fcs",
        "arrays in memory": [np.ones((3, 2)), np.ones((5, 2))],
        "sets in memory": {"a": np.ones((3, 2)), "b": np.ones((5, 2))},
        "stores": read(CELLS),
        "AnnData files": tmp_path / "a.h5ad",
        "HDF5 files": tmp_path / "a.h5",
        "ROOT files": tmp_path / "a.root",
        ".npz files": tmp_path / "a.npz",
    }


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_a_choice_that_a_reader_does_not_have_is_refused_by_name(sources, reader):
    source = sources[reader.name]
    assert reader_of(source) is reader
    for name in set(OTHER) - {*reader.options, *OF_SETS}:
        having = next(other.name for other in READERS if name in other.options)
        with pytest.raises(
            InputError, match=rf"{name} \(--.*\) is a choice for .*{having}.* is of {reader.name}.*Leave {name}"
        ):
            read(source, reading=Reading(**{name: OTHER[name]}))


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_a_reader_copies_what_it_reads_or_is_refused_with_the_list_of_those_that_do(sources, reader):
    own = {name for name in vars(Copier).keys() - vars(Reader).keys() if not name.startswith("_")}
    assert len(own & set(dir(reader))) in (0, len(own)), "some of what copies need is missing"
    if reader in COPIERS:
        assert copier_of(sources[reader.name]) is reader
        return
    listed = " and ".join(rf"{re.escape(other.name)} \(.*\)" for other in COPIERS)
    with pytest.raises(InputError, match=f"are made of {listed}; .* is neither"):
        copier_of(sources[reader.name])


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"missing": "drop"}, "missing must be one of 'error' or 'mask'; got 'drop'"),
        ({"cofactor": -1.0}, "cofactor must be at least zero; got -1"),
        ({"data_set": 0}, "data_set must be at least 1; got 0"),
        ({"cofactor": float("nan")}, "cofactor: input should be a finite number; got nan"),
        ({"layer": "a", "obsm": "b"}, "cannot go together"),
    ],
)
def test_choices_out_of_their_bounds(choices, words):
    with pytest.raises(InputError, match=words):
        Reading(**choices)
