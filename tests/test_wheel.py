"""What is released: the wheel runs by itself, away from the checkout, and the source holds what its tests need."""

import os
import subprocess
import sys
import sysconfig
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.wheel
ROOT = Path(__file__).parents[1]
NEEDED = ("pyproject.toml", "constraints.txt", "Makefile", "README.md", "LICENSE", "CHANGELOG.md", "mkdocs.yml")
FOLDERS = ("src", "tests", "docs", "experiments", "benchmarks", "accuracy")
HEAVY = ("torch", "numpy", "sklearn", "lightning_fabric", "matplotlib", "pandas", "pyarrow", "typer", "jinja2")


def run(*command, cwd, seconds=180):
    """Run a command that does not see the checkout; return what it printed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, cwd=cwd, env=environment, timeout=seconds, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """Build the source distribution, and the wheel from it."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    return folder


@dataclass(frozen=True)
class Installed:
    """A fresh environment with the wheel, and an empty folder to work in."""

    binaries: Path
    folder: Path


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory) -> Installed:
    """Install the wheel into a fresh environment.

    Its dependencies, gigabytes, are those that lie beside pytest: a path file shows their folder, whose own path files
    (that of the checkout among them) are not followed.
    """
    folder = tmp_path_factory.mktemp("fresh")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "env", cwd=folder)
    python = folder / "env" / "bin" / "python"
    own = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    (own / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (wheel,) = built.glob("*.whl")
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", "--ignore-installed", wheel, cwd=folder)
    return Installed(python.parent, folder)


def test_the_source_holds_what_the_tests_need(built):
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    listed = run("git", "ls-files", *FOLDERS, *NEEDED, cwd=ROOT).splitlines()
    assert len(listed) > 400
    assert not set(listed) - held


def test_the_wheel_is_what_is_imported_and_its_import_is_light(installed):
    code = f"import sys, setwise; print(setwise.__file__); print([m for m in {HEAVY} if m in sys.modules])"
    path, heavy = run(installed.binaries / "python", "-c", code, cwd=installed.folder).splitlines()
    assert Path(path).is_relative_to(installed.folder)
    assert heavy == "[]"


def test_the_wheel_has_its_templates_and_no_tests(installed):
    code = (
        "import importlib.resources as r, importlib.metadata as m; "
        "print(sorted(p.name for p in (r.files('setwise.report') / 'templates').iterdir())); "
        "print((r.files('setwise') / 'py.typed').is_file()); "
        "print({f.parts[0] for f in m.files('setwise')})"
    )
    templates, typed, folders = run(installed.binaries / "python", "-c", code, cwd=installed.folder).splitlines()
    assert "run.html" in templates
    assert typed == "True"
    assert not {"tests", "docs"} & set(eval(folders))


def test_the_demo_runs(installed):
    said = run(installed.binaries / "setwise", "demo", "--quick", "--out", "demo", cwd=installed.folder)
    assert "of the constant's" in said
    assert (installed.folder / "demo" / "deep-sets++-3" / "report.html").is_file()
    assert (installed.folder / "demo" / "predictions.csv").is_file()
