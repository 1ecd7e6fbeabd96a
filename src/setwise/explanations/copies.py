"""Copy what was explained with the scores of its elements as columns."""

from pathlib import Path
from typing import Any

from setwise.explanations.explain import Explanation
from setwise.readers.copier import Added
from setwise.readers.paths import is_file_of
from setwise.readers.registry import copier_of
from setwise.readers.request import ReadRequest
from setwise.runs.element_table import columns_by_set


def copy_with_scores(explanation: Explanation, source: Any, request: ReadRequest, folder: Path) -> list[Path]:
    """Write copies of the files of the explained sets, with a column named after each method, and return their paths.

    Elements without a score (of a sub-sample, or the only one of its set) have none. The tables of the explained sets,
    and of what the deletion curves say of the methods, go along where the format has a place for them.

    Args:
        explanation: of sets that were read from the source.
        source: the files, as they were read.
        request: as they were read.
        folder: that takes the copies; those of several files in a folder of it, named after their suffix.

    Raises:
        InputError: a source that cannot be copied so; files that changed since they were read.
    """
    copier = copier_of(source)
    sizes = dict(zip(*(explanation.sets[name].to_pylist() for name in ("set_id", "size")), strict=True))
    columns = columns_by_set(explanation.scores, sizes, explanation.methods)
    if not is_file_of(source, copier.suffixes):
        folder = folder / copier.suffixes[0].removeprefix(".")
        folder.mkdir(parents=True, exist_ok=True)
    tables = {"sets": explanation.sets, "faithfulness": explanation.faithfulness}
    return copier.write_copies(source, request, folder, Added(columns, tables))
