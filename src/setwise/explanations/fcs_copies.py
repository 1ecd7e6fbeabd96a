"""Copy FCS files with the scores of their events as channels, for programs that gate."""

from pathlib import Path
from typing import Any

import numpy as np

from setwise._checks import InputError
from setwise.explanations.explain import Explanation
from setwise.readers.fcs.file import open_fcs
from setwise.readers.fcs.read import fcs_files
from setwise.readers.fcs.write import copy_fcs
from setwise.readers.formats.fcs import Fcs
from setwise.readers.reading import Reading
from setwise.readers.request import ReadRequest

SCORED = "scored"  # channel that is 1 for events that have scores


def check_fcs(source: Any) -> None:
    """Refuse a source that has no FCS files to copy.

    Raises:
        InputError: another source.
    """
    if not Fcs().takes(source):
        raise InputError(f"copies with scores are made of FCS and AnnData files; {source} is neither.")


def copy_with_scores(
    explanation: Explanation,
    source: Any,
    folder: Path,
    *,
    sets: Any = None,
    set_id: str = "set_id",
    reading: Reading | None = None,
) -> list[Path]:
    """Write a copy of the FCS file of every explained set, with a channel for each method.

    Channels are named after the methods. Events without a score (of a sub-sample, or the only one of its set) have 0
    there, and 0 in a further channel ``scored``, which is written where there are such events.

    Args:
        explanation: of sets that were read from the source.
        source: FCS files as `setwise.readers.read` takes them.
        folder: whose folder ``fcs`` takes the copies, each named after its original; where two have one name, after
            its set.
        sets: the table of sets, or none; as for reading.
        set_id: the column that names the sets.
        reading: how files are read.

    Returns:
        The copies.

    Raises:
        InputError: a source without FCS files; files that changed since they were read.
    """
    check_fcs(source)
    reading = Reading() if reading is None else reading
    found = fcs_files(source, ReadRequest.of(sets=sets, set_id=set_id, reading=reading))
    paths = dict(zip(found.ids, found.paths, strict=True))
    targets = found.copy_names()
    scores = explanation.scores
    owners, elements = scores["set_id"].to_numpy(), scores["element"].to_numpy()
    folder = folder / "fcs"
    folder.mkdir(parents=True, exist_ok=True)
    copies = []
    for name, size in zip(*(explanation.sets[column].to_pylist() for column in ("set_id", "size")), strict=True):
        path = paths[name]
        original = open_fcs(path, data_set=reading.data_set)
        if original.events != size:
            raise InputError(
                f"{path} changed since it was read: it has {original.events:,} events; {size:,} were read."
            )
        own = owners == name
        known = np.zeros(size, bool)
        added: dict[str, np.ndarray] = {}
        for method in explanation.methods:
            values = scores[method].to_numpy()[own].astype(np.float64)
            added[method] = np.zeros(size)
            added[method][elements[own]] = np.nan_to_num(values)
            known[elements[own][~np.isnan(values)]] = True
        if not known.all():
            added[SCORED] = known.astype(np.float64)
        copies.append(copy_fcs(original, folder / targets[name], added))
    return copies
