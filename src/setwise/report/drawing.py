"""Give all figures one look: colours, type, axes, and the form in which they become part of a page."""

import base64
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from setwise.report.rounding import number
from setwise.report.titled import titled

# Okabe and Ito's colours, told apart with any colour vision; lines differ in style as well, for print.
BLUE, ORANGE, GREEN, SKY, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#56B4E9", "#CC79A7", "#5f6368"
STYLES = ((BLUE, "-"), (ORANGE, "--"), (GREEN, "-."), (PURPLE, ":"), (SKY, "-"), (GREY, "--"))
POINTS = "points"  # the id of points that may have titles
MANY_POINTS = 2000  # more are drawn as pixels, so that the page stays small

_LEGEND = 66  # letters beside each other below a figure
_BROAD = 6.0  # inches, from which a figure takes the width of the page

_LOOK: dict[Any, Any] = {
    "font.size": 9.5,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#888888",
    "axes.linewidth": 0.8,
    "axes.labelcolor": "#222222",
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.7,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "text.parse_math": False,  # names of columns come from users and may hold dollar signs
    "svg.hashsalt": "setwise",  # the same figure gives the same bytes
}


@dataclass(frozen=True)
class Drawing:
    """A figure of the report.

    Attributes:
        figure: of matplotlib.
        caption: a sentence under it.
        description: says the same in words, for those who cannot see it.
        titles: of the points that have the id `POINTS`, shown where the pointer rests on one; none of many points.
    """

    figure: Figure
    caption: str
    description: str
    titles: tuple[str, ...] = ()

    def save(self, path: Path) -> None:
        """Write the figure to a file, ``.svg``, ``.png`` or ``.pdf``."""
        with mpl.rc_context(_LOOK):
            self.figure.savefig(path, dpi=160, metadata={"Date": None} if path.suffix == ".svg" else None)

    def data_uri(self) -> str:
        """Return the figure as an address that holds all of it."""
        return f"data:image/svg+xml;base64,{base64.b64encode(self._svg()).decode()}"

    def inline(self) -> Markup | None:
        """Return the figure as a part of a page, whose points say what they are; none where points have no titles."""
        if not 0 < len(self.titles) <= MANY_POINTS:
            return None
        return titled(self._svg(), POINTS, self.titles, description=self.description)

    def _svg(self) -> bytes:
        buffer = io.BytesIO()
        with mpl.rc_context(_LOOK):
            self.figure.savefig(buffer, format="svg", dpi=160, metadata={"Date": None})
        return buffer.getvalue()

    @property
    def broad(self) -> bool:
        """Say whether the figure takes the whole width of a page."""
        return self.figure.get_figwidth() > _BROAD


@contextmanager
def axes(width: float = 4.6, height: float = 3.4) -> Iterator[tuple[Figure, Axes]]:
    """Yield a figure with one pair of axes in the look of the report; sizes in inches."""
    with mpl.rc_context(_LOOK):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure, figure.add_subplot()


@contextmanager
def panels(rows: int, columns: int, *, width: float = 2.9, height: float = 2.5) -> Iterator[tuple[Figure, list[Axes]]]:
    """Yield a figure with a grid of axes, row by row, in the look of the report; sizes of one panel in inches."""
    with mpl.rc_context(_LOOK):
        figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
        yield figure, [figure.add_subplot(rows, columns, place + 1) for place in range(rows * columns)]


def logarithmic(ax: Axes, which: Literal["x", "y"]) -> None:
    """Make an axis logarithmic, with its ticks as plain numbers."""
    axis = ax.xaxis if which == "x" else ax.yaxis
    ax.set(**{f"{which}scale": "log"})
    low, high = axis.get_data_interval()
    every = (1.0, 2.0, 5.0) if high < 1000 * low else (1.0,)
    axis.set_major_locator(LogLocator(subs=every, numticks=12))
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(float(value))))
    axis.set_minor_formatter(NullFormatter())


def legend_columns(labels: Iterable[str], *, most: int = 3) -> int:
    """Return the number of columns of a legend below a figure, so that the longest label leaves none outside."""
    return max(1, min(most, _LEGEND // (5 + max(map(len, labels), default=0))))


def shortened(name: object, most: int = 24) -> str:
    """Return a name that fits into a figure."""
    text = str(name)
    return text if len(text) <= most else f"{text[: most - 1]}…"
