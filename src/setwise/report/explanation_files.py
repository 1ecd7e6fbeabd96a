"""Write the folder of an explanation, with tables, figures and a page, whole or not at all."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet

from setwise._checks import InputError
from setwise.explanations.explain import Explanation
from setwise.report.explanation import Figures, explanation_page

PAGE = "explanation.html"
TABLES = ("scores", "sets", "faithfulness", "deletion", "more_elements")


def check_folder(folder: Path, *, overwrite: bool = False) -> None:
    """Refuse a folder before anything is computed for it.

    Raises:
        InputError: something is there that is no explanation, or one that may not be replaced; no parent folder.
    """
    if not folder.name:
        raise InputError(f"an explanation needs a folder of its own; got {str(folder)!r}. Name a new one.")
    if not folder.parent.is_dir():
        raise InputError(f"{folder} cannot be written: there is no folder {folder.parent}. Make it first.")
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not (folder / PAGE).is_file():
        raise InputError(f"{folder} exists and is not an explanation. Name a new folder.")
    if not overwrite:
        raise InputError(f"{folder} holds an explanation already. Name another folder, or replace it with --overwrite.")


def write_explanation(
    explanation: Explanation,
    figures: Figures,
    folder: Path,
    *,
    command: str,
    copies: Callable[[Path], object] | None = None,
) -> None:
    """Write ``scores.parquet`` and the other tables, ``figures/*.svg`` and ``*.png``, and ``explanation.html``.

    The folder is made aside and renamed once it is whole; an older explanation stays until then.

    Args:
        explanation: scores of elements and their faithfulness.
        figures: its figures.
        folder: new, or an older explanation.
        command: the one that repeats it.
        copies: writes copies of the source with scores into the folder that it is given, or none.

    Raises:
        InputError: the folder cannot be written.
    """
    aside = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    try:
        (aside / "figures").mkdir(parents=True)
        for name in TABLES:
            pyarrow.parquet.write_table(getattr(explanation, name), aside / f"{name}.parquet")
        for name, drawing in figures.named().items():
            drawing.save(aside / "figures" / f"{name}.svg")
            drawing.save(aside / "figures" / f"{name}.png")
        if copies is not None:
            copies(aside)
        page = explanation_page(explanation, figures, command=command)
        (aside / PAGE).write_text(page, encoding="utf-8")
        if folder.exists():
            folder.rename(old)
        aside.rename(folder)
    except OSError as error:
        if old.exists() and not folder.exists():
            old.rename(folder)
        raise InputError(
            f"{folder} could not be written: {error.strerror or error}. Nothing was left behind; free some space or "
            "choose a folder that can be written to."
        ) from error
    finally:
        for left in (aside, old):
            shutil.rmtree(left, ignore_errors=True)
