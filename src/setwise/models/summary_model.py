"""Models of a summary of each set, fitted to the table of the training sets' summaries."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from setwise._checks import InputError
from setwise.batch import SetBatch
from setwise.layers.summaries.make import make_summary
from setwise.models.family import Examples, Head, Loss
from setwise.models.links import LINKS
from setwise.models.model import Model
from setwise.models.summary_spec import SummarySpec
from setwise.models.summary_table import Tabled, beside, of_vectors, summarised, vectors_of
from setwise.streaming.rows import Rows


class SummaryModel(Model):
    """outputs = link(head(summary(set), covariates)), a head and a link for each target; invariant.

    Shapes: as for `setwise.models.Model`, to ``(B, out_features)``.

    Args:
        spec: what the model was built from; it names the links.
        heads: maps from the table ``(B, P)`` to what a target's link takes.
    """

    spec: SummarySpec

    def __init__(self, spec: SummarySpec, heads: Sequence[nn.Module]):
        super().__init__(spec)
        self.summary, self.heads = make_summary(spec.summaries), nn.ModuleList(heads)

    def forward(self, batch: SetBatch, known: dict[str, Tensor] | None = None) -> Tensor:
        """Compute outputs; ``known`` as for `setwise.layers.summaries.Beside`."""
        self.check(batch)
        return self.of_table(self.table(batch, known))

    def stream(self, rows: Rows, covariates: Tensor | None, known: dict[str, Tensor] | None = None) -> Tensor:
        own = None if covariates is None else covariates.to(rows.sweeper.device)
        vectors = rows.map(lambda elements: vectors_of(elements, self.spec.categories))
        return self.of_table(beside(self.summary.stream(vectors, known), own))

    @torch.no_grad()
    def shift(self, by: Tensor) -> None:
        for head, own in zip(self.heads, by.split([count for _, count in self.spec.heads]), strict=True):
            last = list(head.modules())[-1]
            if not isinstance(bias := getattr(last, "bias", None), Tensor):
                super().shift(own)
                return
            bias.add_(own.to(bias))

    def table(self, batch: SetBatch, known: dict[str, Tensor] | None = None) -> Tensor:
        """Return the summaries of the sets, and the covariates beside them ``(B, P)``."""
        return beside(self.summary(of_vectors(batch, self.spec.categories), known), batch.covariates)

    def of_table(self, table: Tensor) -> Tensor:
        """Return outputs of what `table` returns."""
        if not len(self.heads):
            raise RuntimeError(f"a model of {self.spec.family} is made by a fit; this one was never fitted.")
        kinds = [kind for kind, _ in self.spec.heads]
        return torch.cat([LINKS[kind](head(table)) for kind, head in zip(kinds, self.heads, strict=True)], 1)


@dataclass(frozen=True, eq=False)
class Lesson:
    """The rows that a head learns from.

    Attributes:
        x: ``(n, P)`` float64.
        y: ``(n,)`` numbers, or numbers of classes.
        weights: ``(n,)`` of the rows, those of their classes in it.
        head: what is learned.
        seed: of all draws.
    """

    x: np.ndarray
    y: np.ndarray
    weights: np.ndarray
    head: Head
    seed: int

    @property
    def classes(self) -> int:
        """Return K of classes."""
        return self.head.outputs + (self.head.kind == "ranks")


def scale_of(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation ``(P,)`` of columns; of constant ones 1."""
    centre, scale = x.mean(0), x.std(0)
    return centre, np.where(scale > 1e-9 * np.abs(centre), scale, 1.0)


@torch.no_grad()
def fit_heads(
    spec: SummarySpec, examples: Examples, loss: Loss, fit_one: Callable[[Lesson], tuple[nn.Module, str]], *, seed: int
) -> SummaryModel:
    """Fit a head for each target to the summaries of the training sets; sets whose label is missing are left out.

    Args:
        spec: of the model.
        examples: training sets; their summaries are fitted here, but where they are `Tabled`.
        loss: what is learned.
        fit_one: returns a head with its link, one of `LINKS`.
        seed: of all draws.

    Raises:
        InputError: a summary that is not finite, or has no numbers.
    """
    from sklearn import config_context
    from sklearn.exceptions import ConvergenceWarning

    table = examples.table(spec.summaries) if isinstance(examples, Tabled) else summarised(spec, examples, seed=seed)
    x, encoded = table.x.double().numpy(), table.encoded.reshape(len(table.x), -1).double().numpy()
    counted = np.ones(len(x)) if table.weights is None else table.weights.double().numpy()
    _check_finite(spec, x)
    heads, links = [], []
    for head, y in zip(loss.heads, encoded.T, strict=True):
        known = ~np.isnan(y) & ((counted > 0) | (not counted[~np.isnan(y)].any()))
        own = np.where(counted[known] > 0, counted[known], 1.0)
        own = own if head.weights is None else own * np.asarray(head.weights)[y[known].astype(np.int64)]
        with config_context(assume_finite=True, skip_parameter_validation=True), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # what has nearly converged will do
            fitted, link = fit_one(Lesson(x[known], y[known], own, head, seed))
        heads.append(fitted)
        links.append((link, head.outputs))
    model = SummaryModel(spec.model_copy(update={"heads": tuple(links)}), heads)
    model.summary = table.summary
    return model


def _check_finite(spec: SummarySpec, x: np.ndarray) -> None:
    if not x.shape[1]:
        raise InputError(
            f"the summary {spec.summary!r} has no numbers of these sets. Choose another (--summary moments)."
        )
    if not np.isfinite(x).all():
        column = int((~np.isfinite(x)).any(0).argmax())
        raise InputError(
            f"summaries of sets must be finite; number {column} of {x.shape[1]} is not, of "
            f"{int((~np.isfinite(x)).any(1).sum())} sets. Look for extreme values with `setwise inspect`."
        )
