"""Turn the sets of a store into the inputs of a model: the order of features, transforms, covariates."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch

from setwise._checks import InputError
from setwise.batch import SetBatch
from setwise.prepare.covariates import Covariates
from setwise.prepare.standardiser import Standardiser
from setwise.store.batching import BatchSampler, SetDataset, make_loader
from setwise.store.store import SetStore

_NUMBERS_PER_BATCH = 1 << 24  # 64 MiB a layer in float32 at width 128; measuring needs no gradients


@dataclass(frozen=True)
class Inputs:
    """Inputs of a model, fitted on training sets and applied to any.

    Attributes:
        features: names of the element features in the model's order (one name where elements are no vectors).
        shape: trailing shape of an element in the store: ``(D,)`` vectors, ``()`` categories, ``(H, W)`` or
            ``(C, H, W)`` images.
        standardiser: of vectors and images, or none.
        covariates: of the sets, or none.
        categories: number of categories, for elements of shape ``()``.
    """

    features: tuple[str, ...]
    shape: tuple[int, ...]
    standardiser: Standardiser | None = None
    covariates: Covariates | None = None
    categories: int | None = None

    @classmethod
    def fit(
        cls,
        store: SetStore,
        rows: np.ndarray,
        *,
        covariates: Sequence[str] = (),
        standardise: bool = True,
    ) -> Self:
        """Take names, covariates and categories from the training sets; elements are not standardised.

        Args:
            store: all sets.
            rows: the training sets.
            covariates: names of columns of the per-set table.
            standardise: standardise covariates.

        Raises:
            InputError: covariates that are missing; elements of a shape that no model takes.
        """
        if len(store.shape) not in (0, 1, 2, 3):
            raise InputError(
                f"elements must be vectors (D,), images (H, W) or (C, H, W), or categories; got shape {store.shape}. "
                "Flatten them to vectors."
            )
        scale = None
        if covariates:
            scale = Covariates.fit(store, covariates, rows, standardise=standardise)
        categories = _count_categories(store, rows) if store.shape == () else None
        return cls(store.features, store.shape, None, scale, categories)

    def standardised(self, store: SetStore, rows: np.ndarray) -> Self:
        """Return the same with elements, but categories, standardised by those of the training sets; reads them all."""
        return self if self.shape == () else replace(self, standardiser=Standardiser.fit(store, rows))

    def model_choices(self) -> dict[str, Any]:
        """Return what `setwise.models.make_spec` has to know of the inputs."""
        covariates = 0 if self.covariates is None else self.covariates.width
        if self.categories is not None:
            choices = {"in_features": 1, "elements": "categories", "categories": (self.categories,)}
        elif len(self.shape) == 1:
            choices = {"in_features": self.shape[0]}
        else:
            choices = {"in_features": 1 if len(self.shape) == 2 else self.shape[0], "elements": "images"}
        return {**choices, "covariates": covariates}

    def batches(
        self,
        store: SetStore,
        rows: np.ndarray,
        *,
        elements_per_batch: int | None = None,
        max_elements: int | None = None,
        seed: int = 0,
        workers: int = 0,
    ) -> Iterator[SetBatch]:
        """Yield the sets of some rows in order, ready for the model; the same sub-samples each time.

        Args:
            store: the sets.
            rows: which of them.
            elements_per_batch: most elements at a time (one set at least); by default what fits most memories.
            max_elements: elements drawn of larger sets, or none for whole sets.
            seed: of the draw.
            workers: processes that prepare batches.
        """
        sampler = self.sampler(store, rows, elements_per_batch=elements_per_batch, max_elements=max_elements, seed=seed)
        for batch, _ in make_loader(self.dataset(store, max_elements), sampler, workers=workers):
            yield self.prepare(batch, self.order(store))

    def sampler(
        self,
        store: SetStore,
        rows: np.ndarray,
        *,
        elements_per_batch: int | None = None,
        max_elements: int | None = None,
        seed: int = 0,
    ) -> BatchSampler:
        """Return the sampler by which `batches` goes through the sets; arguments alike."""
        if elements_per_batch is None:
            elements_per_batch = self.elements_per_batch()
        return BatchSampler(
            store.sizes, rows, elements_per_batch=elements_per_batch, max_elements=max_elements, seed=seed
        )

    def elements_per_batch(self) -> int:
        """Return the most elements at a time, where nobody says: what fits most memories."""
        return max(1, _NUMBERS_PER_BATCH // max(128, math.prod(self.shape)))

    def dataset(self, store: SetStore, max_elements: int | None = None) -> SetDataset:
        """Return the store's sets with their covariates as the model takes them.

        Raises:
            InputError: a covariate that is missing.
        """
        if self.covariates is None:
            return SetDataset(store, max_elements=max_elements)
        return SetDataset(store, covariates=self.covariates.apply(store), max_elements=max_elements)

    def prepare(self, batch: SetBatch, order: list[int] | None = None) -> SetBatch:
        """Put a batch's features in order and standardise them, in the shape that the model takes."""
        elements = batch.elements
        if order is not None:
            elements = elements[:, order]
        if self.categories is not None:
            return batch.with_elements(self._checked_categories(elements).long()[:, None])
        if not elements.is_floating_point():
            elements = elements.to(torch.get_default_dtype())
        if len(self.shape) == 2:
            elements = elements[:, None]
        batch = batch.with_elements(elements)
        return batch if self.standardiser is None else self.standardiser.apply(batch)

    def order(self, store: SetStore) -> list[int] | None:
        """Return the place of each of the model's features among the store's, or none where the order is the same.

        Raises:
            InputError: other features, or elements of another shape.
        """
        if len(store.shape) != len(self.shape) or (len(self.shape) > 1 and store.shape != self.shape):
            raise InputError(f"elements must have shape {self.shape}, as in training; got {store.shape}.")
        if len(self.shape) != 1 or store.features == self.features:
            return None
        missing = [name for name in self.features if name not in store.features]
        extra = [name for name in store.features if name not in self.features]
        if missing or extra:
            raise InputError(
                f"elements must have the {len(self.features)} features of training ({_some(self.features)}); "
                f"got {len(store.features)} ({_some(store.features)})"
                + (f"; missing: {_some(missing)}" if missing else "")
                + (f"; not known: {_some(extra)}" if extra else "")
                + ". Features are found by their names: rename the columns, and name those to read (--features)."
            )
        return [store.features.index(name) for name in self.features]

    def _checked_categories(self, elements: torch.Tensor) -> torch.Tensor:
        low, high = int(elements.min()), int(elements.max())
        assert self.categories is not None
        if low < 0 or high >= self.categories:
            raise InputError(
                f"categories must be whole numbers from 0 to {self.categories - 1}, as in the training sets; "
                f"got {low if low < 0 else high}. Leave out elements of unknown categories."
            )
        return elements


def _count_categories(store: SetStore, rows: np.ndarray) -> int:
    low = min(int(store.elements(int(row)).min()) for row in rows)
    if low < 0:
        raise InputError(f"categories must be whole numbers from 0; got {low}. Number them from 0.")
    return 1 + max(int(store.elements(int(row)).max()) for row in rows)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 8 else f"{', '.join(names[:8])} and {len(names) - 8} more"
