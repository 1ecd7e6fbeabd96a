"""Draw what was read: features over sets, sets by their means, pairs of features."""

import numpy as np
from matplotlib.colors import LogNorm

from setwise.report.drawing import (
    BLUE,
    GREEN,
    GREY,
    MANY_POINTS,
    ORANGE,
    POINTS,
    PURPLE,
    SKY,
    Drawing,
    axes,
    panels,
    shortened,
)
from setwise.report.rounding import number
from setwise.store.store import SetStore

_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, GREY, "#E69F00", "#000000")
_MOST_FEATURES, _ACROSS = 24, 3
_MOST_ELEMENTS, _OF_A_SET = 200_000, 2_000


def features_over_sets(store: SetStore, summaries: np.ndarray) -> Drawing:
    """Draw, for each of the first features, the median and the middle 80% of the elements of every set.

    Args:
        store: the sets.
        summaries: ``(B, S, D)`` of `setwise.store.set_summaries`.
    """
    names = store.features[:_MOST_FEATURES]
    x = np.arange(1, len(store) + 1)
    has_quantiles = summaries.shape[1] > 2
    rows = -(-len(names) // _ACROSS)
    with panels(rows, _ACROSS, width=3.1, height=1.9) as (figure, places):
        for place, ax in enumerate(places):
            if place >= len(names):
                ax.set_axis_off()
                continue
            own = summaries[:, :, place]
            low, high = (own[:, 2], own[:, 4]) if has_quantiles else (own[:, 0] - own[:, 1], own[:, 0] + own[:, 1])
            ax.vlines(x, low, high, color=BLUE, alpha=0.35, linewidth=max(0.4, min(4.0, 120 / len(x))))
            ax.plot(
                x, own[:, 3 if has_quantiles else 0], ".", color=ORANGE, markersize=max(1.0, min(5.0, 150 / len(x)))
            )
            ax.set_title(shortened(names[place], 30))
            ax.margins(x=0.02)
        figure.supxlabel("sets, in the order in which they were read", fontsize=9)
    middle = "median (point) and middle 80% of the elements (line)" if has_quantiles else "mean and standard deviation"
    more = f"; the first {len(names)} of {len(store.features)}" if len(store.features) > len(names) else ""
    spread = summaries[:, 0].std(0)[: len(names)] / np.maximum(summaries[:, 1].mean(0)[: len(names)], 1e-12)
    most = int(spread.argmax())
    return Drawing(
        figure,
        f"Each feature over the {len(store):,} sets: {middle} of every set{more}. A panel or an instrument that "
        "differs stands apart.",
        f"Small panels of {len(names)} features over {len(store)} sets. Relative to the spread within sets, means of "
        f"{names[most]} differ most between sets ({spread[most]:.2g} times).",
    )


def batch_axes(store: SetStore, means: np.ndarray, column: str, values: list[str | None]) -> Drawing:
    """Draw the sets on the first two principal axes of their standardised means ``(B, D)``, coloured by a column."""
    scale = means.std(0)
    z = (means - means.mean(0))[:, scale > 0] / scale[scale > 0]
    z = np.nan_to_num(z)
    u, s, _ = np.linalg.svd(z, full_matrices=False) if z.shape[1] else (np.zeros((len(z), 1)), np.zeros(1), None)
    scores = np.pad(u * s, ((0, 0), (0, 2)))[:, :2]
    share = s**2 / max(float((s**2).sum()), 1e-12)
    kinds = sorted({value for value in values if value is not None})
    colours = {kind: _COLOURS[place % len(_COLOURS)] for place, kind in enumerate(kinds)}
    with axes(4.4, 3.6) as (figure, ax):
        ax.scatter(
            *scores.T,
            s=18 if len(store) < 300 else 7,
            alpha=0.75,
            linewidths=0,
            c=[GREY if value is None else colours[value] for value in values] if kinds else BLUE,
            rasterized=len(store) > MANY_POINTS,
            gid=POINTS,
        )
        for kind, colour in colours.items():
            ax.plot([], [], "o", color=colour, markersize=5, label=shortened(kind, 18))
        if kinds:
            ax.legend(title=shortened(column), loc="best", fontsize=8, title_fontsize=8.5)
        ax.set_xlabel(f"first axis ({share[0]:.0%} of the variation)")
        ax.set_ylabel(f"second axis ({share[1] if len(share) > 1 else 0:.0%})")
    by = f", coloured by {column}" if kinds else ""
    titles = [
        f"{name}{'' if value is None else f': {value}'}" for name, value in zip(store.set_ids, values, strict=True)
    ]
    return Drawing(
        figure,
        f"Sets by the means of their features{by}: groups that part here part without any model.",
        f"Scatter plot of {len(store)} sets on the first two principal axes of their means{by}. "
        f"{_parted(scores, values)}",
        tuple(titles) if len(titles) <= MANY_POINTS else (),
    )


def _parted(scores: np.ndarray, values: list[str | None]) -> str:
    """Say in words how much of the spread on the two axes the values of a column explain."""
    known = np.array([value is not None for value in values])
    if not known.any():
        return ""
    own, kinds = scores[known], np.array([value for value in values if value is not None])
    total = np.square(own - own.mean(0)).sum()
    within = sum(np.square(own[kinds == kind] - own[kinds == kind].mean(0)).sum() for kind in np.unique(kinds))
    return f"Its values explain {1 - within / total:.0%} of their spread there." if total > 0 else ""


def biaxial(store: SetStore, first: int, second: int) -> Drawing:
    """Draw the density of the elements of all sets in two features, each set counting alike."""
    parts = []
    most = max(1, min(_OF_A_SET, _MOST_ELEMENTS // len(store)))
    for row in range(len(store)):
        elements = store.elements(row)
        parts.append(elements[:: max(1, -(-len(elements) // most)), [first, second]])
    x, y = np.concatenate(parts).T.astype(np.float64)
    known = np.isfinite(x) & np.isfinite(y)
    names = [store.features[place] for place in (first, second)]
    with axes(4.0, 3.7) as (figure, ax):
        if known.any():
            ends = [np.quantile(values[known], [0.001, 0.999]) for values in (x, y)]
            ends = [(low, high if high > low else low + 1) for low, high in ends]
            counts = ax.hist2d(x[known], y[known], bins=90, range=ends, norm=LogNorm(), cmap="viridis", rasterized=True)
            figure.colorbar(
                counts[3], ax=ax, label="elements", shrink=0.8, format=lambda value, _: number(float(value))
            )
        ax.grid(False)
        ax.set_xlabel(shortened(names[0], 30))
        ax.set_ylabel(shortened(names[1], 30))
    scale = " The axes are as the channels were transformed." if store.description.processing.describe() else ""
    return Drawing(
        figure,
        f"{names[1]} against {names[0]}, {int(known.sum()):,} elements drawn evenly from {len(store):,} sets.{scale}",
        f"Density of {int(known.sum())} elements in {names[0]} and {names[1]}; "
        f"correlation {_correlation(x[known], y[known])}.",
    )


def _correlation(x: np.ndarray, y: np.ndarray) -> str:
    """Return the correlation of two features in words."""
    return f"{np.corrcoef(x, y)[0, 1]:.2f}" if len(x) > 2 and np.ptp(x) > 0 and np.ptp(y) > 0 else "undefined"
