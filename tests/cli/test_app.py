import subprocess
import sys

import pytest

import setwise.readers.read as setwise_data

HEAVY = ("torch", "numpy", "sklearn", "lightning_fabric", "matplotlib", "pyarrow")
COMMANDS = ("fit", "predict", "evaluate", "inspect", "demo")


def test_version(setwise):
    outcome = setwise("--version")
    assert (outcome.code, outcome.out.split()[0]) == (0, "setwise")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_has_examples(setwise, command):
    outcome = setwise(command, "--help")
    assert outcome.code == 0
    assert "Examples" in outcome.out
    assert f"setwise {command}" in outcome.out


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom setwise.cli import main\n"
        "try: main(['fit', '--help'])\nexcept SystemExit: pass\n"
        f"sys.exit([m for m in {HEAVY} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() == "[]"


REFUSED = (
    ["fit", "nothing.npz", "--target", "y", "--out", "run"],
    ["fit", "nothing.npz", "--target", "y", "--out", "run", "--epochs", "-3"],
    ["cv", "nothing.csv", "--target", "y", "--out", "run"],
    ["inspect", "nothing.csv"],
    ["predict", "nothing", "cells.csv", "--out", "p.csv"],
)


@pytest.mark.parametrize("arguments", REFUSED)
def test_what_is_refused_is_refused_before_anything_heavy_is_imported(arguments, tmp_path):
    code = (
        f"import sys\nfrom setwise.cli import main\ntry: main({arguments})\n"
        "except SystemExit as left: print(left.code)\n"
        f"print([m for m in {HEAVY} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.splitlines() == ["2", "[]"]
    assert "nothing" in done.stderr or "epochs" in done.stderr


def test_predictions_import_torch_and_nothing_heavy_beside_it(setwise, tables, tmp_path):
    run, out = tmp_path / "run", tmp_path / "p.csv"
    fit = (
        "fit",
        tables.cells,
        "--sets",
        tables.patients,
        "--target",
        "anemia",
        "--model",
        "linear",
        "--ensemble",
        "1",
        "--no-baselines",
    )
    assert setwise(*fit, "--out", run).code == 0
    arguments = ["predict", str(run), str(tables.cells), "--out", str(out)]
    code = (
        f"import sys\nfrom setwise.cli import main\ntry: main({arguments})\nexcept SystemExit: pass\n"
        "heavy = ('torch._dynamo', 'sympy', 'scipy', 'sklearn', 'lightning_fabric', 'matplotlib', 'jinja2', 'numba')\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


@pytest.mark.parametrize("arguments", [("nonsense",), ("fit",), ("inspect", "cells.csv", "--no-such-option")])
def test_wrong_arguments_exit_with_2(setwise, arguments):
    outcome = setwise(*arguments)
    assert outcome.code == 2
    assert not outcome.out


def test_a_fault_of_ours_exits_with_1_and_a_traceback_only_with_debug(setwise, tables, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("a bug")

    monkeypatch.setattr(setwise_data, "read", broken)
    outcome = setwise("inspect", tables.cells)
    assert outcome.code == 1
    assert "RuntimeError: a bug" in outcome.err
    assert "--debug" in outcome.err
    outcome = setwise("inspect", tables.cells, "--debug")
    assert outcome.code == 1
    assert "Traceback" in outcome.err


def test_debug_shows_where_an_input_error_came_from(setwise, tmp_path):
    outcome = setwise("--debug", "inspect", tmp_path / "missing.csv")
    assert outcome.code == 2
    assert "Traceback" in outcome.err


def test_a_closed_pipe_ends_without_a_traceback(tables):
    program = f"from setwise.cli import main; main(['inspect', {str(tables.cells)!r}])"
    command = f'"{sys.executable}" -c "{program}" | true'
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert "Traceback" not in done.stderr
