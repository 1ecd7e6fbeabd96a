import json
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.__main__ import main

ROOT = Path(__file__).parents[2]


def _run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "experiments", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_a_row_is_run_skipped_and_reported(tmp_path):
    places = ("--work", str(tmp_path / "work"), "--results", str(tmp_path / "results"))
    command = ("run", "table4", "--task", "digits-var", "--rows", "constant", "--seeds", "0", "--threads", "1")
    first, again = _run(*command, *places), _run(*command, *places)
    assert first.returncode == again.returncode == 0, first.stderr
    assert "1 runs, 0 of them done before." in first.stdout
    assert "1 runs, 1 of them done before." in again.stdout
    (line,) = (tmp_path / "results" / "small-digits-var.jsonl").read_text().splitlines()
    value = json.loads(line)["test"]["test"]["value"]
    done = _run("report", "--results", str(tmp_path / "results"), "--out", str(tmp_path / "page.md"))
    assert done.returncode == 0, done.stderr
    assert f"{value:.4g}" in (tmp_path / "page.md").read_text()


def test_errors_of_the_input_end_in_words(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["experiments", "run", "table9"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    assert capsys.readouterr().err.startswith("Error: the table must be one of 'table1'")
