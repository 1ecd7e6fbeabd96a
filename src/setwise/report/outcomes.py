"""Draw predictions for held-out sets, or for their elements (``what``)."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from sklearn.metrics import confusion_matrix

from setwise._checks import counted
from setwise.metrics.calibration import CalibrationCurve, calibration_curve
from setwise.metrics.intervals import binomial
from setwise.report.drawing import (
    BLUE,
    GREY,
    MANY_POINTS,
    ORANGE,
    POINTS,
    STYLES,
    Drawing,
    axes,
    logarithmic,
    shortened,
)
from setwise.report.ranking_figures import precision_recall, roc
from setwise.report.rounding import number
from setwise.targets import figures as described

_FEW_CLASSES = 10
_WINDOWS = 12


def draw(figure: described.Figure) -> Drawing | None:
    """Draw a figure that a target describes; none where there is nothing to show."""
    match figure:
        case described.Agreement():
            more = {"what": figure.what, "names": figure.names, "ratios": figure.logarithmic, "groups": figure.groups}
            return predicted_against_true(figure.name, figure.truth, figure.predicted, **more)
        case described.Residuals():
            more = {"what": figure.what, "names": figure.names, "ratios": figure.logarithmic}
            return residuals_against_size(figure.name, figure.sizes, figure.truth, figure.predicted, **more)
        case described.TrueProbability():
            of, what, names = figure.of, figure.what, figure.names
            return true_probability_against_size(figure.sizes, figure.probability, of=of, what=what, names=names)
        case described.Confusion():
            return confusion(figure.classes, figure.truth, figure.named, of=figure.of, what=figure.what)
        case described.Roc():
            draw_curve = precision_recall if figure.recall else roc
            return draw_curve(
                figure.classes, figure.truth, figure.probabilities, of=figure.of, clusters=figure.clusters
            )
        case described.Reliability():
            return calibration(figure.probabilities, figure.truth, of=figure.of, what=figure.what)
        case described.Steps():
            return steps(figure)


def steps(figure: described.Steps) -> Drawing:
    """Draw curves that go in steps."""
    with axes() as (drawn, ax):
        for position, curve in enumerate(figure.curves):
            color, style = STYLES[position % len(STYLES)]
            x, y = np.concatenate([[0.0], curve.x]), np.concatenate([[1.0], curve.y])
            ax.step(x, y, where="post", color=color, linestyle=style, label=shortened(curve.label))
        ax.set_ylim(-0.03, 1.03)
        ax.set_xlim(left=0)
        ax.set_xlabel(shortened(figure.x_label))
        ax.set_ylabel(figure.y_label)
        ax.legend(loc="lower left")
    return Drawing(drawn, figure.caption, figure.description)


def predicted_against_true(
    name: str,
    truth: np.ndarray,
    predicted: np.ndarray,
    *,
    what: str = "sets",
    names: Sequence[str] = (),
    ratios: bool = False,
    groups: Sequence[str] = (),
) -> Drawing:
    """Draw predictions of held-out sets ``(B,)`` against targets ``(B,)``, with the line of perfect predictions.

    Where ratios matter, on logarithmic axes.
    """
    with axes(4.0, 3.9) as (figure, ax):
        colours = {group: STYLES[place][0] for place, group in enumerate(sorted(set(groups)))}
        _points(ax, truth, predicted, [colours[group] for group in groups] or BLUE)
        for group, colour in colours.items():
            ax.plot([], [], "o", color=colour, markersize=4, label=shortened(group, 16))
        low = float(min(truth.min(), predicted.min()))
        high = float(max(truth.max(), predicted.max()))
        ax.plot([low, high], [low, high], color=GREY, linewidth=1, linestyle="--", label="perfect")
        if ratios:
            logarithmic(ax, "x")
            logarithmic(ax, "y")
        else:
            ax.set_aspect("equal", adjustable="datalim")
        ax.set_xlabel(f"true {shortened(name)}")
        ax.set_ylabel(f"predicted {shortened(name)}")
        ax.legend(loc="upper left", fontsize=8 if groups else None)
    words = "undefined (nothing varies)"
    if np.ptp(truth) > 0 and np.ptp(predicted) > 0:
        words = f"{np.corrcoef(truth, predicted)[0, 1]:.2f}"
    return Drawing(
        figure,
        f"Predicted against true {name}, one point per held-out {what[:-1]}{', coloured by group' if groups else ''}.",
        f"Scatter plot of predicted against true {name} for {len(truth)} held-out {what}; correlation {words}. "
        f"True values lie between {truth.min():.4g} and {truth.max():.4g}, "
        f"predictions between {predicted.min():.4g} and {predicted.max():.4g}.",
        _titles(names, predicted, truth),
    )


def residuals_against_size(
    name: str,
    sizes: np.ndarray,
    truth: np.ndarray,
    predicted: np.ndarray,
    *,
    what: str = "sets",
    names: Sequence[str] = (),
    ratios: bool = False,
) -> Drawing:
    """Draw prediction minus target ``(B,)``, or over it, against the size of the set ``(B,)``."""
    residuals = predicted / truth if ratios else predicted - truth
    with axes() as (figure, ax):
        ax.axhline(1 if ratios else 0, color=GREY, linewidth=1, linestyle="--")
        line = _against_size(ax, sizes, residuals)
        ax.set_ylabel(f"predicted {'over' if ratios else 'less'} true {shortened(name)}")
        if ratios:
            logarithmic(ax, "y")
    return Drawing(
        figure,
        f"{'Ratios of predicted to true' if ratios else 'Residuals of'} {name} against the size of the set{line}.",
        f"Scatter plot of {'ratios' if ratios else 'residuals'} against set size for {len(sizes)} held-out {what}. "
        f"{_trend(sizes, residuals)}",
        _titles(names, predicted, truth),
    )


def true_probability_against_size(
    sizes: np.ndarray, true_probability: np.ndarray, *, of: str = "", what: str = "sets", names: Sequence[str] = ()
) -> Drawing:
    """Draw the probability given to the true class ``(B,)`` against the size of the set ``(B,)``."""
    with axes() as (figure, ax):
        line = _against_size(ax, sizes, true_probability)
        ax.set_ylim(-0.03, 1.03)
        ax.set_ylabel("probability of the true class")
    return Drawing(
        figure,
        f"Probability given to the true class{of} against the size of the set{line}.",
        "Scatter plot of the probability given to the true class against set size for "
        f"{len(sizes)} held-out {what}. {_trend(sizes, true_probability)}",
        tuple(
            f"{name}: {value:.3g} for the true class"
            for name, value in zip(names, true_probability, strict=bool(names))
        ),
    )


def confusion(
    classes: Sequence[object], truth: np.ndarray, best: np.ndarray, *, of: str = "", what: str = "sets"
) -> Drawing:
    """Draw held-out sets by true class (rows) and predicted class (columns)."""
    counts = confusion_matrix(truth, best, labels=np.arange(len(classes)))
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    few = len(classes) <= _FEW_CLASSES
    with axes(4.4, 4.0) as (figure, ax):
        image = ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        ax.grid(False)
        names = [shortened(name, 14) for name in classes]
        every = range(0, len(classes), 1 if few else -(-len(classes) // 20))
        ax.set_xticks(list(every), [names[i] for i in every], rotation=45, ha="right", rotation_mode="anchor")
        ax.set_yticks(list(every), [names[i] for i in every])
        ax.set_xlabel("predicted class")
        ax.set_ylabel("true class")
        if few:
            for (row, column), count in np.ndenumerate(counts):
                dark = shares[row, column] > 0.55
                ax.text(column, row, f"{count:,}", ha="center", va="center", color="white" if dark else "#222222")
        figure.colorbar(image, ax=ax, label="share of the true class", shrink=0.8)
    right = int(np.trace(counts))
    return Drawing(
        figure,
        f"Held-out {what} by true and predicted class{of}.",
        f"Confusion matrix of {len(classes)} classes: {right} of {counts.sum()} held-out {what} are on the diagonal.",
    )


def calibration(probabilities: np.ndarray, truth: np.ndarray, *, of: str = "", what: str = "sets") -> Drawing:
    """Draw how often a predicted class is right: of two classes the second, of several the likeliest of each set.

    Args:
        probabilities: ``(B, K)``.
        truth: ``(B,)`` class numbers.
        of: the target, where there are several.
        what: owners of the probabilities, sets or elements.
    """
    if probabilities.shape[1] == 2:
        said, right, which = probabilities[:, 1], truth == 1, "the second class"
    else:
        said, right, which = probabilities.max(1), probabilities.argmax(1) == truth, "the likeliest class"
    curve = calibration_curve(said, right)
    with axes(4.0, 3.9) as (figure, ax):
        ax.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label="perfect")
        spread = _exact(curve) if what == "sets" else None  # elements of a set are not independent
        ax.errorbar(curve.said, curve.found, yerr=spread, color=BLUE, marker="o", markersize=5, capsize=3)
        ax.set_xlim(-0.03, 1.03)
        ax.set_ylim(-0.03, 1.03)
        ax.set_aspect("equal")
        ax.set_xlabel(f"probability of {which}")
        ax.set_ylabel(f"share of {what} that are of it")
        ax.legend(loc="upper left")
    exact = ", with exact 95% intervals" if what == "sets" else ""
    counts = f"{min(curve.counts)} to {max(curve.counts)}" if min(curve.counts) < max(curve.counts) else curve.counts[0]
    return Drawing(
        figure,
        f"Are probabilities kept{of}? {what.capitalize()} in {counted(len(curve.counts), 'group')} of {counts} by what "
        f"was said{exact}; the mean gap (expected calibration error) is {curve.error:.2g}.",
        f"Calibration curve of {counted(len(curve.counts), 'group')} of {what}: "
        + ", ".join(f"said {said:.2f}, found {found:.2f}" for said, found in zip(curve.said, curve.found, strict=True))
        + ".",
    )


def _exact(curve: CalibrationCurve) -> list[list[float]]:
    """Return how far the exact intervals of the shares reach below and above them."""
    pairs = list(zip(curve.found, curve.counts, strict=True))
    ends = [binomial(round(share * count), count) for share, count in pairs]
    return [
        [share - low for (share, _), (low, _) in zip(pairs, ends, strict=True)],
        [high - share for (share, _), (_, high) in zip(pairs, ends, strict=True)],
    ]


def _titles(names: Sequence[str], predicted: np.ndarray, truth: np.ndarray) -> tuple[str, ...]:
    """Return what is said of each point; nothing where they have no names."""
    if not names:
        return ()
    triples = zip(names, predicted, truth, strict=True)
    return tuple(f"{name}: predicted {number(float(one))}, true {number(float(own))}" for name, one, own in triples)


def _points(ax: Axes, x: np.ndarray, y: np.ndarray, colour: str | list[str] = BLUE) -> None:
    many = len(x) > MANY_POINTS
    size, alpha = (4, 0.25) if many else (16, 0.6) if len(x) < 200 else (9, 0.45)
    ax.scatter(x, y, s=size, alpha=alpha, color=colour, linewidths=0, rasterized=many, gid=POINTS)


def _against_size(ax: Axes, sizes: np.ndarray, values: np.ndarray) -> str:
    """Draw points and medians of sets of like size, if there are enough; return words on them for the caption."""
    _points(ax, sizes, values)
    ax.set_xlabel("elements of the set")
    if np.ptp(sizes) < 12:
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if sizes.max() > 20 * sizes.min():
        logarithmic(ax, "x")
    edges = np.unique(np.quantile(sizes, np.linspace(0, 1, _WINDOWS + 1)))
    if len(sizes) >= 5 * _WINDOWS and len(edges) > 2:
        window = np.clip(np.searchsorted(edges, sizes, side="right") - 1, 0, len(edges) - 2)
        known = [k for k in range(len(edges) - 1) if (window == k).any()]
        middles = [float(np.median(sizes[window == k])) for k in known]
        medians = [float(np.median(values[window == k])) for k in known]
        ax.plot(middles, medians, color=ORANGE, linewidth=1.8, marker="o", markersize=4)
        return "; the line is the median of sets of like size"
    return ""


def _trend(sizes: np.ndarray, values: np.ndarray) -> str:
    """Compare small with large sets in words."""
    if np.ptp(sizes) == 0:
        return f"All sets have {sizes[0]} elements."
    small = sizes <= np.median(sizes)
    if small.all():
        small = sizes < np.median(sizes)
    return (
        f"The median is {np.median(values[small]):.3g} among the smaller half of the sets "
        f"and {np.median(values[~small]):.3g} among the larger half."
    )
