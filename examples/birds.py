"""Which of 13 bird species sing in a recording: several labels at once, segments of a spectrogram as elements.

Source: H. J. Andrews birdsong as packed by MILSurvey (no licence stated); Briggs et al. 2012, J. Acoust. Soc. Am. 131.
"""

from pathlib import Path

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import average_precision_score
from sklearn.model_selection import KFold, cross_val_predict

from examples.mil import moments
from examples.outcome import Outcome
from examples.packed import unpack
from setwise import SetClassifier

FOLDER = "mil_classic"


def run(data: Path, out: Path, *, reduced: bool) -> list[Outcome]:  # noqa: ARG001 - it writes nothing
    """Mean average precision over species of predictions out of five folds, beside a random forest on moments."""
    sets, labels = unpack(data / "birdsong_hja.npz")
    classifier = SetClassifier(random_state=0)
    if reduced:
        common = labels.sum(0) >= 60
        sets, labels = sets[::4], labels[::4, common]
        classifier.set_params(epochs=1, ensemble=1)
    folds = KFold(2 if reduced else 5, shuffle=True, random_state=0)
    ours = np.zeros(labels.shape)
    for train, test in folds.split(labels):
        fitted = classifier.fit([sets[i] for i in train], labels[train])
        ours[test] = fitted.predict_proba([sets[i] for i in test])
    forest = RandomForestClassifier(300, random_state=0)
    theirs = cross_val_predict(forest, moments(sets), labels, cv=folds, method="predict_proba")
    theirs = np.stack([share[:, -1] for share in theirs], axis=1)
    return [
        Outcome(
            "birds",
            f"{len(sets)} recordings, {labels.shape[1]} species, {folds.n_splits} folds",
            "mean average precision",
            float(average_precision_score(labels, ours)),
            None,
            "random forest on moments and quantiles",
            float(average_precision_score(labels, theirs)),
        )
    ]
