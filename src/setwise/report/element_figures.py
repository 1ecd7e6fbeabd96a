"""Draw the elements that stand out in an explanation, beside all elements."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import AsinhLocator, FuncFormatter, NullLocator

from setwise.report.drawing import GREY, MANY_POINTS, ORANGE, Drawing, panels, shortened
from setwise.report.rounding import number
from setwise.report.standout import TOP, Group

_MOST_GROUPS = 4
_MOST_POINTS = 20_000
_TAIL = 15  # times the middle 80 %, from which an axis is stretched near zero


def pairs_of_features(groups: Sequence[Group], features: Sequence[str], *, method: str) -> Drawing | None:
    """Draw the elements that stand out among all, in the pairs of features that separate best; a row per answer."""
    shown = [group for group in groups[:_MOST_GROUPS] if group.pairs]
    if not shown:
        return None
    columns = max(len(group.pairs) for group in shown)
    with panels(len(shown), columns, width=3.6, height=3.1) as (figure, axes):
        for ax in axes:
            ax.set_axis_off()
        for row, group in enumerate(shown):
            for column, (first, second) in enumerate(group.pairs):
                ax = axes[row * columns + column]
                ax.set_axis_on()
                _cloud(ax, group, first, second)
                ax.set_xlabel(shortened(features[first]))
                ax.set_ylabel(shortened(features[second]))
                ax.set_title(f"explained: {shortened(group.answer, 30)}" if column == 0 else "")
        handles = [
            Line2D([], [], color=color, marker=marker, linestyle="", label=label)
            for color, marker, label in ((GREY, "o", "all elements"), (ORANGE, "^", "highest-scored elements"))
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=2)
    words = "; ".join(_pair_words(group, features) for group in shown)
    return Drawing(
        figure,
        f"The highest {TOP:.0%} of the elements by {method} (orange triangles) among all elements (grey), in the "
        "features that tell them best apart.",
        f"Scatter plots of the highest-scored elements against all elements. {words}.",
    )


def distributions(groups: Sequence[Group], features: Sequence[str], *, method: str) -> Drawing | None:
    """Draw the distributions of features of the elements that stand out, against all others; a row per answer."""
    shown = list(groups[:_MOST_GROUPS])
    if not shown:
        return None
    columns = min(3, max(len(group.features) for group in shown))
    rows_each = max(-(-len(group.features) // columns) for group in shown)
    with panels(rows_each * len(shown), columns, width=2.7, height=2.0) as (figure, axes):
        for ax in axes:
            ax.set_axis_off()
        for place, group in enumerate(shown):
            for position, feature in enumerate(group.features):
                ax = axes[place * rows_each * columns + position]
                ax.set_axis_on()
                _densities(ax, group.elements[:, feature], group.top)
                ax.set_xlabel(shortened(features[feature]))
                ax.set_yticks([])
                ax.set_title(f"explained: {shortened(group.answer, 30)}" if position == 0 else "")
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2)
    words = "; ".join(f"{group.answer}: {_median_words(group, features)}" for group in shown)
    return Drawing(
        figure,
        f"Features of the highest {TOP:.0%} of the elements by {method} (orange, dashed) against all others (grey), "
        "the most distinctive feature first; each curve has the same area.",
        f"Histograms of features of high-scored elements against the others. Medians, {words}.",
    )


def _cloud(ax: Axes, group: Group, first: int, second: int) -> None:
    x, y = group.elements[:, first], group.elements[:, second]
    _stretch(ax, x, "x")
    _stretch(ax, y, "y")
    rest, top = np.flatnonzero(~group.top), np.flatnonzero(group.top)
    rest, top = (some[:: max(1, len(some) // _MOST_POINTS)] for some in (rest, top))
    many = len(rest) > MANY_POINTS
    ax.scatter(
        x[rest], y[rest], s=3 if many else 9, alpha=0.25 if many else 0.5, color=GREY, linewidths=0, rasterized=many
    )
    many = len(top) > MANY_POINTS
    few = len(top) < MANY_POINTS // 4
    ax.scatter(
        x[top], y[top], s=14 if few else 8, alpha=0.85 if few else 0.6, color=ORANGE, marker="^", linewidths=0,
        rasterized=many,
    )  # fmt: skip


def _densities(ax: Axes, values: np.ndarray, top: np.ndarray) -> None:
    width = _stretch(ax, values, "x")
    low, high = ax.get_xlim()
    even = np.linspace(np.arcsinh(low / width), np.arcsinh(high / width), 41) if width else np.linspace(low, high, 41)
    edges = np.sinh(even) * width if width else even
    for chosen, color, style, filled, label in (
        (~top, GREY, "-", True, "all other elements"),
        (top, ORANGE, "--", False, "highest-scored elements"),
    ):
        counts, _ = np.histogram(values[chosen], edges)
        heights = counts / max(1, counts.sum())
        if filled:
            ax.stairs(heights, edges, fill=True, color=color, alpha=0.3)
        ax.stairs(heights, edges, color=color, linestyle=style, linewidth=1.5, label=label)
    ax.set_ylim(bottom=0)


def _stretch(ax: Axes, values: np.ndarray, which: str) -> float:
    """Limit an axis to all but the outermost values, stretch it near zero where tails are long; return by how much."""
    low, tenth, most, high = np.quantile(values, [0.001, 0.1, 0.9, 0.999])
    middle = most - tenth
    width = 0.0
    if high - low > _TAIL * max(middle, 1e-12) and high > low:
        width = max(middle, 0.01 * (high - low)) / 2
        (ax.set_xscale if which == "x" else ax.set_yscale)("asinh", linear_width=width)
        axis = ax.xaxis if which == "x" else ax.yaxis
        axis.set_major_locator(AsinhLocator(width, numticks=5, base=10))
        axis.set_major_formatter(FuncFormatter(lambda value, _: number(float(value))))
        axis.set_minor_locator(NullLocator())
    margin = 0.04 * (high - low) if high > low else 0.5
    ax.set(**{f"{which}lim": (low - margin, high + margin)})
    return width


def _pair_words(group: Group, features: Sequence[str]) -> str:
    pairs = " and ".join(f"{features[first]} with {features[second]}" for first, second in group.pairs)
    return f"{group.answer}, {int(group.top.sum()):,} of {len(group.top):,} elements: {pairs}"


def _median_words(group: Group, features: Sequence[str]) -> str:
    parts = []
    for feature in group.features[:3]:
        values = group.elements[:, feature]
        high, rest = (number(float(np.median(values[chosen]))) for chosen in (group.top, ~group.top))
        parts.append(f"{features[feature]} {high} against {rest}")
    return ", ".join(parts)
