"""Draw the figures of every run: learning curves and sizes of the sets."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from setwise.report.drawing import BLUE, GREY, ORANGE, Drawing, axes, logarithmic
from setwise.runs.history import EpochRecord

_WIDE = 20.0  # largest over smallest from which an axis is logarithmic


def learning_curves(history: Sequence[EpochRecord], best_epoch: int, *, loss: str, validated: bool) -> Drawing:
    """Draw the loss on training and validation sets after each epoch; ``loss`` names it, with its unit.

    Of an ensemble each member has its lines, the first one stronger than the others.
    """
    first = [record for record in history if record.member in (None, 1)]
    others = {record.member: [r for r in history if r.member == record.member] for record in history[len(first) :]}
    history = first
    epochs = [record.epoch for record in history]
    train = [record.train_loss for record in history]
    held = [np.nan if record.validation_loss is None else record.validation_loss for record in history]
    with axes() as (figure, ax):
        marker = "o" if len(epochs) < 3 else None
        for member in others.values():
            _member(ax, member, validated=validated)
        ax.plot(epochs, train, color=BLUE, linestyle="-", marker=marker, label="training sets")
        if validated:
            ax.plot(epochs, held, color=ORANGE, linestyle="--", marker=marker, label="validation sets")
            ax.axvline(best_epoch, color=GREY, linewidth=0.9, linestyle=":")
            ax.annotate(
                f"kept: epoch {best_epoch}",
                (best_epoch, 0.98),
                xycoords=("data", "axes fraction"),
                xytext=(-4 if best_epoch > np.mean(epochs) else 4, 0),
                textcoords="offset points",
                ha="right" if best_epoch > np.mean(epochs) else "left",
                va="top",
                fontsize=8.5,
                color=GREY,
            )
        positive = [value for value in [*train, *held] if value > 0]
        if positive and max(positive) > _WIDE * min(positive):
            logarithmic(ax, "y")
        ax.set_xlabel("epoch")
        ax.set_ylabel("loss")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        figure.legend(loc="outside lower center", ncols=2)
    last = f"Training loss goes from {train[0]:.3g} to {train[-1]:.3g} in {len(epochs)} epochs"
    if validated:
        last += f"; validation loss is lowest, {np.nanmin(held):.3g}, in epoch {best_epoch}"
    caption = f"Loss after each epoch: {loss}."
    if others:
        caption += f" Strong lines: the first of {1 + len(others)} members; faint lines: the others."
    return Drawing(figure, caption, f"Line chart of the loss against the epoch. {last}.")


def _member(ax: Axes, history: Sequence[EpochRecord], *, validated: bool) -> None:
    """Draw the faint lines of a further member of an ensemble."""
    epochs = [record.epoch for record in history]
    ax.plot(epochs, [record.train_loss for record in history], color=BLUE, linewidth=0.8, alpha=0.35)
    if validated:
        held = [np.nan if record.validation_loss is None else record.validation_loss for record in history]
        ax.plot(epochs, held, color=ORANGE, linestyle="--", linewidth=0.8, alpha=0.35)


def set_sizes(sizes: np.ndarray) -> Drawing:
    """Draw the distribution of the numbers of elements of the sets."""
    low, high = int(sizes.min()), int(sizes.max())
    wide = high > _WIDE * low
    with axes(height=2.9) as (figure, ax):
        if wide:
            ax.hist(sizes, bins=np.geomspace(low, high + 1, 31).tolist(), color=BLUE, edgecolor="white", linewidth=0.5)
            logarithmic(ax, "x")
        else:
            step = max(1, -(-(high - low + 1) // 40))
            edges = np.arange(low, high + step + 1, step) - 0.5
            ax.hist(sizes, bins=edges.tolist(), color=BLUE, edgecolor="white", linewidth=0.5)
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_xlabel("elements of a set")
        ax.set_ylabel("sets")
        ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    middle = np.median(sizes)
    return Drawing(
        figure,
        "Sizes of the sets.",
        f"Histogram of set sizes: {len(sizes)} sets of {low:,} to {high:,} elements, median {middle:,.0f}.",
    )
