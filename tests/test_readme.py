"""The README's code runs, its commands run, and what it names exists."""

import importlib.util
import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from setwise.readers.fcs.write import write_fcs

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _blocks(language):
    found = re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)
    assert found
    return found


def test_python_blocks_run_one_after_the_other(capsys):
    names = {}
    for block in _blocks("python"):
        exec(compile(block, "README.md", "exec"), names)
    printed = capsys.readouterr().out
    for shape in re.findall(r"# (torch\.Size\(.*?\))", README):
        assert shape in printed


@pytest.fixture
def tables(tmp_path, monkeypatch):
    """Write the files that the README's commands name."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for prefix, first, count in (("", 0, 20), ("new_", 100, 5)):
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
    status = ["yes" if number % 2 else "no" for number in range(20)]
    pd.DataFrame({"fcs_filename": [f"{n}.fcs" for n in range(20)], "cmv": status}).to_csv("samples.csv", index=False)


@pytest.mark.usefixtures("tables")
def test_commands_run(capsys, monkeypatch):
    from setwise.cli import main
    from setwise.runs import config

    monkeypatch.setattr(
        config, "RECOMMENDED", {**config.RECOMMENDED, "epochs": 3, "time": 0.1}
    )  # what they do, not how well
    lines = [line for block in _blocks("console") for line in block.splitlines() if line.startswith("setwise ")]
    assert len(lines) >= 4
    for line in lines:
        with pytest.raises(SystemExit) as ended:
            main(shlex.split(line.split("#")[0])[1:])
        assert ended.value.code in (0, None), f"{line}: {capsys.readouterr()}"
    assert Path("predictions.parquet").is_file()
    assert Path("runs/hct/report.html").is_file()


def test_make_targets_and_files_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^make ([a-z-]+)", README, flags=re.MULTILINE))
    assert {"demo", "test"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target
    for path in re.findall(r"`((?:src|tests|docs)/[\w/.]+)`", README):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("name", ["files", "options"])
def test_generated_pages_are_current(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text(encoding="utf-8") == module.page(), f"run: python docs/{name}.py"
