"""Run the fits of a cross-validation, several at a time: one file each, written whole, so that it can be resumed."""

import hashlib
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
from joblib import Parallel, delayed
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError
from safetensors import SafetensorError
from safetensors import numpy as safetensors

from setwise._checks import InputError
from setwise._files import checksum, make_directory, write_atomic
from setwise.fit.cross_fit import NOT_TEMPERED
from setwise.fit.study import Study
from setwise.fit.threads import one_thread
from setwise.fit.train import train
from setwise.store.folds import Fold
from setwise.store.labels import label_codes, labels_of, shuffled_labels
from setwise.store.store import SetStore, positions
from setwise.targets.objectives import Objective

_ARRAYS = ".safetensors"  # beside the result of a fold, of predictions for elements
_TRUTH, _PREDICTED = "truth", "predicted "  # what its arrays are called


def _array(values: Any) -> np.ndarray:
    return np.array(values, np.float64)


def _lists(values: np.ndarray) -> list[list[float | None]]:
    return [[None if x != x else x for x in row] for row in values.tolist()]


_Rows = Annotated[np.ndarray, BeforeValidator(_array), PlainSerializer(_lists)]


class FoldResult(BaseModel):
    """The result of one fit on the sets that it did not see.

    Attributes:
        fingerprint: of everything that decides the fit.
        permutation: 0 for the targets as they are, else which permutation of them.
        repeat, fold: from 0.
        trained, validated: sets to train on, sets that chose the epoch.
        untempered: whether probabilities were to be tempered and there were too few sets for it.
        tested: rows of the store.
        objective: of the fit.
        truth: ``(n, T)`` numbers of each tested set, or of its measured elements, set after set; NaN where missing.
        predicted: by name, the model first: ``(n, P)`` predictions for the same.
        arrays: checksum of the file beside the result that holds truth and predictions for elements, or none.
        epochs: done.
        seconds: of the fit.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, arbitrary_types_allowed=True, populate_by_name=True
    )

    fingerprint: str = Field(validation_alias="identity", serialization_alias="identity")
    permutation: int
    repeat: int
    fold: int
    trained: int
    validated: int
    untempered: bool = False
    tested: tuple[int, ...]
    objective: Objective
    truth: _Rows
    predicted: dict[str, _Rows]
    arrays: str | None = None
    epochs: int
    seconds: float


@dataclass(frozen=True)
class FoldFit:
    """A fit that is to be done.

    Attributes:
        fold: its parts and its seed.
        permutation: 0 for the targets as they are.
        columns: the table of sets, with the targets that it is fitted to.
        baselines: fit the baselines as well.
        places: which elements of the store are measured, where labels of elements are predicted; else none.
        labels_seed: of these labels shuffled within each set, or none for the labels as they are.
    """

    fold: Fold
    permutation: int
    columns: pa.Table
    baselines: bool
    places: np.ndarray | None = None
    labels_seed: int | None = None

    @property
    def name(self) -> str:
        """Return the name of the fit's file."""
        where = f"repeat-{self.fold.repeat + 1}-fold-{self.fold.number + 1}.json"
        return where if self.permutation == 0 else f"permutation-{self.permutation:04d}-{where}"

    def fingerprint(self, study: Study, elements: str) -> str:
        """Compute the fingerprint of all that decides the fit, given that of all that is known of the elements."""
        columns = {name: self.columns[name].to_pylist() for name in sorted(self.columns.column_names)}
        content = [study.identity(), elements, self.fold.split.to_dict(), self.fold.seed, columns, self.baselines]
        content += [] if self.labels_seed is None else [self.labels_seed]
        return hashlib.sha256(json.dumps(content, default=str, sort_keys=True).encode()).hexdigest()


def run_fits(
    store: SetStore,
    study: Study,
    fits: Sequence[FoldFit],
    *,
    folder: Path | None,
    jobs: int = 1,
    done: Callable[[FoldResult], None] = lambda _: None,
) -> list[FoldResult]:
    """Do the fits whose results are not there yet, and return the results of all, in the order in which they are given.

    Results are the same whatever the number of jobs: every fit computes with one thread and its own seed.

    Args:
        store: the sets.
        study: what is fitted.
        fits: the fits.
        folder: where each result is kept as soon as it is there, or none.
        jobs: processes; each is started afresh, since a process that is forked cannot use OpenMP safely.
        done: is told each result, those that were there first.

    Raises:
        InputError: what a fit finds at fault; a result in the folder that is of another evaluation or damaged.
    """
    known = known_of(store, study)
    fingerprints = [fit.fingerprint(study, known) for fit in fits]
    results: dict[int, FoldResult] = {}
    if folder is not None:
        make_directory(folder)
        for number, (fit, fingerprint) in enumerate(zip(fits, fingerprints, strict=True)):
            if (folder / fit.name).is_file():
                results[number] = _read(folder / fit.name, fingerprint)
                done(results[number])
    left = [number for number in range(len(fits)) if number not in results]
    if jobs == 1 or len(left) < 2:
        finished = (_do(store, study, fits[number], fingerprints[number], number) for number in left)
        return _collected(finished, results, fits, folder, done)
    with tempfile.TemporaryDirectory(prefix="setwise-") as shared:
        path = Path(shared) / "sets.arrow"  # mapped by every process, so that the elements are in memory once
        store.save(path)
        work = (delayed(_do_shared)(path, study, fits[number], fingerprints[number], number) for number in left)
        finished = Parallel(n_jobs=jobs, return_as="generator_unordered")(work)
        return _collected(finished, results, fits, folder, done)  # pyright: ignore[reportArgumentType] it is a generator


def _collected(
    finished: Any, results: dict[int, FoldResult], fits: Sequence[FoldFit], folder: Path | None, done: Any
) -> list[FoldResult]:
    for number, result in finished:
        if folder is not None:
            _write(result, folder / fits[number].name, beside=fits[number].places is not None)
        results[number] = result
        done(result)
    return [results[number] for number in range(len(fits))]


def _do_shared(path: Path, study: Study, fit: FoldFit, fingerprint: str, number: int) -> tuple[int, FoldResult]:
    return _do(SetStore.open(path), study, fit, fingerprint, number)


def _do(store: SetStore, study: Study, fit: FoldFit, fingerprint: str, number: int) -> tuple[int, FoldResult]:
    """Do one fit, and return it with its number among them."""
    with one_thread():
        fold, store = fit.fold, store.with_sets(fit.columns)
        if fit.labels_seed is not None:
            store = store.with_labels(
                {name: shuffled_labels(store, name, seed=fit.labels_seed) for name in study.targets}
            )
        how = {"baselines": fit.baselines, "places": fit.places, "intervals": False, "progress": False}
        run = train(store, study.with_seed(fold.seed), split=fold.split, **how)
    held_out = run.held_out
    assert held_out is not None, "a fold without test sets"
    if run.record.status == "interrupted":
        raise KeyboardInterrupt
    return number, FoldResult(
        fingerprint=fingerprint,
        permutation=fit.permutation,
        repeat=fold.repeat,
        fold=fold.number,
        trained=len(fold.split.train),
        validated=len(fold.split.validation),
        untempered=NOT_TEMPERED in run.record.notes,
        tested=tuple(fold.split.test.tolist()),
        objective=run.objective,
        truth=held_out.truth.reshape(len(held_out.truth), -1),
        predicted={name: repeats[0] for name, repeats in held_out.predicted.items()},
        epochs=run.record.epochs,
        seconds=run.record.seconds,
    )


def known_of(store: SetStore, study: Study) -> str:
    """Compute the fingerprint of all that is known of the elements: values, and labels where these are predicted."""
    if study.of == "sets":
        return store.fingerprint
    found = [label_codes(labels_of(store, name)) for name in study.targets]
    labels = checksum(b"".join(json.dumps(names).encode() + codes.tobytes() for names, codes in found))
    return store.fingerprint + labels


def _write(result: FoldResult, path: Path, *, beside: bool) -> None:
    """Write a result; truth and predictions for elements, of which there may be many, into a file beside, before it."""
    if beside:
        arrays = {_TRUTH: result.truth, **{f"{_PREDICTED}{name}": rows for name, rows in result.predicted.items()}}
        content = safetensors.save({name: np.ascontiguousarray(rows) for name, rows in arrays.items()})
        write_atomic(path.with_suffix(_ARRAYS), content)
        nothing = {"truth": np.zeros((0, 0)), "predicted": dict.fromkeys(result.predicted, np.zeros((0, 0)))}
        result = result.model_copy(update={**nothing, "arrays": checksum(content)})
    write_atomic(path, result.model_dump_json(by_alias=True).encode())


def _read(path: Path, fingerprint: str) -> FoldResult:
    try:
        result = FoldResult.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise InputError(
            f"{path} is damaged: it is not the result of a fold. Delete it; the fold is fitted again."
        ) from error
    if result.fingerprint != fingerprint:
        raise InputError(
            f"{path} is of another evaluation: other data, targets, folds or choices. Go on with those that it was "
            "begun with, name another directory, or begin again (overwrite=True, --overwrite)."
        )
    return result if result.arrays is None else _with_arrays(result, path)


def _with_arrays(result: FoldResult, path: Path) -> FoldResult:
    """Return the result with truth and predictions from the file beside it, in the order in which they were found."""
    beside = path.with_suffix(_ARRAYS)
    try:
        content = beside.read_bytes() if beside.is_file() else b""
        arrays = safetensors.load(content) if checksum(content) == result.arrays else {}
    except SafetensorError:
        arrays = {}
    if not arrays:
        raise InputError(
            f"{beside} is missing or damaged: it holds the predictions of {path.name}. Delete {path.name}; the fold is "
            "fitted again."
        )
    predicted = {name: arrays[f"{_PREDICTED}{name}"] for name in result.predicted}
    return result.model_copy(update={"truth": arrays[_TRUTH], "predicted": predicted})


def predictions_of_repeat(
    results: Sequence[FoldResult], repeat: int, num_sets: int, *, sizes: np.ndarray | None = None
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Join truth ``(B, T)`` and predictions ``(B, P)`` by name of one repeat from its folds.

    Args:
        results: of the folds, of this repeat and of others.
        repeat: which, from 0.
        num_sets: B.
        sizes: ``(B,)`` elements of each set that are measured, of which then each has a row, set after set; or none.
    """
    sizes = np.ones(num_sets, np.int64) if sizes is None else sizes
    starts, count = np.cumsum(sizes) - sizes, int(sizes.sum())
    own = [result for result in results if result.repeat == repeat]
    truth = np.full((count, own[0].truth.shape[1]), np.nan)
    predicted = {name: np.full((count, rows.shape[1]), np.nan) for name, rows in own[0].predicted.items()}
    for result in own:
        tested = list(result.tested)
        rows = positions(starts[tested], sizes[tested])
        truth[rows] = result.truth
        for name, values in result.predicted.items():
            predicted[name][rows] = values
    return truth, predicted
