"""Tell which of 13 bird species sing in a recording: several labels at once, segments of a spectrogram as elements.

Source: H. J. Andrews birdsong as packed by MILSurvey (no licence stated); Briggs et al. 2012, J. Acoust. Soc. Am. 131.
"""

from pathlib import Path

from examples.bags import BASELINES
from examples.clock import Clock
from examples.folds import cross_validate
from examples.outcome import Outcome, of_held_out
from examples.packed import unpack
from setwise import SetClassifier

FOLDER = "mil_classic"
REPEATS = 1


def run(data: Path, out: Path, *, repeats: int, clock: Clock, reduced: bool = False) -> list[Outcome]:
    """Measure mean average precision over species of predictions out of five folds."""
    sets, labels = unpack(data / "birdsong_hja.npz")
    classifier = SetClassifier(random_state=0)
    if reduced:
        common = labels.sum(0) >= 60
        sets, labels = sets[::4], labels[::4, common]
        classifier.set_params(epochs=1, ensemble=1)
    folds = 2 if reduced else 5
    held_out = cross_validate(
        sets, labels, classifier, BASELINES, folds=folds, repeats=repeats, folder=out, clock=clock
    )
    if held_out is None:
        return []
    return [
        of_held_out(
            held_out,
            "mean_average_precision",
            example="birds",
            case=f"{len(sets)} recordings, {labels.shape[1]} species",
            evaluation=f"{folds} folds",
            metric_name="mean average precision",
        )
    ]
