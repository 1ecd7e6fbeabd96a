"""The results as a table and a figure, from the file of results alone."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.rows import Row, newest
from benchmarks.variants import VARIANTS
from setwise.report.drawing import STYLES

_PASSES = ("training", "inference")


def table() -> str:
    """A Markdown table: times as ratios within one run, memory in MiB."""
    lines = [
        "| model | batch | pass | ours, s | ours / floor | textbook / ours | PyG / ours | kept, MiB | textbook |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join(lines + [_line(*case, rows) for case, rows in newest().items()])


def _line(model: str, batch: str, way: str, rows: dict[str, Row]) -> str:
    ours = float(rows["ours"]["seconds"])

    def over(variant: str) -> str:
        return f"{float(rows[variant]['seconds']) / ours:.1f}" if variant in rows else "-"

    def kept(variant: str) -> str:
        size = rows.get(variant, {}).get("kept_bytes")
        return f"{float(size) / 2**20:,.0f}" if size else "-"

    cells = (model, batch, way, f"{ours:.3g}", f"{float(rows['ours']['to_floor']):.2f}", over("textbook"))
    return f"| {' | '.join((*cells, over('pytorch-geometric'), kept('ours'), kept('textbook')))} |"


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
