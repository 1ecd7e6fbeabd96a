"""What a random subset of a large set does to its prediction, measured on the held-out sets."""

import numpy as np

from setwise.runs.outputs import Computing, predictions_of
from setwise.runs.run import Run
from setwise.targets.heads import Head
from setwise.targets.problem import Problem

_SETS, _DRAWS = 10, 5  # so that it costs little beside the prediction of whole sets


def subset_notes(run: Run, problem: Problem, predicted: np.ndarray) -> tuple[str, ...]:
    """A sentence for each target: predictions on several draws of the size of training against the whole set's.

    Empty where training drew nothing, or no held-out set is that large.

    Args:
        run: a fitted model.
        problem: all sets, their parts and their targets.
        predicted: ``(B, P)`` of the whole test sets.
    """
    most, test = run.record.config.max_elements, problem.split.test
    larger = np.zeros(0, np.int64) if most is None else np.flatnonzero(problem.store.sizes[test] > most)[:_SETS]
    if len(larger) == 0:
        return ()
    rows = test[larger]
    draws = np.stack([_draw(run, problem, rows, seed) for seed in range(_DRAWS)])
    truth = run.objective.truth(problem.values[rows])
    notes, start = (
        [
            f"Of the held-out sets, {len(larger)} of more than {most:,} elements were also predicted from "
            f"{_DRAWS} random draws of {most:,}, as in training."
        ],
        0,
    )
    for column, head in enumerate(run.objective.heads):
        part = slice(start, start + head.width)
        notes.append(_sentence(head, draws[..., part], predicted[larger, part], truth[:, column]))
        start += head.width
    return tuple(notes)


def _draw(run: Run, problem: Problem, rows: np.ndarray, seed: int) -> np.ndarray:
    config = run.record.config
    how = Computing(device=config.device, max_elements=config.max_elements, seed=config.seed + 1 + seed)
    return predictions_of(run, problem.store, rows, how)


def _sentence(head: Head, draws: np.ndarray, whole: np.ndarray, truth: np.ndarray) -> str:
    """Of one target: predictions of draws ``(R, B, p)`` and of whole sets ``(B, p)``, and the truth ``(B,)``."""
    if head.kind != "regression":
        chosen = whole.argmax(1)
        of_chosen = np.take_along_axis(draws, chosen[None, :, None], 2)[..., 0]
        changed = np.mean(draws.argmax(2) != chosen)
        return (
            f"{head.target}: the probability of the class that the whole set gets has a standard deviation of "
            f"{_spread(of_chosen):.2g} over the draws, and {changed:.0%} of the draws get another class."
        )
    moved = np.sqrt(np.mean((draws.mean(0) - whole) ** 2))
    error = np.sqrt(np.nanmean((whole[:, 0] - truth) ** 2)) if np.isfinite(truth).any() else np.nan
    return (
        f"{head.target}: the prediction has a standard deviation of {_spread(draws[..., 0]):.3g} over the draws, whose "
        f"mean lies {moved:.3g} from the whole set's; the model's error on these sets is {error:.3g} (root mean "
        "squares)."
    )


def _spread(values: np.ndarray) -> float:
    """Standard deviation over the draws ``(R, B)``, root mean square over the sets."""
    return float(np.sqrt(values.var(0, ddof=1).mean()))
