"""Draw how well probabilities rank: ROC and precision-recall curves, with bootstrap intervals over sets or groups."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from setwise.metrics import formulas
from setwise.metrics.intervals import bootstrap
from setwise.report.drawing import BLUE, GREY, STYLES, Drawing, axes, shortened
from setwise.report.rounding import number

_DRAWS, _GRID = 200, np.linspace(0, 1, 51)
_FEWEST = 10  # independent rows, from which on an interval is drawn

_Curve = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
_Area = Callable[[np.ndarray, np.ndarray], float]


@dataclass(frozen=True)
class _Kind:
    """One way to draw a ranking: its curve, the area below it, and what it is called."""

    curve: _Curve
    area: _Area
    name: str
    short: str
    x: str
    y: str


def roc_points(positive: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return false and true positive rates, rising from 0 to 1, of rows ``(B,)`` of which some are positive."""
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.diff(scores[order]) != 0, True)  # of its ties
    right, wrong = np.cumsum(positive[order])[last], np.cumsum(~positive[order])[last]
    return np.append(0.0, wrong / max(1, wrong[-1])), np.append(0.0, right / max(1, right[-1]))


def recall_points(positive: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return recall, rising from 0 to 1, and precision, of rows ``(B,)`` of which some are positive."""
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.diff(scores[order]) != 0, True)
    found = np.cumsum(positive[order])[last]
    precision = found / (1 + np.flatnonzero(last))
    return np.append(0.0, found / found[-1]), np.append(precision[0], precision)


def _average_precision(positive: np.ndarray, scores: np.ndarray) -> float:
    return formulas.average_precision(positive.astype(int), scores)


_ROC = _Kind(roc_points, formulas.auc, "ROC curve", "AUC", "false positive rate", "true positive rate")
_RECALL = _Kind(recall_points, _average_precision, "Precision-recall curve", "average precision", "recall", "precision")


def roc(
    classes: Sequence[object],
    truth: np.ndarray,
    probabilities: np.ndarray,
    *,
    of: str = "",
    clusters: np.ndarray | None = None,
) -> Drawing | None:
    """Draw true against false positive rates of each class against the rest; none where one class alone is held out.

    Args:
        classes: K of them.
        truth: ``(B,)`` class numbers.
        probabilities: ``(B, K)``.
        of: the target, where there are several.
        clusters: ``(B,)`` what intervals are drawn over, or none for no intervals.
    """
    return _drawn(_ROC, classes, truth, probabilities, of, clusters)


def precision_recall(
    classes: Sequence[object],
    truth: np.ndarray,
    probabilities: np.ndarray,
    *,
    of: str = "",
    clusters: np.ndarray | None = None,
) -> Drawing | None:
    """Draw precision against recall of each class; arguments as for `roc`."""
    return _drawn(_RECALL, classes, truth, probabilities, of, clusters)


def _drawn(
    kind: _Kind,
    classes: Sequence[object],
    truth: np.ndarray,
    probabilities: np.ndarray,
    of: str,
    clusters: np.ndarray | None,
) -> Drawing | None:
    present = [k for k in range(len(classes)) if 0 < int((truth == k).sum()) < len(truth)]
    shown = [1] if len(classes) == 2 else present
    if not present:
        return None
    areas = {k: kind.area(truth == k, probabilities[:, k]) for k in shown}
    few = len(shown) <= len(STYLES)
    said = []
    with axes(4.0, 3.9) as (figure, ax):
        if kind is _ROC:
            ax.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--")
        for position, k in enumerate(shown):
            x, y = kind.curve(truth == k, probabilities[:, k])
            if not few:
                ax.plot(x, y, color=BLUE, alpha=0.3, linewidth=0.9)
                continue
            color, style = STYLES[position]
            ends, band = _intervals(kind, truth == k, probabilities[:, k], clusters)
            label = f"{shortened(classes[k])}: {kind.short} {areas[k]:.3f}"
            label += "" if ends is None else f" ({ends[0]:.2f} to {ends[1]:.2f})"
            said.append(label)
            ax.plot(x, y, color=color, linestyle=style, label=label)
            if band is not None and len(shown) <= 2:
                ax.fill_between(_GRID, *band, color=color, alpha=0.15, linewidth=0)
        if few:
            ax.legend(loc="lower right" if kind is _ROC else "lower left", fontsize=8)
        ax.set_aspect("equal")
        ax.set_ylim(-0.03, 1.03)
        ax.set_xlabel(kind.x)
        ax.set_ylabel(kind.y)
    mean = np.mean(list(areas.values()))
    rest = "" if len(classes) == 2 else "each class against the rest, "
    with_ends = "" if clusters is None else "; 95% intervals over sets or groups in brackets"
    chance = "" if kind is _ROC else f" Chance has {', '.join(number(float((truth == k).mean())) for k in shown[:4])}."
    return Drawing(
        figure,
        f"{kind.name}{of} ({rest}mean {kind.short} {mean:.3f}{with_ends}).{chance}",
        f"{kind.name} for {len(shown)} of {len(classes)} classes; mean {kind.short} {mean:.3f}. {'; '.join(said)}.",
    )


def _intervals(
    kind: _Kind, positive: np.ndarray, scores: np.ndarray, clusters: np.ndarray | None
) -> tuple[tuple[float, float] | None, tuple[np.ndarray, np.ndarray] | None]:
    """Return the 95% interval of the area, and lower and upper ends of the curve on a grid; none of few clusters."""
    if clusters is None or len(np.unique(clusters)) < _FEWEST:
        return None, None
    drawn: list[np.ndarray] = []

    def measure(rows: np.ndarray) -> dict[str, float]:
        own, ranked = positive[rows], scores[rows]
        if own.all() or not own.any():
            return {}
        x, y = kind.curve(own, ranked)
        drawn.append(np.interp(_GRID, x, y))
        return {"area": kind.area(own, ranked)}

    found = bootstrap(measure, clusters, draws=_DRAWS).intervals.get("area")
    if found is None:
        return None, None
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    return found, (low, high)
