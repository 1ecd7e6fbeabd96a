"""Classic bags of feature vectors through `SetClassifier` and ten-fold cross-validation, repeated ten times.

Source of the data: MILSurvey and MILpy (no licence stated). Published accuracies: MI-Net, Wang et al. 2018, Pattern
Recognition 74; mi-Graph, Zhou et al. 2009, ICML.
"""

from pathlib import Path

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from examples.outcome import Outcome
from examples.packed import unpack
from setwise import SetClassifier

FOLDER = "mil_classic"
CASES = {
    "musk1": "MI-Net 0.887, mi-Graph 0.900",
    "elephant": "MI-Net 0.862, mi-Graph 0.851",
    "fox": "MI-Net 0.622, mi-Graph 0.612",
    "mutagenesis_hard": "",
    "mutagenesis_easy": "",
}
_BASELINES = {
    "moments and quantiles, logistic regression": lambda: make_pipeline(
        FunctionTransformer(lambda sets: moments(sets)), StandardScaler(), LogisticRegression(max_iter=5000)
    ),
    "moments and quantiles, gradient boosting": lambda: make_pipeline(
        FunctionTransformer(lambda sets: moments(sets)), HistGradientBoostingClassifier(random_state=0)
    ),
}


def run(data: Path, out: Path, *, reduced: bool) -> list[Outcome]:  # noqa: ARG001 - it writes nothing
    """Accuracy of the defaults beside two baselines, on the same folds."""
    cases = ("musk1",) if reduced else tuple(CASES)
    folds, repeats = (2, 1) if reduced else (10, 10)
    return [_case(data / f"{name}.npz", name, folds=folds, repeats=repeats, reduced=reduced) for name in cases]


def _case(path: Path, name: str, *, folds: int, repeats: int, reduced: bool) -> Outcome:
    sets, labels = unpack(path)
    splitter = RepeatedStratifiedKFold(n_splits=folds, n_repeats=repeats, random_state=0)
    classifier = SetClassifier(random_state=0)
    if reduced:
        classifier.set_params(epochs=2, ensemble=1)
    ours = cross_val_score(classifier, sets, labels, cv=splitter, n_jobs=1 if reduced else -1)
    others = {
        words: float(cross_val_score(make(), sets, labels, cv=splitter, n_jobs=1).mean())
        for words, make in _BASELINES.items()
    }
    best = max(others, key=others.__getitem__)
    of_repeats = ours.reshape(repeats, folds).mean(1)
    half = 1.96 * of_repeats.std(ddof=1) / np.sqrt(repeats) if repeats > 1 else float("nan")
    print(f"{name}: {ours.mean():.3f}; {best} {others[best]:.3f}", flush=True)
    return Outcome(
        "mil",
        f"{name}, {len(sets)} sets, {folds} folds, {repeats} times (interval: over the repeats)",
        "accuracy",
        float(ours.mean()),
        (float(ours.mean() - half), float(ours.mean() + half)) if repeats > 1 else None,
        best,
        others[best],
        CASES[name],
    )


def moments(sets: list[np.ndarray]) -> np.ndarray:
    """Mean, standard deviation and five quantiles of every feature of every set ``(B, 7 D)``."""
    quantiles = (0.0, 0.25, 0.5, 0.75, 1.0)
    return np.stack([np.concatenate([x.mean(0), x.std(0), np.quantile(x, quantiles, axis=0).ravel()]) for x in sets])
