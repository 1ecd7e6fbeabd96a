"""Tell channels of FCS files that are no measurement, by their values in the order of the events."""

from collections.abc import Sequence

import numpy as np

from setwise.readers.fcs.channels import check_have
from setwise.readers.fcs.file import FcsFile
from setwise.readers.order import OrderCheck, may_be_ordered

_FIRST = 1 << 10  # events that clear nearly every channel


def check_order(files: Sequence[FcsFile], names: Sequence[str]) -> OrderCheck:
    """Look at the first events of each file, then at all events of channels that these leave open, as they are stored.

    Raises:
        InputError: a file that ends before its last event.
    """
    columns = check_have(files, names)
    open_ = list(range(len(names)))
    for file, own in zip(files, columns, strict=True):
        events = file.first(_FIRST)
        codes = np.zeros(len(events), np.int64)
        open_ = [n for n in open_ if may_be_ordered(events[:, own[n]], codes)]
        if not open_:
            break
    check = OrderCheck([names[n] for n in open_], as_measured=True)
    for row, (file, own) in enumerate(zip(files, columns, strict=True)) if open_ else ():
        for events in file.read():
            chosen = events[:, [own[n] for n in open_]]
            check.add(lambda n, chosen=chosen: chosen[:, n], np.full(len(events), row))
    return check
