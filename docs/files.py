"""Write docs/files.md: every file of the project with the first sentence of its docstring.

Run: python docs/files.py
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "files.md"
FOLDERS = ("src/setwise", "experiments", "benchmarks", "accuracy", "docs")
HEAD = """# Files

Every file of the project, with the first sentence of its docstring. `python docs/files.py` writes this page.
"""


def page() -> str:
    """Return the page as Markdown."""
    return "\n".join([HEAD, *(line for folder in FOLDERS for line in _folder(ROOT / folder))]).rstrip() + "\n"


def _folder(folder: Path) -> Iterator[str]:
    """Yield a heading and a table for a folder, then for the folders in it, in the order of their names."""
    files = sorted(path for path in folder.glob("*.py") if path.name != "__init__.py")
    yield f"## `{folder.relative_to(ROOT).as_posix()}/`\n"
    if (folder / "__init__.py").is_file():
        yield f"{_first_sentence(folder / '__init__.py')}\n"
    if files:
        yield "| file | |\n|---|---|"
        yield from (f"| `{path.name}` | {_first_sentence(path)} |" for path in files)
        yield ""
    for inner in sorted(path for path in folder.iterdir() if path.is_dir() and any(path.rglob("*.py"))):
        yield from _folder(inner)


def _first_sentence(path: Path) -> str:
    """Return the first sentence of a file's docstring on one line."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    line = " ".join(text.split("\n\n")[0].split())
    return line.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
