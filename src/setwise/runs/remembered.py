"""Remember how the data of a run were read, so that new data are read alike."""

from typing import Any

from setwise.readers.reader import OF_SETS
from setwise.readers.reading import Reading
from setwise.readers.registry import reader_of
from setwise.runs.run import Run


def read_as(
    run: Run,
    source: Any,
    *,
    sets: Any = None,
    set_id: str | None = None,
    reading: Reading | None = None,
    measured: bool = False,
) -> dict[str, Any]:
    """Return the choices of reading for new data: those that are given, else those that the run was fitted with.

    A choice that the reader of the source does not have is no matter, and a column of files only where it is there.

    Args:
        run: a run.
        source: what is read.
        sets: the table of sets, or none.
        set_id: the column that names the sets; none for that of the run.
        reading: choices that are given.
        measured: sets are compared with their targets, so that those without are left out as in the fit.

    Returns:
        The arguments ``sets``, ``set_id`` and ``reading`` of `setwise.read`.
    """
    asked = Reading() if reading is None else reading
    own = (*reader_of(source).options, *OF_SETS)
    kept = {name: value for name, value in run.record.choices.items() if name in own and name not in asked.given}
    if "layer" in asked.given or "obsm" in asked.given:
        kept = {name: value for name, value in kept.items() if name not in ("layer", "obsm")}
    for name in ("cofactor", "transform"):
        kept.pop(name, None)  # as the record of the run says by the names of its features
    if not measured:
        kept.pop("drop_unlabelled", None)
    if sets is None:
        kept.pop("file_column", None)
    named = run.record.set_id or "set_id" if set_id is None else set_id
    return {"sets": sets, "set_id": named, "reading": asked.model_copy(update=kept)}
