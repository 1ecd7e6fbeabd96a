"""Transform elements that were read, and put masks beside features with missing values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from setwise._checks import InputError
from setwise._files import check_new
from setwise.store.file import Description
from setwise.store.filled import filled_store
from setwise.store.processing import MASK
from setwise.store.scales import Scale, scale_of
from setwise.store.store import SetStore


def process(
    store: SetStore,
    *,
    cofactors: Mapping[str, float],
    scales: Mapping[str, str],
    fitted: Mapping[str, float] | None,
    path: Path | None,
) -> SetStore:
    """Return the elements of a store after their transforms and with masks, in a new store.

    A feature with missing values gets another beside it that is 1 where it is missing, else 0. Where it is missing it
    has the mean of its other values, so that its spread stays what it is: the mask is what tells the model.

    Args:
        store: what was read, with missing values as NaN.
        cofactors: of ``arcsinh(x / cofactor)``, by the names of the features that it is applied to.
        scales: texts of other transforms (`setwise.store.scales.scale_of`), by the names of the features.
        fitted: features that had masks when a model was fitted, with their means then; none before that.
        path: where the new store is kept, or none for memory.

    Raises:
        InputError: elements that are no vectors, a feature that is always missing, or missing where it never was.
    """
    if len(store.shape) != 1:
        raise InputError(f"transforms and masks need vectors for elements; these have shape {store.shape}.")
    if store.is_sparse:
        raise InputError("sparse elements have no missing values, and are not transformed. Leave these options out.")
    steps = _Steps(store.features, cofactors, {name: scale_of(text) for name, text in scales.items()}, {})
    counts, sums = np.zeros(len(store.features), np.int64), np.zeros(len(store.features))
    for chunk in store.chunks(1 << 16):
        values = steps.scale(chunk)
        missing = np.isnan(values)
        counts += missing.sum(0)
        sums += np.where(missing, 0.0, values).sum(0)
    fills = _fills(store, counts, sums, fitted)
    steps = replace(steps, fills=fills)
    before = store.description
    done = replace(
        before.processing,
        cofactors={**before.processing.cofactors, **steps.cofactors},
        scales={**before.processing.scales, **scales},
        fills=fills,
    )
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
    fill = partial(steps.fill, store=store)
    return filled_store(path, store.sizes, store.sets, description, fill, labels=store.labels)


def aside(path: Path) -> Path:
    """Return where a store lies until it is processed."""
    check_new(path)
    return path.with_name(f".{path.name}.unprocessed")


@dataclass(frozen=True)
class _Steps:
    features: tuple[str, ...]
    cofactors: Mapping[str, float]
    scales: Mapping[str, Scale]
    fills: Mapping[str, float]

    def scale(self, chunk: np.ndarray) -> np.ndarray:
        """Return the features ``(n, D)`` float64 after their transforms."""
        values = chunk.astype(np.float64)
        for name, cofactor in self.cofactors.items():
            column = self.features.index(name)
            values[:, column] = np.arcsinh(values[:, column] / cofactor)
        for name, scale in self.scales.items():
            column = self.features.index(name)
            values[:, column] = scale.apply(values[:, column])
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


def _fills(
    store: SetStore, counts: np.ndarray, sums: np.ndarray, fitted: Mapping[str, float] | None
) -> dict[str, float]:
    """Return what stands where features are missing, by their names: the means of a model, else their own."""
    missing = [name for name, count in zip(store.features, counts, strict=True) if count]
    if fitted is not None:
        if unknown := [name for name in missing if name not in fitted]:
            raise InputError(
                f"feature {unknown[0]!r} has missing values, and had none when the model was fitted, which has "
                f"{_some(list(fitted))}. Fill them in, or drop such elements."
            )
        return {name: value for name, value in fitted.items() if name in store.features}
    known = store.num_elements - counts
    if (known == 0).any():
        name = store.features[int((known == 0).argmax())]
        raise InputError(f"feature {name!r} is missing in every element. Leave it out (--features).")
    means = dict(zip(store.features, (sums / known).tolist(), strict=True))
    return {name: means[name] for name in missing}


def _some(names: Sequence[str]) -> str:
    return f"masks of {', '.join(names)} only" if names else "no masks"
