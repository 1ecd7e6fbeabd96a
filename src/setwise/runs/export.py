"""Export runs for other programs: ONNX, and torch.export for programs that have torch and not this library."""

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import torch
from torch.export import Dim, ExportedProgram
from torch.fx.experimental import _config

from setwise._checks import missing_packages
from setwise._files import atomic_write
from setwise.runs.packed import PackedPredictor, as_json, describe, example
from setwise.runs.run import Run

_NEEDED = ("onnx", "onnxscript", "onnxruntime")
_KEY = "setwise.json"
_TRACED, _CHECKED = [2, 5, 3], [7, 1, 11, 2, 1]  # sizes of the sets that are drawn to export and to check
_TOLERANCE = 1e-4  # relative to the largest prediction


def to_program(run: Run) -> ExportedProgram:
    """Export a run as a `torch.export` program of elements, sizes, covariates (`PackedPredictor`), any numbers of each.

    Load it without this library: ``torch.export.load(path).module()(elements, sizes)``.

    Args:
        run: a fitted model.
    """
    predictor = PackedPredictor(run).eval()
    inputs = example(run, _TRACED)
    elements, sets = Dim("elements", min=1), Dim("sets", min=1)
    names = ({0: elements}, {0: sets}, {0: sets})[: len(inputs)]
    # Without it, torch takes sizes of one for a case of its own and refuses them.
    any_size = _config.patch(backed_size_oblivious=True)  # pyright: ignore[reportAttributeAccessIssue] set when imported
    with _quiet(), any_size, torch.no_grad():
        return torch.export.export(predictor, inputs, dynamic_shapes=names)


def save_program(run: Run, path: str | Path) -> float:
    """Write a run as a ``.pt2`` file; features, transforms and targets lie in its extra file ``setwise.json``.

    Args:
        run: a fitted model.
        path: a file, replaced whole.

    Returns:
        The largest difference between what the file and the run predict for drawn sets of other sizes, relative to the
        largest prediction.

    Raises:
        InputError: the file cannot be written.
        RuntimeError: the file disagrees with the run.
    """
    path, program = Path(path), to_program(run)
    with atomic_write(path) as aside:
        content = io.BytesIO()  # torch's writer aborts the process where a disk is full
        with _quiet():
            torch.export.save(program, content, extra_files={_KEY: as_json(describe(run))})
        aside.write_bytes(content.getbuffer())
        with aside.open("rb") as file, _quiet():
            loaded = torch.export.load(file).module()
        inputs = example(run, _CHECKED, seed=1)
        with torch.no_grad():
            return _difference(run, inputs, loaded(*inputs), path)


def save_onnx(run: Run, path: str | Path) -> float:
    """Write a run as an ONNX file: inputs ``elements``, ``sizes``, ``covariates``, output ``predictions``.

    Features, transforms and targets lie in the file's metadata, under ``setwise.json``. In a Set Transformer the file
    pads the sets of a batch to the largest while it computes attention: give it sets of similar sizes together.

    Args:
        run: a fitted model.
        path: a file, replaced whole.

    Returns:
        The largest difference between what ONNX Runtime and the run predict for drawn sets of other sizes, relative to
        the largest prediction.

    Raises:
        InputError: the extra ``onnx`` is not installed, or the file cannot be written.
        RuntimeError: the file disagrees with the run.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise missing_packages("exports to ONNX", missing, "onnx")
    from onnxruntime import InferenceSession  # optional package

    path, inputs = Path(path), example(run, _CHECKED, seed=1)
    names = ["elements", "sizes", "covariates"][: len(inputs)]
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            to_program(run), dynamo=True, input_names=names, output_names=["predictions"], verbose=False
        )
    assert program is not None
    program.model.metadata_props[_KEY] = as_json(describe(run))
    with atomic_write(path) as aside:
        program.save(aside, external_data=False)
        session = InferenceSession(aside, providers=["CPUExecutionProvider"])
        found = session.run(None, dict(zip(names, (x.numpy() for x in inputs), strict=True)))[0]
        return _difference(run, inputs, torch.as_tensor(found), path)


def _difference(run: Run, inputs: tuple[torch.Tensor, ...], found: torch.Tensor, path: Path) -> float:
    with torch.no_grad():
        want = PackedPredictor(run).eval()(*inputs)
    difference = float((found - want).abs().max() / want.abs().max().clamp_min(1e-30))
    if not difference <= _TOLERANCE:
        raise RuntimeError(
            f"{path} was not written: its predictions differ from the run's by {difference:.1e} of the largest one, "
            f"and {_TOLERANCE:.0e} is allowed. Please report it with the versions that `pip list` shows."
        )
    return difference


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence what torch and its exporter tell their own developers."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnx_ir", "onnxscript", "torch.export")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
