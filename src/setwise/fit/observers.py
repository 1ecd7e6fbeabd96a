"""Watch a fit: a progress bar, TensorBoard."""

import sys
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from setwise._checks import missing_packages
from setwise.runs.history import EpochRecord


class Observer(Protocol):
    """An observer of the fit loop. Observers change nothing of the fit."""

    def step(self, epochs: float) -> None:
        """Hear of a step of the optimizer: so many epochs are done, with the fraction of the running one."""
        ...

    def epoch(self, record: EpochRecord, best_epoch: int) -> None:
        """Hear of an epoch that was done and, where there is a directory, is safe on the disk."""
        ...


class ProgressBar:
    """A bar of epochs with time left on standard error; a context manager.

    Args:
        epochs: most epochs of the fit.
        show: true or false, or none for a terminal alone.
        label: what is fitted, where several fits follow each other.
    """

    def __init__(self, epochs: int, *, show: bool | None = None, label: str = "") -> None:
        self.epochs = epochs
        self.label = f"{label}: " if label else ""
        visible = sys.stderr.isatty() if show is None else show
        self._bar = Progress(
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("epochs, left"),
            TimeRemainingColumn(),
            TextColumn("{task.description}"),
            console=Console(stderr=True),
            disable=not visible,
        )
        self._task = self._bar.add_task("", total=epochs)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def step(self, epochs: float) -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=epochs)

    def epoch(self, record: EpochRecord, best_epoch: int) -> None:  # noqa: ARG002 - what observers are told
        """Say how the epoch went."""
        text = f"{self.label}loss {record.train_loss:.3g}"
        if record.validation_loss is not None:
            text += f", validation {record.validation_loss:.3g}"
        self._bar.update(self._task, completed=record.epoch, description=text)


class TensorBoardLog:
    """Curves for TensorBoard, one point per epoch; a context manager.

    Raises:
        InputError: TensorBoard is not installed.
    """

    def __init__(self, directory: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter  # optional package
        except ImportError as error:
            raise missing_packages("curves for TensorBoard", ["tensorboard"], "tensorboard") from error
        self._writer = SummaryWriter(str(directory))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def step(self, epochs: float) -> None:
        """Do nothing: a point per epoch is enough."""

    def epoch(self, record: EpochRecord, best_epoch: int) -> None:  # noqa: ARG002 - what observers are told
        """Write the epoch's numbers."""
        values = record.model_dump(exclude_none=True, exclude={"epoch", "validation"})
        for name, value in {**values, **record.validation}.items():
            self._writer.add_scalar(name, value, record.epoch)
