"""Summarise the sets of a stack once for all of its parts."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from setwise.fit.parts import Example
from setwise.fit.store_parts import StoreEvaluation, StoreTraining
from setwise.layers.layer import SetSummary
from setwise.layers.summaries.beside import Beside
from setwise.layers.summaries.make import make_summary
from setwise.layers.summaries.sample import MOST_DRAWN
from setwise.models.summary_table import Table, beside, of_vectors
from setwise.prepare.inputs import Inputs
from setwise.runs.config import FitConfig
from setwise.targets.problem import Problem


class SummaryTables:
    """Summaries of the training and validation sets, each fitted to all of them and computed once.

    Summaries know no targets: what a member leaves out may be among the sets that they are fitted to, as it is among
    those that elements are standardised by.

    Args:
        problem: the sets; those of test are not looked at.
        inputs: how sets become what the models take.
        config: how many elements are drawn of a set, and the seed.
        categories: of each column of the elements, or none of numbers.
    """

    def __init__(self, problem: Problem, inputs: Inputs, config: FitConfig, categories: tuple[int, ...] | None) -> None:
        rows = np.sort(np.concatenate([problem.split.train, problem.split.validation]))
        self._categories, self._seed = categories, config.seed
        self._position = np.full(len(problem.store), -1)
        self._position[rows] = np.arange(len(rows))
        share = max(1, MOST_DRAWN // len(rows))
        few = share if config.max_elements is None else min(share, config.max_elements)
        self._fitted_to, self._all = (
            StoreEvaluation(
                problem.store,
                rows,
                problem.values[rows],
                objective=problem.objective,
                inputs=inputs,
                max_elements=most,
                seed=config.seed,
            )
            for most in (few, config.max_elements)
        )
        self._found: dict[str, tuple[SetSummary, Tensor]] = {}
        self._covariates: Tensor | None = None

    def summary(self, words: tuple[str, ...]) -> Beside:
        """Return the summaries that words name, fitted."""
        return Beside({word: self._of(word)[0] for word in words})

    def numbers(self, words: tuple[str, ...], rows: np.ndarray) -> Tensor:
        """Return the summaries of rows of the store, with their covariates ``(n, P)``."""
        at = torch.from_numpy(self._position[rows])
        assert (at >= 0).all(), "sets of test have no summaries here"
        found = torch.cat([self._of(word)[1][at] for word in words], 1)
        return beside(found, None if self._covariates is None else self._covariates[at])

    @torch.no_grad()
    def _of(self, word: str) -> tuple[SetSummary, Tensor]:
        if word not in self._found:
            summary = make_summary((word,))
            summary.fit([of_vectors(batch, self._categories) for batch in self._fitted_to.batches()], seed=self._seed)
            tables, covariates = [], []
            for batch in self._all.batches():
                tables.append(summary(of_vectors(batch, self._categories)))
                covariates.append(batch.covariates)
            if covariates[0] is not None:
                self._covariates = torch.cat(covariates)
            (part,) = summary.each()
            self._found[word] = part, torch.cat(tables)
        return self._found[word]


class TabledTraining:
    """Training sets whose summaries are taken from tables of a stack.

    Args:
        training: the sets.
        tables: of the stack.
    """

    def __init__(self, training: StoreTraining, tables: SummaryTables) -> None:
        self._training, self._tables = training, tables

    def epoch(self, epoch: int) -> Iterator[Example]:
        """Yield the batches of an epoch."""
        return self._training.epoch(epoch)

    def table(self, words: tuple[str, ...]) -> Table:
        """Return the sets by summaries that words name."""
        rows, encoded, weights = self._training.drawn()
        return Table(self._tables.summary(words), self._tables.numbers(words, rows), encoded, weights)
