"""Keep checkpoints: all that a killed run needs to go on as if nothing had happened."""

import io
import pickle
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from setwise._checks import InputError
from setwise._files import append_line, make_directory, remove_partials, write_atomic
from setwise.runs.directory import CHECKPOINTS
from setwise.runs.history import EpochRecord, to_line, to_lines

LAST, METRICS = "last.pt", "metrics.jsonl"
State = dict[str, Any]
Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Progress:
    """The state of a fit between two epochs.

    Attributes:
        epochs: epochs that are done.
        best_epoch: the epoch (from 1) whose weights are kept, 0 before the first.
        best_loss: its validation loss; infinite before the first and without a validation part.
        history: a record of each epoch that is done.
    """

    epochs: int = 0
    best_epoch: int = 0
    best_loss: float = float("inf")
    history: tuple[EpochRecord, ...] = ()

    def improved_by(self, record: EpochRecord) -> bool:
        """Return whether the weights at the end of an epoch are to be kept: the best so far, or no validation part."""
        return record.validation_loss is None or record.validation_loss < self.best_loss

    def after(self, record: EpochRecord) -> "Progress":
        """Return the progress after one more epoch."""
        history = (*self.history, record)
        if not self.improved_by(record):
            return replace(self, epochs=record.epoch, history=history)
        best_loss = float("inf") if record.validation_loss is None else record.validation_loss
        return Progress(record.epoch, record.epoch, best_loss, history)


class Checkpoints:
    """The checkpoints of one run: ``last.pt`` (everything), ``best-<epoch>.pt`` (weights alone).

    The best epoch's weights are in a file named after the epoch, written before the ``last.pt`` that points to it
    and removed after one that no longer does: a kill between any two of these writes leaves a pair that agrees.
    Tensors are loaded with ``weights_only=True``, which executes no code.

    Args:
        directory: the run directory; ``checkpoints/`` and ``metrics.jsonl`` are written below it.
        identity: what a fit must share to go on from here (configuration, data, split ...), as plain values.
        member: of an ensemble, from 0; all but the first have a folder of their own below ``checkpoints/``.
    """

    def __init__(self, directory: Path, identity: dict[str, Any], *, member: int = 0) -> None:
        self.folder = directory / CHECKPOINTS
        self.metrics = directory / METRICS
        if member > 0:
            self.folder = self.folder / f"member-{member + 1}"
            self.metrics = self.folder / METRICS
        self.identity = identity

    def start(self) -> None:
        """Make ready for a fit from its beginning: the directories, and no trace of an earlier fit."""
        make_directory(self.folder)
        for old in (*self.folder.glob("*.pt"), self.metrics):
            old.unlink(missing_ok=True)
        remove_partials(self.folder)

    def save(self, progress: Progress, state: State, best: Weights | None) -> None:
        """Keep an epoch: its line in ``metrics.jsonl``, the best weights where they are new, and the state.

        Args:
            progress: where the fit stands; its last record is the epoch's.
            state: states of model, optimizer and random generator.
            best: the weights, if this epoch's are the best so far.
        """
        append_line(self.metrics, to_line(progress.history[-1]))
        kept = self._best(progress.best_epoch)
        if best is not None:
            write_atomic(kept, _to_bytes(best))
        content = {
            "identity": self.identity,
            "epochs": progress.epochs,
            "best_epoch": progress.best_epoch,
            "best_loss": progress.best_loss,
            "history": [record.model_dump() for record in progress.history],
            "state": state,
        }
        write_atomic(self.folder / LAST, _to_bytes(content))
        self._remove_all_but(kept)

    def load(self) -> tuple[Progress, State, Weights] | None:
        """Load the last checkpoint and the best weights, or none where no epoch was finished.

        ``metrics.jsonl`` is cut to the epochs of the checkpoint.

        Raises:
            InputError: a damaged checkpoint, or one of another fit.
        """
        last = self.folder / LAST
        if not last.is_file():
            return None
        content = _from_file(last)
        if not isinstance(content, dict) or content.keys() != _KEYS:
            raise InputError(_damaged(last))
        self._check_identity(content["identity"])
        history = tuple(EpochRecord.model_validate(record) for record in content["history"])
        progress = Progress(content["epochs"], content["best_epoch"], content["best_loss"], history)
        kept = self._best(progress.best_epoch)
        best = _from_file(kept)
        remove_partials(self.folder)
        self._remove_all_but(kept)
        write_atomic(self.metrics, to_lines(history).encode())
        return progress, content["state"], best

    def _best(self, epoch: int) -> Path:
        return self.folder / f"best-{epoch:05d}.pt"

    def _remove_all_but(self, kept: Path) -> None:
        """Remove the weights of other epochs."""
        for old in self.folder.glob("best-*.pt"):
            if old != kept:
                old.unlink()

    def _check_identity(self, before: dict[str, Any]) -> None:
        for part, now in self.identity.items():
            then = before.get(part)
            if then == now:
                continue
            if isinstance(then, dict) and isinstance(now, dict):
                name = next(k for k in sorted({*then, *now}) if then.get(k) != now.get(k))
                part, then, now = f"{part}: {name}", then.get(name), now.get(name)
            raise InputError(
                f"a run is resumed with the data and the choices that it was begun with; {part} was "
                f"{_short(then)} and is now {_short(now)}. Give what it was begun with, or overwrite the run."
            )


_KEYS = {"identity", "epochs", "best_epoch", "best_loss", "history", "state"}


def _to_bytes(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def _from_file(path: Path) -> Any:
    try:
        content = io.BytesIO(path.read_bytes())
        with zipfile.ZipFile(content) as archive:
            if archive.testzip() is not None:  # the unpickler says anything at all about bytes that changed
                raise InputError(_damaged(path))
        content.seek(0)
        return torch.load(content, map_location="cpu", weights_only=True)
    except (OSError, zipfile.BadZipFile, RuntimeError, pickle.UnpicklingError) as error:
        raise InputError(_damaged(path)) from error


def _damaged(path: Path) -> str:
    return f"{path} is missing or damaged: it is not a checkpoint that setwise wrote. Overwrite the run to begin again."


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
