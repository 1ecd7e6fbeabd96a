"""Draw docs/figures/sets.svg: a set goes in, in any order and of any size, and one answer comes out.

Run: python docs/picture.py
"""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

PICTURE = Path(__file__).resolve().parent / "figures" / "sets.svg"
_SETS = (("patient 1", 9, 0.9), ("patient 2", 70, 0.55), ("patient 3", 400, 0.2))  # name, size, share of one kind
_STEPS = (("encoder", "a layer per element,\nnormalised over its set"), ("pooling", "set to vector"), ("decoder", ""))
_BLUE, _ORANGE, _GREY = "#1f5a99", "#d9772b", "#5b6470"


def draw() -> Figure:
    """Return the picture."""
    figure = Figure(figsize=(9.0, 3.1))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 9), ylim=(0, 3.1))
    axes.axis("off")
    rng = np.random.default_rng(3)
    for row, (name, size, share) in enumerate(_SETS):
        middle = 2.5 - 0.95 * row
        _set(axes, rng, middle, size, share)
        axes.text(0.12, middle, f"{name}\n{size:,} cells", va="center", fontsize=9.5, color=_GREY)
        _arrow(axes, (2.55, middle), (3.1, middle))
        _arrow(axes, (7.1, middle), (7.5, middle))
        axes.text(7.6, middle, f"{share:.2f}", va="center", fontsize=13, color=_BLUE, weight="bold")
        axes.barh(middle, 0.7 * share, left=8.15, height=0.22, color=_BLUE)
        axes.barh(middle, 0.7, left=8.15, height=0.22, facecolor="none", edgecolor=_GREY, linewidth=0.7)
    for place, (title, words) in zip((3.15, 4.9, 6.1), _STEPS, strict=True):
        _step(axes, place, 1.6 if words.startswith("a layer") else 1.05 if words else 0.95, title, words)
    axes.text(8.07, 2.95, "share of orange", fontsize=9.5, color=_GREY, ha="center", va="center")
    axes.text(4.35, 0.08, "shuffle the cells of a set: the answer is the same", fontsize=9.5, color=_GREY, ha="center")
    return figure


def _set(axes: Axes, rng: np.random.Generator, middle: float, size: int, share: float) -> None:
    """Draw the elements of a set, of two kinds."""
    angle, radius = rng.uniform(0, 2 * np.pi, size), np.sqrt(rng.uniform(0, 1, size))
    colours = np.where(np.arange(size) < round(share * size), _ORANGE, _BLUE)
    x, y = 1.9 + 0.52 * radius * np.cos(angle), middle + 0.4 * radius * np.sin(angle)
    axes.scatter(x, y, s=16 if size < 100 else 5, c=list(colours), linewidths=0)


def _step(axes: Axes, left: float, width: float, title: str, words: str) -> None:
    """Draw a part of the model, through which all sets go."""
    box = FancyBboxPatch((left, 0.35), width, 2.45, boxstyle="round,pad=0.0,rounding_size=0.08", fc="#eef3f8", ec=_BLUE)
    axes.add_patch(box)
    axes.text(left + width / 2, 1.72, title, ha="center", fontsize=11, color=_BLUE, weight="bold")
    axes.text(left + width / 2, 1.55, words, ha="center", va="top", fontsize=8, color=_GREY)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=10, color=_GREY))


if __name__ == "__main__":
    mpl.rcParams["svg.hashsalt"] = "setwise"  # the same file each time
    mpl.rcParams["svg.fonttype"] = "none"
    draw().savefig(PICTURE, metadata={"Date": None}, facecolor="white")
