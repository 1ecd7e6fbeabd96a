"""Cross-validate an estimator, each fold kept in a file, so that a stopped evaluation goes on where it was."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold

from examples.clock import Clock
from setwise import SetClassifier
from setwise._files import write_atomic
from setwise.runs.config import FitConfig
from setwise.runs.held_out import HeldOut
from setwise.targets import Classes, Objective

Predict = Callable[[Sequence[np.ndarray], np.ndarray, Sequence[np.ndarray]], np.ndarray]
OURS = "setwise"


def cross_validate(
    sets: Sequence[np.ndarray],
    labels: np.ndarray,
    classifier: SetClassifier,
    others: Mapping[str, Predict],
    *,
    folds: int,
    repeats: int,
    folder: Path,
    clock: Clock,
) -> HeldOut | None:
    """Predict every set by models that have not seen it, in whole repeats; none where no repeat is whole.

    Args:
        sets: B of them.
        labels: ``(B,)`` of 0 and 1, whose folds have them alike, or ``(B, T)`` of several labels at once.
        classifier: whose parameters are those of each fold.
        others: by name, functions of the training sets, their labels and the test sets that give probabilities
            ``(b,)`` or ``(b, T)`` of label 1.
        folds, repeats: how the sets are divided; a repeat is the same however many there are.
        folder: where folds are kept; those that are there are not fitted again.
        clock: after whose time no fold is begun.

    Raises:
        ValueError: a kept fold that is of other data or settings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    whole: list[dict[str, np.ndarray]] = []
    for repeat in range(repeats):
        splitter = (StratifiedKFold if labels.ndim == 1 else KFold)(folds, shuffle=True, random_state=repeat)
        predicted: dict[str, np.ndarray] = {}
        for number, (train, test) in enumerate(splitter.split(labels, labels)):
            path = folder / f"repeat-{repeat + 1:02d}-fold-{number + 1:02d}.json"
            identity = _identity(classifier, others, sets, labels, train)
            if not path.exists():
                if clock.is_over():
                    return _held_out(labels, whole)
                write_atomic(path, _fold(sets, labels, classifier, others, train, test, identity).encode())
            kept = json.loads(path.read_text())
            if kept["identity"] != identity:
                raise ValueError(
                    f"{path} must be a fold of these data and settings; it is of others. Remove {folder} to begin anew."
                )
            for name, values in kept["predicted"].items():
                predicted.setdefault(name, np.full(labels.shape, np.nan))[test] = np.array(values)
        whole.append(predicted)
    return _held_out(labels, whole)


def _fold(
    sets: Sequence[np.ndarray],
    labels: np.ndarray,
    classifier: SetClassifier,
    others: Mapping[str, Predict],
    train: np.ndarray,
    test: np.ndarray,
    identity: str,
) -> str:
    """Fit and predict one fold, and return it as JSON."""
    seen, new = [sets[i] for i in train], [sets[i] for i in test]
    began = time.process_time()
    ours = SetClassifier(**classifier.get_params()).fit(seen, labels[train]).predict_proba(new)
    seconds = time.process_time() - began
    predicted = {OURS: ours[:, 1] if labels.ndim == 1 else ours}
    predicted |= {name: predict(seen, labels[train], new) for name, predict in others.items()}
    named = {name: np.round(values, 6).tolist() for name, values in predicted.items()}
    return json.dumps({"identity": identity, "seconds": round(seconds, 2), "predicted": named}) + "\n"


def _identity(
    classifier: SetClassifier,
    others: Mapping[str, Predict],
    sets: Sequence[np.ndarray],
    labels: np.ndarray,
    train: np.ndarray,
) -> str:
    """Compute a checksum of all that decides the predictions of a fold."""
    data = hashlib.sha256(b"".join(np.ascontiguousarray(x).tobytes() for x in sets)).hexdigest()
    config = FitConfig().model_dump(mode="json")
    content: list[Any] = [data, labels.tolist(), train.tolist(), classifier.get_params(), config, sorted(others)]
    return hashlib.sha256(json.dumps(content, default=str).encode()).hexdigest()


def _held_out(labels: np.ndarray, repeats: Sequence[Mapping[str, np.ndarray]]) -> HeldOut | None:
    """Return probabilities of label 1 as predictions of one of the library's objectives, whose metrics measure them."""
    if not repeats:
        return None
    columns = labels.reshape(len(labels), -1).astype(int)
    heads = [Classes.fit(f"label {i}", column) for i, column in enumerate(columns.T)]

    def both(share: np.ndarray) -> np.ndarray:
        share = share.reshape(len(labels), -1)
        return np.stack([1 - share, share], axis=2).reshape(len(labels), -1)

    predicted = {name: [both(repeat[name]) for repeat in repeats] for name in repeats[0]}
    return HeldOut(Objective.join(*heads), columns.astype(float), predicted, np.arange(len(labels)))
