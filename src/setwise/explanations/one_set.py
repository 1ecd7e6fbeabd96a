"""Prepare one set as the model takes it, and compute outputs for any parts of it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from setwise._checks import InputError, check_finite
from setwise.batch import SetBatch, SetLayout
from setwise.models import Model
from setwise.models.model import tensor_of
from setwise.runs.ensemble import members_of
from setwise.runs.large_sets import most_elements
from setwise.runs.run import Run
from setwise.store.store import SetStore


@dataclass(frozen=True)
class OneSet:
    """A set on the model's device, prepared for it.

    Attributes:
        model: in evaluation mode, of one or several members.
        set_id: the name of the set.
        size: elements that the set has in the store.
        index: ``(n,)`` which of them are here, in order; all, unless a sub-sample was drawn.
        elements: ``(n, ...)`` as the model takes them.
        covariates: ``(1, C)``, or none.
        most: elements that go through the model at a time (one part at least).
        advance: told how many elements went through the model.
    """

    model: nn.Module
    set_id: str
    size: int
    index: np.ndarray
    elements: Tensor
    covariates: Tensor | None
    most: int
    advance: Callable[[int], None]

    def __len__(self) -> int:
        return len(self.elements)

    @property
    def members(self) -> list[Model]:
        """Return the models of an ensemble; a model alone is its only member."""
        return set_models(self.model)

    def batch(self, parts: list[Tensor] | None = None) -> SetBatch:
        """Return the set alone, or some of its parts beside each other."""
        if parts is None:
            layout = SetLayout.uniform(1, len(self), self.elements.device)
            return SetBatch(self.elements, layout, self.covariates)
        layout = SetLayout.from_sizes([len(part) for part in parts]).to(self.elements.device)
        covariates = None if self.covariates is None else self.covariates.expand(len(parts), -1)
        return SetBatch(self.elements[torch.cat(parts)], layout, covariates)

    def outputs(self) -> Tensor:
        """Compute outputs for the set, ``(1, K)``, or ``(1, M, K)`` of an ensemble, without gradients."""
        with torch.no_grad():
            found = self.model(self.batch())
        self.advance(len(self))
        return found

    def outputs_of_parts(self, parts: Iterable[Tensor]) -> Tensor:
        """Compute outputs for parts of the set, without gradients: ``(P, K)`` for P tensors of positions.

        As many parts as ``most`` allows are computed at a time, each as if it were alone.
        """
        found = []
        with torch.no_grad():
            for some in self._packed(parts):
                found.append(self.model(self.batch(some)))
                self.advance(sum(map(len, some)))
        return torch.cat(found)

    def _packed(self, parts: Iterable[Tensor]) -> Iterator[list[Tensor]]:
        some, filled = [], 0
        for part in parts:
            if some and filled + len(part) > self.most:
                yield some
                some, filled = [], 0
            some.append(part)
            filled += len(part)
        if some:
            yield some


def set_models(model: nn.Module) -> list[Model]:
    """Return the members of a run's model.

    Raises:
        InputError: models that predict every element.
    """
    members = [member for member in members_of(model) if isinstance(member, Model)]
    if any(member.spec.output != "sets" for member in members):
        raise InputError(
            "explanations are of predictions for sets, which elements move; this run predicts every element. "
            "Whether the other elements of its set matter is told by the baselines in its report."
        )
    return members


def load_set(
    run: Run,
    store: SetStore,
    row: int,
    *,
    max_elements: int | None = None,
    seed: int = 0,
    advance: Callable[[int], None] = lambda _: None,
) -> OneSet:
    """Load one set of a store, prepared for a run's model, where the model is.

    Args:
        run: a fitted model.
        store: the sets.
        row: which of them.
        max_elements: elements drawn of a larger set, or none for all.
        seed: of the draw.
        advance: told how many elements went through the model.

    Raises:
        InputError: a model that predicts every element; elements that are no finite numbers.
    """
    model = run.model
    set_models(model)
    view = store.elements(row)
    index = np.arange(len(view))
    if max_elements is not None and max_elements < len(view):
        index = np.sort(np.random.default_rng((seed, row)).choice(len(view), max_elements, replace=False))
        view = view[index]
    elements = torch.from_numpy(np.array(view))  # a copy: the store's pages are not to be written
    if not store.description.checked:
        check_finite(elements, torch.tensor([len(elements)]), [store.set_ids[row]])
    device = tensor_of(model).device
    covariates = run.inputs.dataset(store).covariates
    own = None if covariates is None else torch.from_numpy(covariates[[row]])
    batch = SetBatch(elements, SetLayout.uniform(1, len(elements)), own)
    batch = run.inputs.prepare(batch, run.inputs.order(store)).to(device, run.dtype)
    most = min(most_elements(run), run.inputs.elements_per_batch())
    return OneSet(
        model, store.set_ids[row], int(store.sizes[row]), index, batch.elements, batch.covariates, most, advance
    )
