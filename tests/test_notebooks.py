"""Notebooks run from top to bottom, as they are, and show what they promise; they are kept without outputs."""

import ast
import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def _cells(path: Path) -> list[dict]:
    return [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]


def _run(path: Path) -> tuple[dict, list]:
    """Run the cells one after the other; return the names that are left, and the last value of each cell."""
    names, shown = {}, []
    for number, cell in enumerate(_cells(path)):
        tree = ast.parse("".join(cell["source"]))
        value = tree.body.pop().value if isinstance(tree.body[-1], ast.Expr) else None  # pyright: ignore[reportAttributeAccessIssue]
        where = f"{path.name}, cell {number + 1}"
        exec(compile(tree, where, "exec"), names)
        shown.append(None if value is None else eval(compile(ast.Expression(value), where, "eval"), names))
    return names, shown


@pytest.mark.parametrize("path", [pytest.param(path, id=path.name) for path in NOTEBOOKS])
def test_no_outputs_are_kept(path):
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in _cells(path))


def test_from_files_to_an_answer(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names, shown = _run(FOLDER / "files.ipynb")
    assert "40" in shown[1]._repr_html_()
    assert "constant" in shown[2]._repr_html_()
    assert shown[3].set_index("model")["accuracy"]["linear"] > 0.8
    assert set(shown[5]["predicted_status"]) <= {"ill", "well"}
    assert (shown[4]["CD8"] > 2 * names["scores"]["CD8"].median()).all()


def test_from_arrays_to_a_classifier(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _, shown = _run(FOLDER / "arrays.ipynb")
    assert "deep-sets++" in shown[1]._repr_mimebundle_()["text/html"]
    assert shown[2][0] > 0.9
    assert shown[3].min() > 0.9
    assert shown[4] < 0.7
    assert set(shown[5]) <= {"against", "together"}
