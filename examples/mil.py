"""Classify bags of feature vectors by `SetClassifier` in ten-fold cross-validation, repeated ten times.

Source of the data: MILSurvey and MILpy (no licence stated). Published accuracies: MI-Net, Wang et al. 2018, Pattern
Recognition 74; mi-Graph, Zhou et al. 2009, ICML.
"""

from pathlib import Path

from examples.bags import BASELINES
from examples.clock import Clock
from examples.folds import cross_validate
from examples.outcome import Outcome, of_held_out
from examples.packed import unpack
from setwise import SetClassifier

FOLDER = "mil_classic"
REPEATS = 10
METRICS = {"accuracy": "accuracy", "auc": "AUC", "cross_entropy": "cross entropy, nats"}
CASES = {
    "musk1": "MI-Net 0.887, mi-Graph 0.900",
    "elephant": "MI-Net 0.862, mi-Graph 0.851",
    "fox": "MI-Net 0.622, mi-Graph 0.612",
    "mutagenesis_hard": "",
    "mutagenesis_easy": "",
}


def run(data: Path, out: Path, *, repeats: int, clock: Clock, reduced: bool = False) -> list[Outcome]:
    """Measure accuracy of the defaults beside two baselines, on the same folds."""
    outcomes = []
    folds = 2 if reduced else 10
    for name in ("musk1",) if reduced else CASES:
        sets, labels = unpack(data / f"{name}.npz")
        classifier = SetClassifier(random_state=0)
        if reduced:
            classifier.set_params(epochs=2, ensemble=1)
        held_out = cross_validate(
            sets, labels, classifier, BASELINES, folds=folds, repeats=repeats, folder=out / name, clock=clock
        )
        if held_out is None:
            continue
        done = len(next(iter(held_out.predicted.values())))
        outcomes += [
            of_held_out(
                held_out,
                metric,
                metric_name=words,
                example="mil",
                case=f"{name}, {len(sets)} sets",
                evaluation=f"{folds} folds, {done} of {REPEATS} times",
                published=CASES[name] if metric == "accuracy" else "",
            )
            for metric, words in METRICS.items()
        ]
    return outcomes
