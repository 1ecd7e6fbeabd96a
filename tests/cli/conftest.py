"""Tables as users have them, and the program run as they run it."""

import io
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from setwise.cli import main

TINY = ("--depth", "2", "--width", "8", "--epochs", "2", "--batch-size", "7", "--ensemble", "1")


@dataclass(frozen=True)
class Outcome:
    """The result of a command: its exit code and what it printed."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Tables:
    """Files of the elements and of the sets."""

    cells: Path
    patients: Path

    def fit(self, out: Path, *more: str) -> tuple[str, ...]:
        """Return the arguments of a fit that takes a second."""
        data = ("fit", str(self.cells), "--sets", str(self.patients), "--out", str(out))
        return (*data, *(() if "--target" in more else ("--target", "hematocrit")), *TINY, *more)


@pytest.fixture(scope="module", autouse=True)
def _blank(blank_figures):
    """Leave the figures of reports undrawn."""


@pytest.fixture(scope="session")
def setwise() -> Callable[..., Outcome]:
    """Run the program: arguments in, exit code and output out; never a traceback."""

    def run(*arguments: object) -> Outcome:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        code, printed = left.value.code or 0, out.getvalue() + err.getvalue()
        assert "Traceback" not in printed or "--debug" in arguments
        assert isinstance(code, int)
        return Outcome(code, out.getvalue(), err.getvalue())

    return run


def cells_table(num_sets: int = 41, seed: int = 0) -> pa.Table:
    """Make a long table: volume, hemoglobin, a clock, a text column."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(3, 12, num_sets)
    sizes[0] = 1
    names = np.repeat([f"p{i:03d}" for i in range(num_sets)], sizes)
    level = np.repeat(rng.normal(90, 5, num_sets), sizes)
    return pa.table(
        {
            "set_id": names.tolist(),
            "volume": level + rng.normal(size=len(names)),
            "hemoglobin": rng.normal(30, 2, len(names)),
            "time": np.arange(len(names)),
            "plate": ["a"] * len(names),
        }
    )


def patients_table(num_sets: int = 41, seed: int = 0) -> pa.Table:
    """Make a table with a row per set: two numbers to predict, a class, covariates, the patient."""
    rng = np.random.default_rng(seed + 1)
    return pa.table(
        {
            "set_id": [f"p{i:03d}" for i in range(num_sets)],
            "hematocrit": rng.normal(42, 3, num_sets),
            "iron": rng.normal(10, 1, num_sets),
            "anemia": np.where(np.arange(num_sets) % 3 == 0, "yes", "no").tolist(),
            "age": rng.normal(50, 9, num_sets),
            "patient": [f"q{i // 2}" for i in range(num_sets)],
            "same": np.full(num_sets, 7.0),
        }
    )


def write_tables(folder: Path, cells: pa.Table | None = None, patients: pa.Table | None = None) -> Tables:
    """Write the two tables as CSV files."""
    tables = Tables(folder / "cells.csv", folder / "patients.csv")
    pyarrow.csv.write_csv(cells_table() if cells is None else cells, tables.cells)
    pyarrow.csv.write_csv(patients_table() if patients is None else patients, tables.patients)
    return tables


class Writer:
    """Writer of tables that differ from the defaults."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.defaults = (cells_table(), patients_table())

    def __call__(self, cells: pa.Table, patients: pa.Table) -> Tables:
        return write_tables(self.folder, cells, patients)


@pytest.fixture
def write(tmp_path: Path) -> Writer:
    return Writer(tmp_path)


@pytest.fixture
def new_tables(tmp_path: Path) -> Tables:
    """Make tables of sets that no run has seen."""
    return write_tables(tmp_path, cells_table(23, seed=3), patients_table(23, seed=3))


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    return write_tables(tmp_path)


@pytest.fixture(scope="session")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tables, Path]:
    """Fit a run on tables, which tests read and do not change."""
    folder = tmp_path_factory.mktemp("fitted")
    tables = write_tables(folder)
    with pytest.raises(SystemExit) as left:
        main([*tables.fit(folder / "run"), "--quiet"])
    assert not left.value.code
    return tables, folder / "run"
