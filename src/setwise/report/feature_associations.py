"""Set each feature of the elements against the targets, by its means and quantiles in every set, without any model."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from scipy.stats import rankdata

from setwise._checks import InputError
from setwise.metrics import survival
from setwise.report.drawing import BLUE, GREY, ORANGE, Drawing, panels, shortened
from setwise.report.rounding import number
from setwise.report.table import Table, table
from setwise.store.set_summaries import NAMES, set_summaries
from setwise.store.store import SetStore
from setwise.targets.objectives import Objective
from setwise.targets.target import Target

_FEWEST, _MOST_SETS, _MOST_FEATURES = 8, 5_000, 500
_ROWS, _DRAWN = 12, 3
_MOST_CLASSES = 8


@dataclass(frozen=True)
class Against:
    """A target, and the features that go along with it.

    Attributes:
        table: the strongest features, with the strength of each summary.
        figures: of the strongest.
    """

    table: Table
    figures: list[Drawing]


def against_target(store: SetStore, objective: Objective) -> list[Against]:
    """Return the features against each of the first two targets; nothing of few sets, of images, or of elements."""
    if objective.of == "elements" or len(store.shape) != 1 or len(store) < _FEWEST or store.shape[0] > _MOST_FEATURES:
        return []
    rows = np.arange(len(store))[:: -(-len(store) // _MOST_SETS)]
    found = set_summaries(store, rows)
    made = []
    for target in objective.targets[:2]:
        try:
            truth = target.truth(target.read(store, target.name, np.zeros(0, np.int64), target.event_column)[rows])
        except InputError:  # a class of sets that were left out
            continue
        known = ~np.isnan(truth)
        if known.sum() >= _FEWEST and np.ptp(truth[known]) > 0:
            made.append(_against(store, target, found[known], truth[known]))
    return made


def _against(store: SetStore, target: Target, found: np.ndarray, truth: np.ndarray) -> Against:
    strengths = np.array([[_strength(target, column, truth) for column in own.T] for own in found.transpose(1, 0, 2)])
    order = np.argsort(-np.abs(strengths).max(0), kind="stable")
    rows = [[store.features[f], *(f"{value:.2f}" for value in strengths[:, f])] for f in order[:_ROWS]]
    caption = (
        f"{target.name} against the features of {len(truth):,} sets, the {len(rows)} strongest of {len(order)}: "
        f"{_words(target)}, of the {', '.join(NAMES[: len(found[0])])} of the elements of each set. Of many features, "
        "some are strong by chance."
    )
    drawn = [] if target.has_event else [_figure(store, target, found[:, 0], truth, order[:_DRAWN].tolist())]
    return Against(table(["feature", *NAMES[: len(found[0])]], rows, caption=caption), drawn)


def _words(target: Target) -> str:
    if target.has_event:
        return "twice the concordance less one (1: higher values, earlier events)"
    if not target.labels:
        return "rank correlations (Spearman)"
    if len(target.labels) == 2:
        return f"twice the AUC less one (1: {target.labels[1]!r} higher in every pair)"
    return "correlation ratios of ranks (0 to 1)"


def _strength(target: Target, column: np.ndarray, truth: np.ndarray) -> float:
    """Return how strongly a summary of the sets goes along with the truth."""
    if np.ptp(column) == 0:
        return 0.0
    if target.has_event:
        found = survival.concordance(column, np.abs(truth), truth > 0)
        return 0.0 if found is None else 2 * found - 1
    ranks = rankdata(column)
    if not target.labels:
        return float(np.corrcoef(ranks, rankdata(truth))[0, 1])
    if len(target.labels) == 2:
        count = int((truth == 1).sum())
        pairs = count * (len(truth) - count)
        return float(2 * (ranks[truth == 1].sum() - count * (count + 1) / 2) / pairs - 1)
    kinds, owners = np.unique(truth, return_inverse=True)
    counts = np.bincount(owners, minlength=len(kinds))
    means = np.bincount(owners, ranks) / counts
    return float(np.sqrt((counts * (means - ranks.mean()) ** 2).sum() / ((ranks - ranks.mean()) ** 2).sum()))


def _figure(store: SetStore, target: Target, means: np.ndarray, truth: np.ndarray, features: list[int]) -> Drawing:
    """Draw the mean of each of some features against the target."""
    across = min(3, len(features))
    size = 14 if len(truth) < 300 else 5
    with panels(-(-len(features) // across), across, width=2.9, height=2.3) as (figure, places):
        for ax, feature in zip(places, features, strict=False):
            own = means[:, feature]
            if target.labels:
                _by_class(ax, target, own, truth, size)
            else:
                ax.scatter(own, truth, s=size, alpha=0.5, color=BLUE, linewidths=0, rasterized=len(truth) > 2000)
                ax.set_xlabel(f"mean {shortened(store.features[feature], 20)}")
                ax.set_ylabel(shortened(target.name))
            if target.labels:
                ax.set_ylabel(f"mean {shortened(store.features[feature], 20)}")
        for ax in places[len(features) :]:
            ax.set_axis_off()
    names = ", ".join(store.features[feature] for feature in features)
    return Drawing(
        figure,
        f"Means of the features that go along with {target.name} most, a point per set"
        + (" (line: the median of a class)." if target.labels else "."),
        f"Scatter plots of {target.name} against the means of {names} in {len(truth)} sets; the strongest has values "
        f"of {number(float(means[:, features[0]].min()))} to {number(float(means[:, features[0]].max()))}.",
    )


def _by_class(ax: Axes, target: Target, own: np.ndarray, truth: np.ndarray, size: int) -> None:
    """Draw values of sets by their class, with the median of each."""
    shown = target.labels[:_MOST_CLASSES]
    shift = np.random.default_rng(0).uniform(-0.18, 0.18, len(own))
    for place, _ in enumerate(shown):
        mine = truth == place
        ax.scatter(place + shift[mine], own[mine], s=size, alpha=0.5, color=BLUE, linewidths=0)
        if mine.any():
            middle = np.median(own[mine])
            ax.plot([place - 0.3, place + 0.3], [middle, middle], color=ORANGE, linewidth=2)
    ax.axhline(np.median(own), color=GREY, linewidth=0.7, linestyle=":")
    ax.set_xticks(range(len(shown)), [shortened(label, 10) for label in shown], rotation=0 if len(shown) < 5 else 45)
