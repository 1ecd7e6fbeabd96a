"""The README and the pages keep their word: code and commands run, names exist, generated pages are current."""

import importlib.util
import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from setwise.readers.fcs.write import write_fcs
from tests.fixtures.stacks import use_small

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def _blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def _with(language):
    return [pytest.param(page, id=page.name) for page in PAGES if _blocks(page, language)]


@pytest.mark.parametrize("page", _with("python"))
def test_python_blocks_run_one_after_the_other(page, capsys, monkeypatch):
    use_small(monkeypatch)  # the code runs; how good a stack is, others test
    names = {}
    for block in _blocks(page, "python"):
        exec(compile(block, page.name, "exec"), names)
    printed = capsys.readouterr().out
    for said in re.findall(r"print\(.*\)  # ([\w.]*[(\[].*?[)\]]|\d+)$", page.read_text(encoding="utf-8"), flags=re.M):
        assert said in printed


@pytest.fixture
def tables(tmp_path, monkeypatch):
    """Write the files that the commands name."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for prefix, first, count in (("", 0, 12), ("new_", 100, 3)):
        level, size = rng.uniform(30, 50, count), rng.integers(3, 20, count)
        ids = np.arange(first, first + count)
        cells = pd.DataFrame({"set_id": np.repeat(ids, size), "volume": rng.normal(np.repeat(level, size))})
        cells["cell_type"] = np.where(cells["volume"] > 40, "large", "small")
        cells.assign(hemoglobin=rng.normal(size=len(cells))).to_parquet(f"{prefix}cells.parquet")
        pd.DataFrame({"set_id": ids, "hematocrit": level}).to_csv(f"{prefix}patients.csv", index=False)
        folder = Path(f"{prefix}samples")
        folder.mkdir()
        for number in range(count):
            events = rng.gamma(2, 100 * (1 + number % 2), (size[number], 3))
            write_fcs(folder / f"{number}.fcs", events, ["FITC-A", "PE-A", "APC-A"], labels=["CD3", "CD4", "CD8"])
    status = ["yes" if number % 2 else "no" for number in range(12)]
    pd.DataFrame({"fcs_filename": [f"{n}.fcs" for n in range(12)], "cmv": status}).to_csv("samples.csv", index=False)


@pytest.mark.usefixtures("tables")
def test_commands_run(capsys, monkeypatch):
    from setwise.cli import main
    from setwise.metrics import intervals
    from setwise.runs import config
    from setwise.validate import few_sets

    # What the commands do, not how well: one model of each stack, two folds in this process, few draws.
    monkeypatch.setattr(config, "RECOMMENDED", {**config.RECOMMENDED, "epochs": 1, "ensemble": 2, "time": 0.1})
    monkeypatch.setattr(few_sets, "FOLDS", 2)
    monkeypatch.setattr(few_sets.joblib, "cpu_count", lambda: 1)
    monkeypatch.setattr(intervals, "_MOST_DRAWS", 20)
    monkeypatch.setattr(intervals, "_FEWEST_DRAWS", 20)
    blocks = [block for page in PAGES for block in _blocks(page, "console")]
    lines = dict.fromkeys(line for block in blocks for line in block.splitlines() if line.startswith("setwise "))
    assert len(lines) >= 10
    for line in lines:
        named = shlex.split(line.split("#")[0])
        with pytest.raises(SystemExit) as ended:
            main(named[1:])
        assert ended.value.code in (0, None), f"{line}: {capsys.readouterr()}"
        if "--out" in named:
            assert Path(named[named.index("--out") + 1]).exists(), line
    assert all((run / "report.html").is_file() for run in Path("runs").glob("*"))


def test_the_readme_fits_a_reader():
    assert len(README.splitlines()) <= 150
    first_screen = "\n".join(README.splitlines()[:30])
    assert "make demo" in first_screen
    assert "make test" in first_screen


@pytest.mark.parametrize("page", [pytest.param(page, id=page.name) for page in PAGES])
def test_make_targets_and_files_exist(page):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"^make ([a-z-]+)|`make ([a-z-]+)", text, flags=re.MULTILINE):
        assert re.search(rf"^{''.join(target)}:", makefile, flags=re.MULTILINE), target
    if page.name == "log.md":  # what was true on its day
        return
    for path in re.findall(r"`((?:src|tests|docs)/[\w/.]+)`", text):
        assert (ROOT / path).exists(), path
    for path in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (page.parent / path).exists(), path


@pytest.mark.parametrize("name", ["commands", "files", "options"])
def test_generated_pages_are_current(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text(encoding="utf-8") == module.page(), f"run: python docs/{name}.py"
