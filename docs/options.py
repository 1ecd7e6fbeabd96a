"""Write docs/options.md: every option of a study, with its default, from the fields that declare it.

Run: python docs/options.py
"""

from collections.abc import Iterable
from pathlib import Path

from setwise._options import Declaration, declarations
from setwise.cli.study import FIT, MODEL, STUDY
from setwise.validate.resampling import Resampling
from setwise.validate.search import Search

_EVALUATIONS = (("A cross-validation (`setwise cv`)", Resampling), ("A search (`setwise tune`)", Search))
PAGE = Path(__file__).with_name("options.md")
HEAD = """# Options of a study

What is learned, by which model, fitted how: options of `setwise fit`, `cv` and `tune`, fields of `setwise.Study` (its
`model_choices` and its `config`, a `setwise.FitConfig`), parameters of the estimators. The last two tables are of `cv`
and `tune` alone, and arguments of `setwise.cross_validate` and `setwise.tune`. `python docs/options.py` writes this
page from the declarations.
"""


def page() -> str:
    """Return the page as Markdown."""
    parts = (("What is learned", STUDY), ("The model", MODEL), ("The fit", FIT))
    parts += tuple((title, declarations(record.model_fields)) for title, record in _EVALUATIONS)
    return "\n".join([HEAD, *(_table(title, found) for title, found in parts)])


def _table(title: str, found: Iterable[Declaration]) -> str:
    rows = [f"| `{d.flag}` | `{d.field}` | {d.shown or ''} | {_sentence(d)} |".replace("|A=", "\\|A=") for d in found]
    return "\n".join([f"## {title}\n", "| option | field | default | |", "|---|---|---|---|", *rows, ""])


def _sentence(declaration: Declaration) -> str:
    words = f" ({', '.join(declaration.words)})" if declaration.words else ""
    return f"{declaration.description}{words}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
