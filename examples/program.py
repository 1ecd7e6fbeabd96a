"""Run the command line as a user would type it, shown before it runs."""

import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from examples.clock import Clock
from examples.outcome import Outcome, of_held_out
from setwise.runs.held_out import HeldOut
from setwise.validate.fold_runs import FoldResult, predictions_of_repeat

_PROGRAM = (sys.executable, "-c", "from setwise.cli import main; main()")
_INTERRUPTED = 130


def setwise(*arguments: object, clock: Clock | None = None) -> bool:
    """Run ``setwise`` with these arguments; whether it came to its end within the clock's time.

    Raises:
        CalledProcessError: it fails; what it says is on the screen.
    """
    words = [str(argument) for argument in arguments]
    print("$", shlex.join(["setwise", *words]), flush=True)
    process = subprocess.Popen([*_PROGRAM, *words])
    try:
        code = process.wait(None if clock is None else clock.left())
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)  # what is done is kept
        code = process.wait()
    if code not in (0, _INTERRUPTED):
        raise subprocess.CalledProcessError(code, ["setwise", *words])
    return code == 0


def cross_validation(
    asked: tuple[object, ...],
    directory: Path,
    *,
    folds: int,
    repeats: int,
    of: int,
    clock: Clock,
    metrics: Mapping[str, str],
    **words: str,
) -> list[Outcome]:
    """Go on with a ``setwise cv``, and say what its whole repeats found: an outcome each, or none before the first.

    Args:
        asked: arguments of the command that say what is evaluated.
        directory: where folds are kept.
        folds, repeats: how the sets are divided now.
        of: repeats in the end.
        clock: when to stop; the folds that are done are kept.
        metrics: names of the library's, and what they are in words.
        words: as for `examples.outcome.of_rows`; ``evaluation`` is said here.
    """
    setwise("cv", *asked, "--folds", folds, "--repeats", repeats, "--out", directory, "--resume", clock=clock)
    held_out = whole_repeats(directory, folds=folds)
    if held_out is None:
        return []
    sets, done = len(held_out.truth), len(next(iter(held_out.predicted.values())))
    evaluation = "leaving one out" if folds == sets else f"{folds} folds, {done} of {of} times"
    return [
        of_held_out(
            held_out, metric, evaluation=evaluation, note=_shuffled(directory, metric), metric_name=name, **words
        )
        for metric, name in metrics.items()
    ]


def whole_repeats(directory: Path, *, folds: int) -> HeldOut | None:
    """Read held-out predictions of repeats all of whose folds are in the directory of a ``setwise cv``, or none."""
    paths = sorted((directory / "folds").glob("repeat-*.json"))
    found = [FoldResult.model_validate_json(path.read_bytes()) for path in paths]
    numbers = sorted({result.repeat for result in found})
    whole = [number for number in numbers if sum(result.repeat == number for result in found) == folds]
    if not whole:
        return None
    count = 1 + max(row for result in found for row in result.tested)
    repeats = [predictions_of_repeat(found, number, count) for number in whole]
    predicted = {name: [predictions[name] for _, predictions in repeats] for name in repeats[0][1]}
    return HeldOut(found[0].objective, repeats[0][0], predicted, np.arange(count))


def _shuffled(directory: Path, metric: str) -> str:
    """Say in a sentence what the test of shuffled targets found, where it was made."""
    result = directory / "cv.json"
    test = json.loads(result.read_text()).get("permutation_test") if result.exists() else None
    if not test:
        return ""
    return f"With shuffled targets p = {test['p_values'][metric]:.2f} of {len(test['shuffled'])} permutations."
