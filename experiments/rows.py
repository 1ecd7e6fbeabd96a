"""Rows of the tables: models and baselines with their choices and names."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

Variant = Literal["plain", "he", "zero", "carried"]
Baseline = Literal["constant", "ridge", "boosting", "mlp"]


@dataclass(frozen=True)
class Row:
    """A model, or a baseline, as a row of a table.

    Attributes:
        key: its name on the command line and in records.
        label: its name in the report.
        model: name of the model as `setwise.models.build` has it, or none for a baseline.
        choices: arguments of `build`.
        variant: "he" initialises the layers before a ReLU as He and others, "zero" makes the last layer of each
            residual block zero, "carried" hands the mean and log standard deviation that each set norm removes to the
            decoder.
        baseline: what is fitted instead of a model.
        batch_size: sets a batch where not the task's; the number of steps stays the same.
    """

    key: str
    label: str
    model: str | None = None
    choices: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    variant: Variant = "plain"
    baseline: Baseline | None = None
    batch_size: int | None = None

    @property
    def has_chance(self) -> bool:
        """Return whether another seed gives another result: boosting on all features and few sets draws nothing."""
        return self.baseline not in ("constant", "ridge", "boosting")

    @property
    def norm(self) -> str:
        """Return the name of the norm, "none" for baselines."""
        if self.model is None:
            return "none"
        return self.choices.get("norm", "set" if self.model.endswith("++") else "none")


def _deep(key: str, label: str, *, depth: int, variant: Variant = "plain", **choices: Any) -> Row:
    return Row(key, label, "deep-sets", MappingProxyType({"depth": depth, **choices}), variant)


def _residual(family: str, name: str, depth: int) -> tuple[Row, ...]:
    """Make the rows of Tables 2 and 3: paths, residuals and norms of one family at its full depth."""
    rows = []
    words = {"equivariant": "ERC", "mean": "mean", "max": "max"}
    aggregated = ("mean", "max") if family == "deep-sets" else ("mean",)
    for path, residual in (("non-clean", "equivariant"), *(("clean", r) for r in ("equivariant", *aggregated))):
        for norm in ("layer", "feature", "set"):
            choices = MappingProxyType({"depth": depth, "path": path, "residual": residual, "norm": norm})
            if (path, residual, norm) == ("clean", "equivariant", "set"):
                rows.append(Row(f"{family}++-{depth}", f"clean, ERC, set norm ({name}++)", family, choices))
                continue
            key = f"{family}-{depth}-{path.replace('-', '')}-{words[residual].lower()}-{norm}"
            rows.append(Row(key, f"{path}, {words[residual]}, {norm} norm", family, choices))
    return tuple(rows)


DEEP_SETS_3 = _deep("deep-sets-3", "Deep Sets, 3 layers", depth=2)
DEEP_SETS_50 = _deep("deep-sets-50", "Deep Sets, 50 layers", depth=50)
DEEP_SETS_PLUS_3 = Row(
    "deep-sets++-3",
    "Deep Sets++, 3 layers",
    "deep-sets",
    MappingProxyType({"depth": 2, "path": "clean", "residual": "equivariant", "norm": "set"}),
)
NORMS = (
    replace(DEEP_SETS_50, label="no norm"),
    *(_deep(f"deep-sets-50-{norm}", f"{norm} norm", depth=50, norm=norm) for norm in ("layer", "feature", "set")),
)
DEEP_SETS_RESIDUAL = _residual("deep-sets", "Deep Sets", 50)
DEEP_SETS_PLUS_50 = next(row for row in DEEP_SETS_RESIDUAL if row.key == "deep-sets++-50")
SET_TRANSFORMER_2, SET_TRANSFORMER_16 = (
    Row(
        f"set-transformer-{depth}",
        f"Set Transformer, {depth} layers",
        "set-transformer",
        MappingProxyType({"depth": depth, "path": "non-clean", "residual": "equivariant", "norm": "none"}),
    )
    for depth in (2, 16)
)
SET_TRANSFORMER_RESIDUAL = (
    replace(SET_TRANSFORMER_16, label="non-clean, ERC, no norm"),
    *_residual("set-transformer", "Set Transformer", 16),
)
SET_TRANSFORMER_PLUS_16 = next(row for row in SET_TRANSFORMER_RESIDUAL if row.key == "set-transformer++-16")
SET_TRANSFORMER_PLUS_2 = Row(
    "set-transformer++-2",
    "Set Transformer++, 2 layers",
    "set-transformer",
    MappingProxyType({**SET_TRANSFORMER_PLUS_16.choices, "depth": 2}),
)
DEPTH = (
    DEEP_SETS_3,
    DEEP_SETS_50,
    DEEP_SETS_PLUS_3,
    replace(DEEP_SETS_PLUS_50, label="Deep Sets++, 50 layers"),
    SET_TRANSFORMER_2,
    SET_TRANSFORMER_16,
    SET_TRANSFORMER_PLUS_2,
    replace(SET_TRANSFORMER_PLUS_16, label="Set Transformer++, 16 layers"),
)

CONSTANT = Row("constant", "constant (mean of the training targets)", baseline="constant")
SUMMARIES = (
    Row("summaries-ridge", "moments and quantiles, ridge", baseline="ridge"),
    Row("summaries-boosting", "moments and quantiles, gradient boosting", baseline="boosting"),
    Row("summaries-mlp", "moments and quantiles, MLP", baseline="mlp"),
)
HE = _deep("deep-sets-50-he", "Deep Sets, 50 layers, He initialisation", depth=50, variant="he")
ZERO = Row(
    "deep-sets++-50-zero",
    "Deep Sets++, 50 layers, last layer of each block begins at zero",
    "deep-sets",
    DEEP_SETS_PLUS_50.choices,
    "zero",
)
CARRIED = (
    _deep(
        "deep-sets-50-set-carried",
        "set norm, its two numbers carried to the decoder",
        depth=50,
        norm="set",
        variant="carried",
    ),
    Row(
        "deep-sets++-50-carried",
        "Deep Sets++, 50 layers, two numbers carried to the decoder",
        "deep-sets",
        DEEP_SETS_PLUS_50.choices,
        "carried",
    ),
)

SUM_ARC = Row(
    "deep-sets-50-clean-sum-set",
    "clean, sum ARC, set norm",
    "deep-sets",
    MappingProxyType({"depth": 50, "path": "clean", "residual": "sum", "norm": "set"}),
)
MAX_ARC = tuple(
    Row(
        f"set-transformer-16-clean-max-{norm}",
        f"Set Transformer, clean, max, {norm} norm",
        "set-transformer",
        MappingProxyType({"depth": 16, "path": "clean", "residual": "max", "norm": norm}),
    )
    for norm in ("layer", "feature", "set")
)
BATCH_SIZES = tuple(
    Row(
        f"deep-sets-25-{norm}-batch-{size}",
        f"Deep Sets, 25 blocks, {norm} norm, batches of {size}",
        "deep-sets",
        MappingProxyType({"depth": 24, "norm": norm}),
        batch_size=size,
    )
    for norm in ("feature", "set")
    for size in (4, 8, 16, 32, 64)
)
WEIGHTED = (
    DEEP_SETS_3,
    _deep("deep-sets-3-layer", "Deep Sets, 3 layers, layer norm", depth=2, norm="layer"),
    SET_TRANSFORMER_2,
    Row(
        "set-transformer-2-layer",
        "Set Transformer, 2 layers, layer norm",
        "set-transformer",
        MappingProxyType({**SET_TRANSFORMER_2.choices, "norm": "layer"}),
    ),
)
