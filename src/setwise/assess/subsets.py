"""Measure the effect of random subsets of large sets on predictions, on the held-out sets."""

import numpy as np

from setwise.runs.computing import Computing
from setwise.runs.outputs import predictions_of
from setwise.runs.run import Run
from setwise.targets.problem import Problem

_SETS, _DRAWS = 10, 5  # so that it costs little beside the prediction of whole sets


def subset_notes(run: Run, problem: Problem, predicted: np.ndarray) -> tuple[str, ...]:
    """Return a sentence for each target: predictions on several draws of the size of training against the whole set's.

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
    notes = [
        f"Of the held-out sets, {len(larger)} of more than {most:,} elements were also predicted from "
        f"{_DRAWS} random draws of {most:,}, as in training."
    ]
    pairs = zip(run.objective.parts(draws), run.objective.parts(predicted[larger]), strict=True)
    for column, ((target, part), (_, whole)) in enumerate(pairs):
        notes.append(target.drawn_words(part, whole, truth[:, column]))
    return tuple(notes)


def _draw(run: Run, problem: Problem, rows: np.ndarray, seed: int) -> np.ndarray:
    config = run.record.config
    how = Computing(device=config.device, max_elements=config.max_elements, seed=config.seed + 1 + seed)
    return predictions_of(run, problem.store, rows, how)
