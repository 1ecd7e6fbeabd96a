"""Training sets as a table: a row of summaries for each."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.nn import functional

from setwise.batch import SetBatch
from setwise.layers.summaries.beside import Beside
from setwise.layers.summaries.make import make_summary
from setwise.models.family import Examples
from setwise.models.summary_spec import SummarySpec


@dataclass(frozen=True, eq=False)
class Table:
    """Training sets as rows of numbers.

    Attributes:
        summary: that made them, fitted.
        x: ``(n, P)`` summaries, and covariates beside them.
        encoded: ``(n, T)`` targets as the loss wants them.
        weights: ``(n,)`` of the sets, or none.
    """

    summary: Beside
    x: Tensor
    encoded: Tensor
    weights: Tensor | None


@runtime_checkable
class Tabled(Protocol):
    """Training sets whose summaries are at hand."""

    def table(self, words: tuple[str, ...]) -> Table:
        """Return the sets by summaries that words name."""
        ...


def summarised(spec: SummarySpec, examples: Examples, *, seed: int) -> Table:
    """Fit summaries to training sets, and return these sets by them."""
    summary, seen = make_summary(spec.summaries), list(examples.epoch(0))
    batches = [of_vectors(batch, spec.categories) for batch, _, _ in seen]
    summary.fit(batches, seed=seed)
    x = torch.cat([beside(summary(batch), batch.covariates) for batch in batches])
    weights = [w for _, _, w in seen if w is not None]
    return Table(summary, x, torch.cat([y for _, y, _ in seen]), torch.cat(weights) if weights else None)


def of_vectors(batch: SetBatch, categories: tuple[int, ...] | None) -> SetBatch:
    """Return a batch whose elements are vectors ``(N, D)``: of categories a one for each."""
    return batch.with_elements(vectors_of(batch.elements, categories))


def vectors_of(elements: Tensor, categories: tuple[int, ...] | None) -> Tensor:
    """Return elements as vectors ``(N, D)``: of categories a one for each."""
    if categories is None:
        return elements.flatten(1)
    columns = zip(elements.unbind(1), categories, strict=True)
    return torch.cat([functional.one_hot(column, count) for column, count in columns], 1).float()


def beside(summaries: Tensor, covariates: Tensor | None) -> Tensor:
    """Return summaries ``(B, P)`` with the covariates beside them."""
    return summaries if covariates is None else torch.cat([summaries, covariates.to(summaries.dtype)], 1)
