"""Draw the figures of the report from the records alone."""

from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.claims import summarise
from experiments.probes import read_probes
from experiments.records import Record, by_cell
from experiments.scales import SCALES
from setwise._files import write_atomic
from setwise.report.drawing import STYLES
from setwise.tasks import TASKS

_PANELS = (
    ("Deep Sets", (("deep-sets-3", "3 layers"), ("deep-sets-50", "50"), ("deep-sets-50-he", "50, He"))),
    ("Deep Sets++", (("deep-sets++-3", "3 layers"), ("deep-sets++-50", "50"), ("deep-sets++-50-zero", "50, zero"))),
    ("Set Transformer", (("set-transformer-2", "2 layers"), ("set-transformer-16", "16"))),
    ("Set Transformer++", (("set-transformer++-2", "2 layers"), ("set-transformer++-16", "16"))),
)
_GRADIENT_RANGE = (1e-20, 1e10)
_LOOK: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "legend.frameon": False,
    "legend.fontsize": 8,
    "svg.hashsalt": "setwise",
}


def draw_all(records: Sequence[Record], results: Path, folder: Path) -> list[tuple[str, str]]:
    """Draw what the records allow; names of the files in ``folder`` and captions.

    Args:
        records: of all runs.
        results: where the numbers of the models at their first weights are kept.
        folder: where figures are written.
    """
    drawn = []
    for name, caption, figure in _all(records, results):
        folder.mkdir(parents=True, exist_ok=True)
        buffer = BytesIO()
        with mpl.rc_context(_LOOK):
            figure.savefig(buffer, format="svg", metadata={"Date": None})
        write_atomic(folder / name, buffer.getvalue())
        drawn.append((name, caption))
    return drawn


def _all(records: Sequence[Record], results: Path) -> Iterator[tuple[str, str, Figure]]:
    with mpl.rc_context(_LOOK):
        for scale in SCALES:
            for task in TASKS:
                figure = _losses(records, scale, task)
                if figure is not None:
                    words = "the paper's protocol" if scale == "paper" else "small scale"
                    caption = (
                        f"{TASKS[task].title}, {words}: training loss against epoch by depth, as in the paper's "
                        "Figure 1, with the fix beside it. The dotted line is the constant's score on the test sets."
                    )
                    yield f"loss-{scale}-{task}.svg", caption, figure
        probes = read_probes(results)
        if probes is not None:
            yield (
                "gradients.svg",
                "Norm of the gradient of the first layer against depth, at the first weights. Lines leave the "
                "figure, or end where the number is zero or infinite in float32.",
                _gradients(probes["gradients"]),
            )
            yield (
                "spreads.svg",
                "Relative spread of the elements of a set after each block, at the first weights; set norm, clean "
                "path. Aggregated residuals make elements alike.",
                _spreads(probes["spreads"]),
            )


def _losses(records: Sequence[Record], scale: str, task: str) -> Figure | None:
    cells = by_cell(records)
    known = [key for _, rows in _PANELS for key, _ in rows if _epochs(cells.get((scale, task, key), []))]
    if not known:
        return None
    figure = Figure(figsize=(9.0, 2.6), layout="constrained")
    panels = figure.subplots(1, len(_PANELS), sharey=True)
    constant = summarise(cells.get((scale, task, "constant"), []))
    for ax, (title, rows) in zip(panels, _PANELS, strict=True):
        ax.set_title(title)
        ax.set_xlabel("epoch")
        for (key, label), (colour, style) in zip(rows, STYLES, strict=False):
            for number, record in enumerate(cells.get((scale, task, key), [])):
                epochs = range(1, len(record.losses) + 1)
                ax.plot(epochs, record.losses, style, color=colour, lw=1.2, label=label if number == 0 else None)
        if constant is not None and constant.mean is not None and TASKS[task].metric != "accuracy":
            ax.axhline(constant.mean, color="#777777", lw=0.9, ls=":")
        ax.set_yscale("log")
        if ax.has_data() and ax.get_legend_handles_labels()[1]:
            ax.legend()
    panels[0].set_ylabel("training loss")
    return figure


def _gradients(rows: Sequence[dict[str, Any]]) -> Figure:
    panels = (
        ("no residual", "none", None),
        ("equivariant, non-clean", "equivariant", "non-clean"),
        ("equivariant, clean", "equivariant", "clean"),
        *((f"{residual}, clean", residual, "clean") for residual in ("mean", "max", "sum")),
    )
    figure = Figure(figsize=(9.0, 5.5), layout="constrained")
    axes = figure.subplots(2, 3, sharex=True, sharey=True)
    lines = dict(zip(dict.fromkeys(map(_line_name, rows)), STYLES, strict=False))
    for ax, (title, residual, path) in zip(axes.flat, panels, strict=True):
        own = [row for row in rows if (row["residual"], row["path"]) == (residual, path)]
        ax.set_title(title)
        for name in dict.fromkeys(map(_line_name, own)):
            points = [(r["depth"], r["value"]) for r in own if _line_name(r) == name and r["value"]]
            _line(ax, points, name, *lines[name])
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_ylim(*_GRADIENT_RANGE)
    for ax in axes[1]:
        ax.set_xlabel("depth")
    figure.supylabel("gradient norm of the first layer")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=len(lines))
    return figure


def _spreads(rows: Sequence[dict[str, Any]]) -> Figure:
    names = {"equivariant": "equivariant", "mean": "mean, aggregated", "max": "max, aggregated"}
    figure = Figure(figsize=(4.6, 3.0), layout="constrained")
    ax = figure.subplots()
    for residual, (colour, style) in zip(names, STYLES, strict=False):
        points = [(row["layer"], row["value"]) for row in rows if row["residual"] == residual]
        _line(ax, points, names[residual], colour, style)
    ax.set(xlabel="layer", ylabel="relative spread of elements", ylim=(0.0, None))
    ax.legend()
    return figure


def _line(ax: Axes, points: Sequence[tuple[float, float]], name: str, colour: str, style: str) -> None:
    ax.plot([x for x, _ in points], [y for _, y in points], style, color=colour, lw=1.3, label=name)


def _line_name(row: dict[str, Any]) -> str:
    norm = "no norm" if row["norm"] == "none" else f"{row['norm']} norm"
    return f"{norm}, He" if row["initialisation"] == "he" else norm


def _epochs(records: Sequence[Record]) -> bool:
    return any(record.losses for record in records)
