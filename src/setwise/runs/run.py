"""A run: a fitted model with all that is needed to use it and to judge it, in memory or in a directory."""

import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from setwise._checks import InputError
from setwise._files import atomic_write, checksum, make_directory, remove_partials
from setwise.models import build_from_spec, spec_from_dict
from setwise.models.model import tensor_of
from setwise.prepare.inputs import Inputs
from setwise.prepare.standardiser import Standardiser
from setwise.runs.checkpoints import LAST, METRICS
from setwise.runs.directory import CHECKPOINTS, MODEL, check_free, check_is_run
from setwise.runs.ensemble import joined, members_of
from setwise.runs.held_out import HeldOut
from setwise.runs.held_out_table import HELD_OUT, to_csv
from setwise.runs.history import EpochRecord, read_history, to_lines
from setwise.runs.record import RunRecord
from setwise.targets.objectives import Objective

WEIGHTS = "weights.safetensors"
ESTIMATOR = "estimator.json"
_MADE_FROM_IT = (
    "report.html",
    "card.md",
    "model.onnx",
    "model.pt2",
    ESTIMATOR,
)  # files that are made from a finished run


@dataclass(eq=False)
class Run:
    """A fitted model, its record and its history.

    Attributes:
        record: what ``model.json`` says.
        model: with the kept weights, in evaluation mode, on the CPU; float64 after ``precision="64-true"``, else
            float32. Of an ensemble, a `setwise.runs.ensemble.Ensemble`.
        history: a record of each epoch.
        path: the directory, or none for a run in memory.
        test_predictions: for a run that was just fitted, one row per test set (``set_id``, ``size``, the targets and
            the prediction columns, and the group where there is one), which ``held_out.csv`` holds as well; none for a
            loaded one.
        held_out: for a run that was just fitted, what model and baselines said of the test sets; none for a loaded one.
    """

    record: RunRecord
    model: nn.Module
    history: tuple[EpochRecord, ...] = ()
    path: Path | None = None
    test_predictions: pa.Table | None = None
    held_out: HeldOut | None = None

    @property
    def objective(self) -> Objective:
        """Return the objective: what is predicted."""
        return self.record.objective

    @property
    def features(self) -> tuple[str, ...]:
        """Return the names of the element features, in the model's order."""
        return self.record.features

    @property
    def inputs(self) -> Inputs:
        """Return the transforms of a store's sets to what the model takes."""
        record = self.record
        categories = record.spec.get("categories")
        return Inputs(
            record.features,
            record.shape,
            None if record.standardiser is None else Standardiser.from_dict(record.standardiser),
            record.covariates,
            None if categories is None else categories[0],
        )

    @property
    def members(self) -> list[nn.Module]:
        """Return the models of an ensemble; a model alone is its only member."""
        return members_of(self.model)

    @property
    def plot(self) -> Any:
        """Return the figures of the run, as figures of matplotlib (`setwise.report.plots.Plots`)."""
        return import_module("setwise.report.plots").Plots(self)  # by its name, since it knows runs, not they it

    @property
    def dtype(self) -> torch.dtype:
        """Return the dtype that the model computes in."""
        return tensor_of(self.model).dtype

    def _repr_html_(self) -> str:
        from setwise.runs.notebook import run_html  # templates are for notebooks alone

        return run_html(self)

    def save(self, path: str | Path, *, overwrite: bool = False) -> "Run":
        """Write the run to a directory and return it with its path.

        The files are written aside before an older run is touched and renamed last, ``model.json`` after all others,
        so that a directory holds a whole run or none, and a full disk costs nothing; whatever else lies in the
        directory is left alone.

        Raises:
            InputError: a run is there already and ``overwrite`` is false; the directory cannot be written to.
        """
        directory = Path(path)
        if directory != self.path:
            check_free(directory, overwrite=overwrite)
        make_directory(directory)
        weights = safetensors.torch.save({k: v.contiguous() for k, v in _unshared(self.model.state_dict()).items()})
        record = self.record.model_copy(update={"weights_sha256": checksum(weights)})
        contents = {
            **self._held_out_file(),
            METRICS: to_lines(self.history).encode(),
            WEIGHTS: weights,
            MODEL: record.model_dump_json(indent=1).encode(),
        }
        with ExitStack() as stack:
            for name in reversed(contents):  # renamed in the opposite order, once all are written
                stack.enter_context(atomic_write(directory / name)).write_bytes(contents[name])
            if directory != self.path:
                remove_run(directory)
        for name in (*_MADE_FROM_IT, *(() if record.test else (HELD_OUT,))):  # they belong to an older model
            (directory / name).unlink(missing_ok=True)
        remove_partials(directory)
        return Run(record, self.model, self.history, directory, self.test_predictions, self.held_out)

    def _held_out_file(self) -> dict[str, bytes]:
        """Return the table of held-out predictions by the name of its file; of a loaded run, as it stands there."""
        if self.test_predictions is not None:
            return {HELD_OUT: to_csv(self.test_predictions)}
        there = None if self.path is None else self.path / HELD_OUT
        return {HELD_OUT: there.read_bytes()} if self.record.test and there is not None and there.is_file() else {}

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Load a run from its directory; no code from it is executed.

        Raises:
            InputError: no run is there, it is damaged (with the file), or a newer version wrote it.
        """
        directory = Path(path)
        check_is_run(directory)
        record = RunRecord.read(directory / MODEL)
        spec = spec_from_dict(record.spec)
        model = joined([build_from_spec(spec) for _ in record.members or (None,)])
        _load_weights(model, directory / WEIGHTS, record)
        return cls(record, model.eval(), tuple(read_history(directory / METRICS)), directory)


def check_resumable(directory: Path) -> None:
    """Make sure that resuming begins again nothing that was finished.

    Raises:
        InputError: a run is there whose checkpoints are not.
    """
    if not (directory / MODEL).is_file() or any((directory / CHECKPOINTS).rglob(LAST)):
        return
    if RunRecord.read(directory / MODEL).epochs > 0:
        raise InputError(
            f"{directory} holds a run without its checkpoints, so there is nothing to go on from. "
            "Overwrite the run (overwrite=True, --overwrite), or name another directory."
        )


def remove_run(directory: Path) -> None:
    """Remove a run, ``model.json`` first, and nothing in its directory that is not of the run."""
    for name in (MODEL, WEIGHTS, METRICS, HELD_OUT, *_MADE_FROM_IT):
        (directory / name).unlink(missing_ok=True)
    remove_progress(directory)


def remove_progress(directory: Path) -> None:
    """Remove what a fit keeps on its way; a model that is there stays."""
    for name in (CHECKPOINTS, "tensorboard"):
        if (directory / name).is_dir():
            shutil.rmtree(directory / name)


def _unshared(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a state whose tensors share no memory, as the file wants them."""
    seen, found = set(), {}
    for name, tensor in state.items():
        found[name] = tensor.clone() if tensor.data_ptr() in seen else tensor
        seen.add(tensor.data_ptr())
    return found


def _load_weights(model: nn.Module, path: Path, record: RunRecord) -> None:
    if not path.is_file():
        raise InputError(f"{path.parent} is damaged: {path.name} is missing. Restore the file, or fit again.")
    content = path.read_bytes()
    if checksum(content) != record.weights_sha256:
        raise InputError(
            f"{path} is damaged, or belongs to another {MODEL}: its checksum is not the recorded one. "
            "Restore the file, or fit again."
        )
    try:
        weights = safetensors.torch.load(content)
    except safetensors.SafetensorError as error:
        raise InputError(f"{path} is damaged: {error}. Restore the file, or fit again.") from error
    if record.config.precision == "64-true":
        model.double()
    if not _fits(weights, model):
        raise InputError(
            f"{path.parent} is damaged: {path.name} does not fit the specification in {MODEL}. "
            "Restore both, or fit again."
        )
    model.load_state_dict(weights, assign=any(map(is_lazy, _state(model).values())))


def _fits(weights: Mapping[str, Tensor], model: nn.Module) -> bool:
    """Return whether weights have the names and the shapes of a model's, but where the training sets decided shapes."""
    expected = _state(model)
    if weights.keys() != expected.keys():
        return False
    return all(is_lazy(expected[name]) or expected[name].shape == value.shape for name, value in weights.items())


def _state(model: nn.Module) -> dict[str, Tensor]:
    """Return the tensors of a model, those without a shape yet among them."""
    kept = model.state_dict(keep_vars=True)
    return {name: value for name, value in kept.items() if isinstance(value, Tensor)}
