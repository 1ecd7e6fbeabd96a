"""Keep the predictions for held-out sets as a table, ``held_out.csv``, beside the model."""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

from setwise._checks import InputError
from setwise.store import columns
from setwise.store.store import SetStore
from setwise.targets.objectives import Objective

HELD_OUT = "held_out.csv"


def with_groups(table: pa.Table, store: SetStore, group: str | None) -> pa.Table:
    """Return a table of predictions with the groups of the sets after their sizes, where a column names them.

    Args:
        table: with ``set_id`` and ``size``; a row per set, or several.
        store: the sets.
        group: the column of groups, or none for ``group`` where it is there.
    """
    name = group or "group"
    if name not in store.sets.column_names or name in table.column_names:
        return table
    of = dict(zip(store.set_ids, columns.clusters(store, name).tolist(), strict=True))
    owners = pa.array([str(of[owner]) for owner in table["set_id"].to_pylist()])
    return table.add_column(table.column_names.index("size") + 1, name, owners)


def to_csv(table: pa.Table) -> bytes:
    """Return a table as the bytes of a CSV file; numbers keep all their digits."""
    buffer = io.BytesIO()
    csv.write_csv(table, buffer)
    return buffer.getvalue()


def read_held_out(directory: Path, objective: Objective, group: str | None) -> pa.Table:
    """Read the table of a run's held-out predictions back, with names, groups and classes as text.

    Args:
        directory: of the run.
        objective: of the run.
        group: the column of groups that the run was fitted with, or none.

    Raises:
        InputError: there is none, or it is damaged.
    """
    path = directory / HELD_OUT
    if not path.is_file():
        raise InputError(
            f"{directory} has no {HELD_OUT}: it held no sets out, or an older version wrote it. Fit it again."
        )
    named = [target.name for target in objective.targets if target.discrete]
    texts = dict.fromkeys(("set_id", group or "group", *named, *(f"predicted_{name}" for name in named)), pa.string())
    how = csv.ConvertOptions(column_types=texts, null_values=[""], strings_can_be_null=True)
    try:
        table = csv.read_csv(path, convert_options=how)
    except pa.ArrowInvalid as error:
        raise InputError(f"{path} is damaged: {error}. Restore the file, or fit again.") from None
    needed = ["set_id", "size", *objective.names, *objective.column_names()]
    if lacking := [name for name in needed if name not in table.column_names]:
        raise InputError(f"{path} is damaged: it lacks the columns {', '.join(lacking)}. Restore it, or fit again.")
    return table


def predicted_in(table: pa.Table, objective: Objective) -> np.ndarray:
    """Return the predictions ``(n, P)`` of a table."""
    return np.stack([table[name].to_numpy().astype(np.float64) for name in objective.column_names()], axis=1)


def truth_in(table: pa.Table, objective: Objective) -> np.ndarray:
    """Return what the predictions of a table are compared with ``(n, T)``, NaN where missing."""
    return np.stack([target.truth_in(table) for target in objective.targets], axis=1)
