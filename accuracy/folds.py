"""Keep the predictions of a fold in a file, written whole, so that a run that was stopped goes on where it was."""

import hashlib
import io
import json
import time
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from accuracy.dataset import Dataset
from accuracy.entrant import Entrant, Exercise, Predicted
from accuracy.protocols import Fold
from setwise._files import make_directory, write_atomic
from setwise.runs.record import library_versions
from setwise.store.store import SetStore
from setwise.targets.objectives import Objective


@dataclass(frozen=True, eq=False)
class FoldResult:
    """What an entrant predicted for the test sets of a fold.

    Attributes:
        found: truth and predictions.
        seconds: of the fit and the predictions, on the wall's clock.
        processor_seconds: of the same, spent by this process on all its cores.
    """

    found: Predicted
    seconds: float
    processor_seconds: float


def fitted(entrant: Entrant, exercise: Exercise, path: Path) -> FoldResult:
    """Return what an entrant predicts for a fold: from its file, or by a fit that is then kept there.

    Args:
        entrant: which.
        exercise: the fold.
        path: of the file; one that is damaged, or of other data, is written anew.
    """
    identity = _identity(entrant, exercise)
    kept = _kept(path, identity)
    if kept is not None:
        return kept
    wall, processor = time.perf_counter(), time.process_time()
    found = entrant.predict(exercise)
    result = FoldResult(found, time.perf_counter() - wall, time.process_time() - processor)
    about = {
        "identity": identity,
        "objective": found.objective.to_dict(),
        "seconds": [result.seconds, result.processor_seconds],
    }
    content = io.BytesIO()
    np.savez_compressed(content, truth=found.truth, predicted=found.predicted, about=np.array(json.dumps(about)))
    make_directory(path.parent)
    write_atomic(path, content.getvalue())
    return result


def is_kept(entrant: Entrant, exercise: Exercise, path: Path) -> bool:
    """Return whether a fold's predictions are in its file."""
    return _kept(path, _identity(entrant, exercise)) is not None


def seed_of(repeat: int, number: int) -> int:
    """Return the seed of the fits of a fold, which no entrant has a say in."""
    return int(np.random.SeedSequence((0, repeat, number)).generate_state(1)[0])


def fingerprint_of(dataset: Dataset, store: SetStore) -> str:
    """Compute the fingerprint of the sets and their columns, which tells data that have changed."""
    columns = {name: store.sets[name].to_pylist() for name in sorted(store.sets.column_names)}
    content = json.dumps([dataset.name, dataset.targets, store.fingerprint, columns], default=str)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _kept(path: Path, identity: str) -> FoldResult | None:
    """Read the file of a fold; none where there is none that is whole and of this fold."""
    try:
        with np.load(path) as file:
            about = json.loads(str(file["about"]))
            truth, predicted = file["truth"], file["predicted"]
    except (FileNotFoundError, BadZipFile, ValueError, KeyError, EOFError):
        return None
    if about["identity"] != identity:
        return None
    objective = Objective.model_validate(about["objective"])
    return FoldResult(Predicted(objective, truth, predicted), *about["seconds"])


def _identity(entrant: Entrant, exercise: Exercise) -> str:
    """Compute the fingerprint of all that decides a fold's predictions, but for the code."""
    fold: Fold = exercise.fold
    content = [
        entrant.name,
        fingerprint_of(exercise.dataset, exercise.store),
        fold.train.tolist(),
        fold.test.tolist(),
        exercise.seed,
        library_versions()["setwise"],
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
