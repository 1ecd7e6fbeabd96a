"""Make a run one module of plain tensors: raw elements, sizes and covariates in, predictions in their units out."""

import json
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from setwise.batch import SetBatch, SetLayout, rows_of
from setwise.prepare.covariates import Number
from setwise.runs.record import library_versions
from setwise.runs.run import Run


class PackedPredictor(nn.Module):
    """The predictions of a run as a function of tensors alone; transforms and units are inside. Invariant.

    Shapes: elements ``(N, D)`` in the units of the features and in the order of ``run.features`` (images ``(N, H, W)``
    or ``(N, C, H, W)``, categories ``(N,)`` whole numbers), the sets one after the other; sizes ``(B,)`` int64, above
    zero, adding up to N; covariates ``(B, C)`` exactly where the run has some: numbers in their units, or
    numbers of levels (from 0, as ``setwise.json`` lists them), NaN where missing. Result: ``(B, P)``, targets in their
    units and probabilities of classes; ``(N, P)`` of a run that predicts elements.

    Args:
        run: a fitted model.
    """

    def __init__(self, run: Run):
        super().__init__()
        self.members = nn.ModuleList(run.members)
        self.categories, self.flat_images = run.inputs.categories is not None, len(run.inputs.shape) == 2
        self.objective = run.objective
        standardiser, self.covariates = run.inputs.standardiser, run.inputs.covariates
        for part in ("mean", "std") if standardiser is not None else ():
            self.register_buffer(f"elements_{part}", torch.tensor(getattr(standardiser, part), dtype=run.dtype))
        self.dtype = run.dtype

    def forward(self, elements: Tensor, sizes: Tensor, covariates: Tensor | None = None) -> Tensor:
        elements = elements[:, None] if self.categories or self.flat_images else elements
        if not self.categories:
            elements = self._standardised(elements.to(self.dtype))
        if covariates is not None and self.covariates is not None:
            covariates = self.covariates.encode(covariates.to(self.dtype))
        batch = SetBatch(elements, _layout(sizes, elements.shape[0]), covariates)
        predicted = [self.objective.transform(rows_of(member(batch))) for member in self.members]
        return predicted[0] if len(predicted) == 1 else torch.stack(predicted).mean(0)

    def _standardised(self, x: Tensor) -> Tensor:
        if not hasattr(self, "elements_mean"):
            return x
        return (x - self.get_buffer("elements_mean")) / self.get_buffer("elements_std")


def _layout(sizes: Tensor, elements: int) -> SetLayout:
    """Make the layout by operators that other runtimes have: where a set ends, the next one begins."""
    ends = sizes.cumsum(0)
    begins = sizes.new_zeros(elements + 1).scatter(0, ends, 1)
    return SetLayout(sizes, F.pad(ends, (1, 0)), begins[:-1].cumsum(0), None)


def describe(run: Run) -> dict[str, Any]:
    """Describe an exported file in the file itself: names, transforms (already inside), targets, classes, versions."""
    record, objective = run.record, run.objective
    covariates = run.inputs.covariates
    return {
        "inputs": {
            "elements": {"features": list(run.features), "shape": ["N", *record.shape], "units": "as in training"},
            "sizes": {"shape": ["B"], "meaning": "elements of each set, above zero, adding up to N"},
            **(
                {"covariates": {"names": list(covariates.names), "shape": ["B", len(covariates.names)]}}
                if covariates
                else {}
            ),
        },
        "output": {"shape": ["B", objective.width], "columns": objective.column_names()},
        "standardiser": record.standardiser,
        "covariates": None if covariates is None else covariates.model_dump(mode="json"),
        "objective": objective.to_dict(),
        "model": record.model,
        "spec": record.spec,
        "fingerprint": record.fingerprint,
        "trained_with": record.versions,
        "exported_with": library_versions(),
    }


def example(run: Run, sizes: list[int], *, seed: int = 0) -> tuple[Tensor, ...]:
    """Draw inputs of a `PackedPredictor`, about as large as those of the training."""
    draw = torch.Generator().manual_seed(seed)
    count, shape = sum(sizes), run.inputs.shape
    if run.inputs.categories is not None:
        elements = torch.randint(0, run.inputs.categories, (count,), generator=draw)
    else:
        elements = torch.randn(count, *shape, generator=draw)
        if run.inputs.standardiser is not None:
            scale = run.inputs.standardiser
            elements = elements * torch.tensor(scale.std) + torch.tensor(scale.mean)
    inputs = elements, torch.tensor(sizes)
    covariates = run.inputs.covariates
    if covariates is None:
        return inputs
    values = [
        torch.randn(len(sizes), generator=draw) * column.std + column.mean
        if isinstance(column, Number)
        else torch.randint(len(column.levels), (len(sizes),), generator=draw).float()
        for column in covariates.columns
    ]
    return *inputs, torch.stack(values, dim=1)


def as_json(description: dict[str, Any]) -> str:
    """Return a description as text."""
    return json.dumps(description, indent=1)
