"""Copy what was read with the predictions of its elements as columns."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from setwise._checks import InputError
from setwise.readers.copier import Added
from setwise.readers.registry import copier_of
from setwise.readers.request import ReadRequest
from setwise.runs.element_table import columns_by_set
from setwise.targets.objectives import Objective
from setwise.targets.values import Label


def check_copies(source: Any, request: ReadRequest, objective: Objective, folder: Path) -> None:
    """Refuse copies before anything is computed for them; arguments as for `write_copies`.

    Raises:
        InputError: a source that cannot be copied so, a folder that is there, no folder to make it in, or files that
            cannot have columns of such names.
    """
    copier = copier_of(source)
    if folder.exists() or not folder.parent.is_dir():
        raise InputError(f"{folder} must be a new folder in one that is there. Name another.")
    names = objective.columns(np.ones((1, objective.width)), np.ones(1, np.int64))
    copier.check_copies(source, request, [*names])


def write_copies(
    source: Any, request: ReadRequest, table: pa.Table, sizes: Mapping[str, int], objective: Objective, folder: Path
) -> list[Path]:
    """Write copies of what was read with the predictions of every element, and return their paths.

    Files that hold no text get for each class its number (`class_numbers`), with a legend where it is not the
    class itself; sets of classes, which are text, and intervals without ends are left out there.

    Args:
        source: the files, as they were read.
        request: as they were read.
        table: predictions, a row per element (`setwise.runs.predict`).
        sizes: of the sets, by their names.
        objective: of the run.
        folder: that is there, and empty.

    Raises:
        InputError: files that changed since they were read.
    """
    copier = copier_of(source)
    names = [name for name in table.column_names if name not in ("set_id", "element")]
    legend = class_legend(objective) if copier.legend else ""
    if copier.legend:
        text, classes = {f"classes_{target}" for target in objective.names}, class_numbers(objective)
        names = [name for name in names if name not in text and table[name].null_count == 0]
        for name in classes.keys() & set(names):
            numbers = [classes[name][label] for label in table[name].to_pylist()]
            table = table.set_column(table.column_names.index(name), name, pa.array(numbers, pa.float64()))
    columns = columns_by_set(table, sizes, names)
    return copier.write_copies(source, request, folder, Added(columns, legend=legend))


def class_numbers(objective: Objective) -> dict[str, dict[Label, float]]:
    """Number the classes for files that hold no text, by the names of their columns of predictions.

    Classes that are numbers are themselves; others are counted from 1, in the order of their probabilities.
    """
    return {f"predicted_{target.name}": _numbers(target.labels) for target in objective.targets if target.labels}


def class_legend(objective: Objective) -> str:
    """Say which classes the numbers stand for that are not the classes themselves; empty where all are."""
    return "; ".join(
        f"{name}: {', '.join(f'{number:g} = {label}' for label, number in numbers.items())}"
        for name, numbers in class_numbers(objective).items()
        if numbers != _themselves(tuple(numbers))
    )


def _numbers(classes: tuple[Label, ...]) -> dict[Label, float]:
    return _themselves(classes) or {label: float(number) for number, label in enumerate(classes, 1)}


def _themselves(classes: tuple[Label, ...]) -> dict[Label, float]:
    """Return classes as the numbers that they are; none where some are no numbers, or two the same."""
    try:
        numbers = {label: float(label) for label in classes}
    except ValueError:
        return {}
    return numbers if np.isfinite([*numbers.values()]).all() and len({*numbers.values()}) == len(classes) else {}
