"""Show how much of a large set was gone through."""

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn


class SweepBar:
    """A bar on standard error with the time left; a context manager.

    Args:
        show: true or false, or none for a terminal alone.
    """

    def __init__(self, *, show: bool | None = None) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TaskProgressColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not (sys.stderr.isatty() if show is None else show),
            transient=True,
        )
        self._task = self._bar.add_task("")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def begin(self, description: str, total: int) -> None:
        """Begin a new set, of so many rows in all sweeps together."""
        self._bar.reset(self._task, total=total, description=description)

    def advance(self, rows: int) -> None:
        """Count so many rows more as gone through."""
        self._bar.advance(self._task, rows)
