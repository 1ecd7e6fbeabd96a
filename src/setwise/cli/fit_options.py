"""Options of `setwise fit`: what to predict, which model, how to fit it, where the run goes."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from setwise import variants

_MODEL, _FIT, _RUN = "Model", "Fit", "Run"


def _listed(words: Iterable[str]) -> str:
    return f"{', '.join(words)}."


Target = Annotated[
    list[str] | None,
    typer.Option(metavar="COLUMN", help="Column to predict; repeat for several, numbers and classes alike."),
]
ElementTarget = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN",
        help="Predict this column of the elements (channel, column of obs) of every element, instead of sets.",
    ),
]
Out = Annotated[Path, typer.Option(metavar="DIRECTORY", help="Where the run is written.")]
Covariates = Annotated[
    list[str] | None,
    typer.Option(metavar="A,B,...", help="Columns of the sets that the model sees too: numbers, text."),
]
Group = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="What must be on one side of the split (the patient).", show_default="group"),
]
Task = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[TARGET=]KIND",
        help="regression, classification or ordinal, for all targets or for one; by default text and two values are "
        "classes. Of elements also which-element: one of each set is marked 1.",
        show_default="auto",
    ),
]
Order = Annotated[
    list[str] | None,
    typer.Option(metavar="TARGET=LOW,...,HIGH", help="Classes of an ordinal target in their order; numbers need none."),
]
ClassWeights = Annotated[
    str | None,
    typer.Option(
        metavar="balanced|A=1,B=5", rich_help_panel=_FIT, help="Weights of classes in the loss; balanced: all alike."
    ),
]
BalancedSampling = Annotated[
    bool | None,
    typer.Option("--balanced-sampling", rich_help_panel=_FIT, help="Draw sets so that all classes come alike."),
]
WeightColumn = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", rich_help_panel=_FIT, help="Weights of sets in the loss; metrics count sets alike."),
]
Validation = Annotated[
    float | None,
    typer.Option(
        help="Share of the sets that decides which epoch is kept; 0 for none.",
        show_default="0.15, and 0 below 1,000 sets",
    ),
]
Test = Annotated[float, typer.Option(help="Share of the sets that is held out to measure the model.")]
Model = Annotated[
    str,
    typer.Option(help="deep-sets, deep-sets++, set-transformer or set-transformer++.", rich_help_panel=_MODEL),
]
Depth = Annotated[
    int | None,
    typer.Option(min=1, rich_help_panel=_MODEL, help="Layers.", show_default="by the number of training sets"),
]
Width = Annotated[
    int | None,
    typer.Option(
        min=1, rich_help_panel=_MODEL, help="Hidden features.", show_default="64 below 1,000 training sets, else 128"
    ),
]
Norm = Annotated[
    str | None,
    typer.Option(rich_help_panel=_MODEL, help=_listed(variants.NORMS), show_default="the model's"),
]
Residual = Annotated[
    str | None,
    typer.Option(rich_help_panel=_MODEL, help="none, equivariant, mean, max.", show_default="the model's"),
]
ResidualPath = Annotated[
    str | None, typer.Option(rich_help_panel=_MODEL, help="clean or non-clean.", show_default="the model's")
]
Pool = Annotated[
    str | None,
    typer.Option(rich_help_panel=_MODEL, help=_listed(variants.POOLS), show_default="the model's"),
]
Heads = Annotated[
    int | None,
    typer.Option(min=1, rich_help_panel=_MODEL, help="Heads of a Set Transformer.", show_default="4"),
]
Inducing = Annotated[
    int | None,
    typer.Option(min=1, rich_help_panel=_MODEL, help="Its inducing points.", show_default="32"),
]
Epochs = Annotated[
    int | None, typer.Option(rich_help_panel=_FIT, help="Most passes over the sets.", show_default="100")
]
BatchSize = Annotated[
    int | None,
    typer.Option(
        min=1,
        rich_help_panel=_FIT,
        help="Sets in a batch.",
        show_default="an eighth of the training sets, from 4 to 32",
    ),
]
ElementsPerBatch = Annotated[
    int | None, typer.Option(rich_help_panel=_FIT, help="Most elements in a batch; replaces --batch-size.")
]
MaxElements = Annotated[
    int,
    typer.Option(min=0, rich_help_panel=_FIT, help="Elements drawn from larger sets, afresh each epoch; 0 for all."),
]
Optimizer = Annotated[str | None, typer.Option(rich_help_panel=_FIT, help="adamw or adam.", show_default="adamw")]
LearningRate = Annotated[float | None, typer.Option(rich_help_panel=_FIT, help="The highest.", show_default="0.001")]
WeightDecay = Annotated[
    float | None, typer.Option(rich_help_panel=_FIT, help="Pull of the weights to zero.", show_default="0.01")
]
Schedule = Annotated[str | None, typer.Option(rich_help_panel=_FIT, help="cosine or constant.", show_default="cosine")]
Clip = Annotated[
    float | None, typer.Option(rich_help_panel=_FIT, help="Longest gradient; 0 for any.", show_default="1")
]
Accumulate = Annotated[int | None, typer.Option(rich_help_panel=_FIT, help="Batches to one step.", show_default="1")]
Patience = Annotated[
    int | None,
    typer.Option(rich_help_panel=_FIT, help="Epochs without gain before the end; 0 for all.", show_default="20"),
]
Precision = Annotated[
    str | None,
    typer.Option(rich_help_panel=_FIT, help="32-true, 64-true, bf16-mixed, bf16-true.", show_default="32-true"),
]
Device = Annotated[
    str | None, typer.Option(rich_help_panel=_FIT, help="auto, cpu, cuda, cuda:1, mps.", show_default="auto")
]
Memory = Annotated[
    str | None,
    typer.Option(
        rich_help_panel=_FIT,
        help="normal, or low: activations computed anew, the same gradients, a third slower; for large sets, depth.",
        show_default="by the memory at hand",
    ),
]
Workers = Annotated[
    int | None, typer.Option(rich_help_panel=_FIT, help="Processes that prepare batches.", show_default="0")
]
Calibrate = Annotated[
    bool | None,
    typer.Option(
        "--calibrate/--no-calibrate",
        rich_help_panel=_FIT,
        help="Temper probabilities, on validation sets or on those that each model of an ensemble leaves out.",
        show_default="where few sets leave none for validation",
    ),
]
Coverage = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        rich_help_panel=_FIT,
        help="Intervals that hold this share of new sets (or of the elements of new sets), such as 0.9; half of the "
        "validation sets serve them.",
        show_default="none",
    ),
]
Ensemble = Annotated[
    int | None,
    typer.Option(
        min=1,
        rich_help_panel=_FIT,
        help="Models that are fitted and averaged.",
        show_default="5 below 1,000 training sets, else 1",
    ),
]
Seed = Annotated[
    int | None, typer.Option(rich_help_panel=_FIT, help="Of split, weights, order and draws.", show_default="0")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", rich_help_panel=_RUN, help="Replace the run that is there.")]
Resume = Annotated[bool, typer.Option("--resume", rich_help_panel=_RUN, help="Go on with a run that was stopped.")]
Baselines = Annotated[bool, typer.Option(rich_help_panel=_RUN, help="Measure ridge and gradient boosting as well.")]
Store = Annotated[
    Path | None,
    typer.Option(metavar="NEW.arrow", rich_help_panel=_RUN, help="Keep what was read, for tables beyond memory."),
]
Tensorboard = Annotated[bool, typer.Option("--tensorboard", rich_help_panel=_RUN, help="Write curves for TensorBoard.")]
