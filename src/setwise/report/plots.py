"""Give notebooks the figures of a run's report, one by one, as figures of matplotlib."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
from matplotlib.figure import Figure

from setwise._checks import InputError
from setwise.report import outcomes, sections
from setwise.runs.held_out_table import read_held_out
from setwise.targets import figures as described


class Plots:
    """The figures of a run: ``run.plot.predicted()``, ``run.plot.roc()`` ...

    Each method takes the name of a target, by default the first, and returns a figure of matplotlib, which a notebook
    shows and `Figure.savefig` writes. A figure that this kind of target does not have is refused in words.

    Args:
        run: a run.
    """

    def __init__(self, run: Any) -> None:
        self._run = run

    def __repr__(self) -> str:
        names = [name for name in dir(self) if not name.startswith("_")]
        return f"figures of a run: {', '.join(f'plot.{name}()' for name in names)}"

    def predicted(self, target: str | None = None) -> Figure:
        """Return predictions against the truth, of a number."""
        return self._one(target, lambda figure: isinstance(figure, described.Agreement), "predicted")

    def residuals(self, target: str | None = None) -> Figure:
        """Return predictions less the truth against the size of the set, of a number."""
        return self._one(target, lambda figure: isinstance(figure, described.Residuals), "residuals")

    def confusion(self, target: str | None = None) -> Figure:
        """Return true against predicted classes."""
        return self._one(target, lambda figure: isinstance(figure, described.Confusion), "confusion")

    def roc(self, target: str | None = None) -> Figure:
        """Return true against false positive rates of classes."""
        return self._one(target, lambda figure: isinstance(figure, described.Roc) and not figure.recall, "roc")

    def precision_recall(self, target: str | None = None) -> Figure:
        """Return precision against recall of classes."""
        return self._one(target, lambda figure: isinstance(figure, described.Roc) and figure.recall, "precision_recall")

    def calibration(self, target: str | None = None) -> Figure:
        """Return how often what was said with a probability is right, of classes."""
        return self._one(target, lambda figure: isinstance(figure, described.Reliability), "calibration")

    def true_probability(self, target: str | None = None) -> Figure:
        """Return the probability of the true class against the size of the set."""
        return self._one(target, lambda figure: isinstance(figure, described.TrueProbability), "true_probability")

    def survival(self, target: str | None = None) -> Figure:
        """Return Kaplan-Meier curves by predicted risk, of times to an event."""
        return self._one(target, lambda figure: isinstance(figure, described.Steps), "survival")

    def learning(self) -> Figure:
        """Return losses after each epoch, of a network.

        Raises:
            InputError: a run without epochs.
        """
        drawings = sections.learning_figures(self._run)
        if not drawings:
            raise InputError(f"{self._run.record.model} is fitted without epochs, so there are no losses to be drawn.")
        return drawings[0].figure

    def _table(self) -> pa.Table:
        run = self._run
        if run.test_predictions is not None:
            return run.test_predictions
        if run.path is None:
            raise InputError("the run has no held-out predictions to be drawn: it held no sets out.")
        return read_held_out(run.path, run.objective, run.record.group)

    def _one(self, name: str | None, wanted: Callable[[described.Figure], bool], method: str) -> Figure:
        objective = self._run.objective
        names = list(objective.names)
        if name is not None and name not in names:
            raise InputError(f"the run predicts {', '.join(names)}; got {name!r}.")
        target = objective.targets[0 if name is None else names.index(name)]
        table = sections.with_clusters(self._table(), objective, self._run.record.group)
        for figure in target.figures(table, qualified=objective.qualified, what=objective.of):
            if wanted(figure) and (drawing := outcomes.draw(figure)) is not None:
                return drawing.figure
        raise InputError(
            f"there is no figure {method!r} of {target.name}, a target of the kind {target.word()}, on these held-out "
            f"{objective.of}."
        )
