"""Draw an explanation over all sets: deletion curves, and answers against the number of elements."""

import numpy as np

from setwise.explanations.config import ATTENTION
from setwise.explanations.explain import RANDOM, Explanation
from setwise.report.drawing import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    STYLES,
    Drawing,
    axes,
    legend_columns,
    logarithmic,
    panels,
    shortened,
)
from setwise.report.faithfulness import METHOD_WORDS, Standing
from setwise.report.rounding import number

_LOOKS = {"leave_one_out": (BLUE, "-"), "integrated_gradients": (ORANGE, "--"), "attention": (GREEN, "-.")}
_SHARES = np.linspace(0, 0.95, 39)
_NAMED, _FAINT = 5, 40  # sets that have a line of their own, and a name / sets that are drawn at all


def deletion_curves(explanation: Explanation, found: list[Standing]) -> Drawing | None:
    """Draw the fall of the answer while elements are removed, by score and at random; mean over sets."""
    curves = _curves(explanation)
    if not curves:
        return None
    signed = [method for method in explanation.methods if method != ATTENTION]
    kinds = [methods for methods in (signed, [ATTENTION] if ATTENTION in explanation.methods else []) if methods]
    unit = explanation.answers.unit
    with panels(1, len(kinds), width=4.3, height=3.4) as (figure, places):
        for ax, methods in zip(places, kinds, strict=True):
            moved = np.abs if methods == [ATTENTION] else np.asarray
            by_chance = np.stack([moved(curve).mean(0) for curve in curves[RANDOM].values()])
            middle, off = by_chance.mean(0), by_chance.std(0, ddof=1) if len(by_chance) > 1 else 0.0
            ax.fill_between(_SHARES, middle - 2 * off, middle + 2 * off, color=GREY, alpha=0.25, linewidth=0)
            ax.plot(_SHARES, middle, color=GREY, linestyle=":", linewidth=1.8, label="random order")
            for method in methods:
                color, style = _LOOKS[method]
                ax.plot(_SHARES, moved(curves[method][0]).mean(0), color=color, linestyle=style, linewidth=1.8,
                        label=METHOD_WORDS[method])  # fmt: skip
            ax.set_xlabel("share of the elements removed")
            ax.set_ylabel(f"{'change' if methods == [ATTENTION] else 'fall'} of the answer ({unit})")
            ax.legend(loc="best")
    words = "; ".join(
        f"{METHOD_WORDS[own.method]}: mean {number(own.area)} against {number(own.random_area)} at random"
        for own in found
    )
    return Drawing(
        figure,
        "Deletion: how far the answer falls while elements are removed, the highest-scored first, mean over sets. "
        "Grey: removed at random, with twice the standard deviation between orders. Faithful scores lie above it.",
        f"Line chart of the fall of the answer against the share of removed elements. {words}.",
    )


def more_elements(explanation: Explanation) -> Drawing:
    """Draw the answer against the number of elements drawn, with its spread, for some sets."""
    table = explanation.more_elements
    names = table["set_id"].to_numpy()
    ids = explanation.sets["set_id"].to_pylist()
    spread = np.nan_to_num(explanation.sets["spread"].to_numpy().astype(np.float64), nan=-1.0)
    ranked = [ids[place] for place in np.argsort(-spread, kind="stable")]
    named = [ranked[round(place)] for place in np.linspace(0, len(ranked) - 1, min(_NAMED, len(ranked)))]
    columns = {name: table[name].to_numpy() for name in ("elements", "mean", "low", "high")}
    answers = explanation.answers
    with axes(5.6, 3.9) as (figure, ax):
        for name in [name for name in ranked if name not in named][:_FAINT]:
            own = {key: values[names == name] for key, values in columns.items()}
            ax.plot(own["elements"], own["mean"], color=GREY, alpha=0.3, linewidth=0.8)
        for name, (color, style) in zip(named, STYLES, strict=False):
            own = {key: values[names == name] for key, values in columns.items()}
            ax.fill_between(own["elements"], own["low"], own["high"], color=color, alpha=0.13, linewidth=0)
            ax.plot(own["elements"], own["mean"], color=color, linestyle=style, linewidth=1.6, marker="o", markersize=3,
                    label=shortened(name))  # fmt: skip
        if columns["elements"].max() > 1:
            logarithmic(ax, "x")
        ax.set_xlabel("elements drawn of the set")
        name = shortened(answers.names[answers.fixed or 0])
        what = "probability of the explained class" if answers.kind == "probability" else f"predicted {name}"
        ax.set_ylabel(what)
        figure.legend(loc="outside lower center", ncols=legend_columns(map(shortened, named)))
    middle = np.nanmedian(np.where(spread < 0, np.nan, spread)) if (spread >= 0).any() else np.nan
    return Drawing(
        figure,
        f"The answer for random parts of a set, mean of {explanation.config.draws} draws of each size and the range of "
        "5 to 95 % of them (bands); the rightmost point is the whole set. Sets from the most to the least uncertain; "
        "the others are thin grey lines.",
        f"Line chart of the answer against the number of elements drawn, for {len(ids)} sets. The standard deviation "
        f"over random halves has a median of {number(float(middle))}.",
    )


def _curves(explanation: Explanation) -> dict[str, dict[int, np.ndarray]]:
    """Return falls of the answer at `_SHARES` ``(B, P)``, by method and order, of sets with two elements or more."""
    table = explanation.deletion
    sets, methods = table["set_id"].to_numpy(), table["method"].to_numpy()
    orders, shares, values = (table[name].to_numpy() for name in ("order", "share", "explained"))
    first = np.flatnonzero(table["removed"].to_numpy() == 0)
    found: dict[str, dict[int, list[np.ndarray]]] = {}
    for start, stop in zip(first, np.append(first[1:], len(sets)), strict=True):
        if stop - start > 1:
            fall = np.interp(_SHARES, shares[start:stop], values[start] - values[start:stop])
            found.setdefault(str(methods[start]), {}).setdefault(int(orders[start]), []).append(fall)
    return {name: {order: np.stack(some) for order, some in own.items()} for name, own in found.items()}
