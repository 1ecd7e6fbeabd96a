"""Show the results as a table and a figure, from the file of results alone."""

from collections.abc import Callable
from math import isnan
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.cases import BATCHES, MODELS
from benchmarks.rows import Row, newest
from benchmarks.variants import VARIANTS
from setwise.report.drawing import STYLES

_PASSES = ("training", "inference")


def table() -> str:
    """Return a Markdown table, a row for each model and batch: training; inference. Ratios are within one run."""
    lines = [
        "| model | batch | ours, s | ours / floor | textbook / ours | PyG / ours | kept, MiB | textbook |",
        "|---|---|---|---|---|---|---|---|",
    ]
    results = newest()
    pairs = {case[:2]: {way: results.get((*case[:2], way), {}) for way in _PASSES} for case in results}
    order = [*MODELS, *BATCHES]

    def place(case: tuple[str, ...]) -> list[int]:
        return [order.index(name) if name in order else len(order) for name in case]

    return "\n".join(lines + [_line(*case, pairs[case]) for case in sorted(pairs, key=place)])


def _line(model: str, batch: str, passes: dict[str, dict[str, Row]]) -> str:
    def seconds(rows: dict[str, Row], variant: str) -> float:
        return float(rows[variant]["seconds"]) if variant in rows else float("nan")

    def both(value: Callable[[dict[str, Row]], float], how: str) -> str:
        found = [value(rows) for rows in passes.values()]
        return "; ".join("-" if isnan(number) else format(number, how) for number in found)

    def over(variant: str) -> str:
        return both(lambda rows: seconds(rows, variant) / seconds(rows, "ours"), ".1f")

    def kept(variant: str) -> str:
        size = passes["training"].get(variant, {}).get("kept_bytes")
        return f"{float(size) / 2**20:,.0f}" if size else "-"

    cells = (model, batch, both(lambda rows: seconds(rows, "ours"), ".3g"))
    floor = both(lambda rows: float(rows["ours"]["to_floor"]) if rows else float("nan"), ".2f")
    ratios = (floor, over("textbook"), over("pytorch-geometric"))
    return f"| {' | '.join((*cells, *ratios, kept('ours'), kept('textbook')))} |"


def draw(path: Path) -> None:
    """Draw the time of every variant over the floor, for each model, batch and pass."""
    results = newest()
    cases = sorted({case[:2] for case in results}, key=list(dict.fromkeys(case[:2] for case in results)).index)
    with mpl.rc_context(
        {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "svg.hashsalt": "setwise"}
    ):
        figure = Figure(figsize=(7.2, 1.6 + 0.4 * len(cases)), layout="constrained")
        panels = figure.subplots(1, 2, sharey=True)
        for ax, way in zip(panels, _PASSES, strict=True):
            for variant, (colour, _), marker in zip(VARIANTS, STYLES, "osD|", strict=False):
                points = [
                    (float(rows[variant]["to_floor"]), position)
                    for position, case in enumerate(cases)
                    if variant in (rows := results.get((*case, way), {}))
                ]
                x, y = [point[0] for point in points], [point[1] for point in points]
                ax.plot(x, y, marker, color=colour, label=variant, markersize=6)
            ax.set(title=way)
            if any(case[2] == way for case in results):
                ax.set_xscale("log")
            ax.set_yticks(range(len(cases)), [f"{model}, {batch}" for model, batch in cases])
            ax.grid(axis="x", color="#e6e6e6")
        panels[0].invert_yaxis()
        figure.supxlabel("time / time of the matrix products alone", fontsize="medium")
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None})
