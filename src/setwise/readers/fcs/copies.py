"""Copy the FCS files of a source with further channels, for programs that gate."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from setwise._checks import InputError
from setwise.readers.copier import Added
from setwise.readers.fcs.read import fcs_files, open_as
from setwise.readers.fcs.write import copy_fcs
from setwise.readers.request import ReadRequest
from setwise.store.tables import listed

SCORED = "scored"  # channel that is 1 for events that have values
LEGEND = "SETWISE_CLASSES"


def check_channels(source: Any, request: ReadRequest, names: Sequence[str]) -> None:
    """Refuse files that have channels of some names; one that cannot be read is told or left out by reading.

    Raises:
        InputError: such a file.
    """
    for path in fcs_files(source, request).paths:
        try:
            channels = open_as(path, request).channels
        except InputError:
            continue
        there = {channel.name for channel in channels}.intersection(map(_channel, names))
        if there:
            raise InputError(
                f"{path}: files must not have the channels that their copies get; it has {listed(sorted(there))}. "
                "Predict from the originals."
            )


def copy_files(source: Any, request: ReadRequest, folder: Path, added: Added) -> list[Path]:
    """Copy the file of every set that has values; arguments as `setwise.readers.copier.Copier.write_copies`.

    Events without a value have 0, and 0 in a further channel ``scored``, which is written where there are such events.
    The keyword ``SETWISE_CLASSES`` has the legend.

    Raises:
        InputError: a file that changed since it was read.
    """
    found = fcs_files(source, request)
    keywords = {LEGEND: added.legend} if added.legend else {}
    targets, copies = found.copy_names(), []
    for key, path in zip(found.ids, found.paths, strict=True):
        own = {
            _channel(name): np.asarray(per_set[key], np.float64)
            for name, per_set in added.columns.items()
            if key in per_set
        }
        if not own:
            continue
        original = open_as(path, request)
        size = len(next(iter(own.values())))
        if original.events != size:
            raise InputError(
                f"{path} changed since it was read: it has {original.events:,} events; {size:,} were read. Read again."
            )
        known = ~np.all([np.isnan(values) for values in own.values()], axis=0)
        channels = {name: np.nan_to_num(values) for name, values in own.items()}
        if not known.all():
            channels[SCORED] = known.astype(np.float64)
        copies.append(copy_fcs(original, folder / targets[key], channels, keywords=keywords))
    return copies


def _channel(name: str) -> str:
    """Return the name of the channel for a column."""
    return name.replace(",", ";")
