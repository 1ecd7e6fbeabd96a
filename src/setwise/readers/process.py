"""What is done to elements after they were read: arcsinh, and masks beside features with missing values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from setwise._checks import InputError
from setwise._files import check_new
from setwise.readers.fcs.channels import is_clock, is_scatter
from setwise.store.file import Description, new_file
from setwise.store.reading import MASK, Processing, Reading
from setwise.store.spill import allocate
from setwise.store.store import SetStore


def is_left_to_do(reading: Reading, like: Processing | None) -> bool:
    """Whether elements of tables and arrays need a second pass: known before they are read."""
    return (
        bool(reading.cofactor) or reading.missing == "mask" or (like is not None and bool(like.cofactors or like.fills))
    )


def process(store: SetStore, *, reading: Reading, like: Processing | None, path: Path | None) -> SetStore:
    """The elements of a store after arcsinh and with masks, in a new store.

    A feature with missing values gets another beside it that is 1 where it is missing, else 0. Where it is missing it
    has the mean of its other values, so that its spread stays what it is: the mask is what tells the model.

    Args:
        store: what was read, with missing values as NaN.
        reading: choices of reading.
        like: what was done to the elements that a model was fitted on; none for the choices alone.
        path: where the new store is kept, or none for memory.

    Raises:
        InputError: elements that are no vectors, a feature that is always missing, or missing where it never was.
    """
    if len(store.shape) != 1:
        raise InputError(f"arcsinh and masks need vectors for elements; these have shape {store.shape}.")
    if store.is_sparse:
        raise InputError("sparse elements have no missing values, and are not transformed. Leave these options out.")
    steps = _Steps(store.features, _cofactors(store, reading, like), {})
    counts, sums = np.zeros(len(store.features), np.int64), np.zeros(len(store.features))
    for chunk in store.chunks(1 << 16):
        values = steps.scale(chunk)
        missing = np.isnan(values)
        counts += missing.sum(0)
        sums += np.where(missing, 0.0, values).sum(0)
    fills = _fills(store, counts, sums, like)
    steps = replace(steps, fills=fills)
    before = store.description
    done = replace(before.processing, cofactors={**before.processing.cofactors, **steps.cofactors}, fills=fills)
    names = (*store.features, *(MASK.format(name=name) for name in fills))
    if len(set(names)) < len(names):
        raise InputError(
            f"features must have other names than the masks of missing values, {list(names)}. Rename them."
        )
    notes = [f"{MASK.format(name=name)!r} is 1 where {name!r} has no value" for name in fills]
    description = Description(
        names,
        (len(names),),
        before.left_out,
        True,
        before.problems,
        done,
        (*before.notes, *notes),
        before.skipped,
    )
    if path is None:
        elements = allocate((store.num_elements, len(names)))
        steps.fill(elements, store)
        return SetStore.from_description(elements, store.sizes, store.sets, description, store.labels)
    with new_file(path, store.sizes, store.sets, description, dtype=np.float32, labels=store.labels) as elements:
        steps.fill(elements, store)
    return SetStore.open(path)


def aside(path: Path) -> Path:
    """Where a store lies until it is processed."""
    check_new(path)
    return path.with_name(f".{path.name}.unprocessed")


@dataclass(frozen=True)
class _Steps:
    features: tuple[str, ...]
    cofactors: Mapping[str, float]
    fills: Mapping[str, float]

    def scale(self, chunk: np.ndarray) -> np.ndarray:
        """The features ``(n, D)`` float64 after arcsinh."""
        values = chunk.astype(np.float64)
        for name, cofactor in self.cofactors.items():
            column = self.features.index(name)
            values[:, column] = np.arcsinh(values[:, column] / cofactor)
        return values

    def fill(self, elements: np.ndarray, store: SetStore) -> None:
        """Write features, then masks."""
        row = 0
        masked = [self.features.index(name) for name in self.fills]
        for chunk in store.chunks(1 << 16):
            values = self.scale(chunk)
            missing = np.isnan(values[:, masked])
            values[:, masked] = np.where(missing, np.array(list(self.fills.values())), values[:, masked])
            elements[row : row + len(chunk), : values.shape[1]] = values
            elements[row : row + len(chunk), values.shape[1] :] = missing
            row += len(chunk)


def _cofactors(store: SetStore, reading: Reading, like: Processing | None) -> dict[str, float]:
    """What arcsinh is still to be applied to."""
    done = store.description.processing.cofactors
    if like is not None:
        return {name: value for name, value in like.cofactors.items() if name in store.features and name not in done}
    if not reading.cofactor or done:
        return {}
    return {name: reading.cofactor for name in store.features if not is_scatter(name) and not is_clock(name)}


def _fills(store: SetStore, counts: np.ndarray, sums: np.ndarray, like: Processing | None) -> dict[str, float]:
    missing = [name for name, count in zip(store.features, counts, strict=True) if count]
    if like is not None:
        if unknown := [name for name in missing if name not in like.fills]:
            raise InputError(
                f"feature {unknown[0]!r} has missing values, and had none when the model was fitted, which has "
                f"{_some(list(like.fills))}. Fill them in, or drop such elements."
            )
        return {name: value for name, value in like.fills.items() if name in store.features}
    known = store.num_elements - counts
    if (known == 0).any():
        name = store.features[int((known == 0).argmax())]
        raise InputError(f"feature {name!r} is missing in every element. Leave it out (--features).")
    means = dict(zip(store.features, (sums / known).tolist(), strict=True))
    return {name: means[name] for name in missing}


def _some(names: Sequence[str]) -> str:
    return f"masks of {', '.join(names)} only" if names else "no masks"
