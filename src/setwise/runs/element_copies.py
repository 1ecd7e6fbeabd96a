"""Copy FCS and AnnData files with predictions for their elements: channels, columns of ``obs``."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from setwise._checks import InputError
from setwise.readers.anndata.write import write_anndata
from setwise.readers.fcs.file import open_fcs
from setwise.readers.fcs.read import fcs_files
from setwise.readers.fcs.write import copy_fcs
from setwise.readers.formats.anndata import AnnData
from setwise.readers.formats.fcs import Fcs
from setwise.readers.reading import Reading
from setwise.readers.request import ReadRequest
from setwise.store.tables import listed
from setwise.targets.objectives import Objective
from setwise.targets.values import Label


def check_copies(
    source: Any,
    objective: Objective,
    folder: Path,
    *,
    sets: Any = None,
    set_id: str = "set_id",
    reading: Reading | None = None,
) -> None:
    """Refuse copies before anything is computed for them; arguments as for `write_copies`.

    Raises:
        InputError: a source that is neither, a folder that is there, no folder to make it in, or FCS files that have
            channels of such names already.
    """
    if not Fcs().takes(source) and not (isinstance(source, str | Path) and AnnData().takes(source)):
        raise InputError(f"copies with predictions are made of FCS and AnnData files; {source} is neither.")
    if folder.exists() or not folder.parent.is_dir():
        raise InputError(f"{folder} must be a new folder in one that is there. Name another.")
    if AnnData().takes(source):
        return
    reading = Reading() if reading is None else reading
    columns = objective.columns(np.ones((1, objective.width)), np.ones(1, np.int64))
    for path in fcs_files(source, ReadRequest.of(sets=sets, set_id=set_id, reading=reading)).paths:
        there = _channels(path, reading).intersection(map(_channel, columns))
        if there:
            raise InputError(
                f"{path}: files must not have the channels that their copies get; it has {listed(sorted(there))}. "
                "Predict from the originals."
            )


def write_copies(
    source: Any,
    table: pa.Table,
    objective: Objective,
    folder: Path,
    *,
    sets: Any = None,
    set_id: str = "set_id",
    reading: Reading | None = None,
) -> list[Path]:
    """Write copies of what was read with the predictions of every element, and return their paths.

    An AnnData file gets columns of ``obs``, named as the predictions, after ``setwise_``. FCS files get a channel for
    each number, and for each class its number (`class_numbers`), which the keyword ``SETWISE_CLASSES`` explains where
    it is not the class itself; sets of classes, which are text, and intervals without ends have no channel.

    Args:
        source: the files, as they were read.
        table: predictions, a row per element (`setwise.runs.predict`).
        objective: of the run.
        folder: that is there, and empty.
        sets: the table of sets, or none; as for reading.
        set_id: the column that names the sets.
        reading: how files were read.

    Raises:
        InputError: files that changed since they were read.
    """
    names = [name for name in table.column_names if name not in ("set_id", "element")]
    owners = table["set_id"].to_numpy(zero_copy_only=False)
    begins = np.flatnonzero(np.r_[True, owners[1:] != owners[:-1]])
    ends = np.r_[begins[1:], len(owners)]
    spans = {str(owners[a]): slice(int(a), int(b)) for a, b in zip(begins, ends, strict=True)}
    columns = {name: table[name].to_numpy(zero_copy_only=False) for name in names}
    if AnnData().takes(source):
        obs = {
            f"setwise_{name}": {key: values[span] for key, span in spans.items()} for name, values in columns.items()
        }
        return [write_anndata(source, folder / Path(source).name, set_id=set_id, obs=obs)]
    text = {f"classes_{target}" for target in objective.names}
    classes = class_numbers(objective)
    numbers = {
        name: np.array([classes[name][label] for label in values]) if name in classes else np.asarray(values, float)
        for name, values in columns.items()
        if name not in text and table[name].null_count == 0
    }
    legend = class_legend(objective)
    keywords = {"SETWISE_CLASSES": legend} if legend else {}
    reading = Reading() if reading is None else reading
    found = fcs_files(source, ReadRequest.of(sets=sets, set_id=set_id, reading=reading))
    targets, copies = found.copy_names(), []
    for key, path in zip(found.ids, found.paths, strict=True):
        if key not in spans:
            continue
        original = open_fcs(path, data_set=reading.data_set)
        if original.events != spans[key].stop - spans[key].start:
            raise InputError(f"{path} changed since it was read. Predict again.")
        added = {_channel(name): values[spans[key]] for name, values in numbers.items()}
        copies.append(copy_fcs(original, folder / targets[key], added, keywords=keywords))
    return copies


def _channels(path: Path, reading: Reading) -> set[str]:
    """Return the names of a file's channels; none of one that cannot be read, which reading tells or leaves out."""
    try:
        return {channel.name for channel in open_fcs(path, data_set=reading.data_set).channels}
    except InputError:
        return set()


def _channel(name: str) -> str:
    """Return the name of the channel for a column of predictions."""
    return name.replace(",", ";")


def class_numbers(objective: Objective) -> dict[str, dict[Label, float]]:
    """Number the classes as an FCS file can hold them, by the names of their columns of predictions.

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
