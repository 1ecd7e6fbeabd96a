"""Say in words what a cross-validation shows, and how little it can show where sets are few."""

import numpy as np

from setwise.metrics.intervals import binomial
from setwise.report.rounding import number
from setwise.runs.record import TestRow
from setwise.validate.cross_validation import CrossValidation

_FEW = 40  # independent sets below which single sets decide
_SIGNIFICANT = 0.05


def divided(found: CrossValidation) -> str:
    """Return a title for the table of results: the sets, the folds, the repeats."""
    count = len(found.clusters)
    sets = f"{count:,} sets" + (f" of {len(np.unique(found.clusters)):,} groups" if found.grouped else "")
    repeats = f", mean of {found.repeats} repeats" if found.repeats > 1 else ""
    unseen = "it"
    if found.sizes is not None:
        count, labelled = int(found.sizes.sum()), _labelled(found)
        known = "" if labelled == count else f" ({labelled:,} with a label)"
        sets, unseen = f"{count:,} elements{known} of {sets}", "its set"
    return f"{sets}, each predicted by models that have not seen {unseen}: {found.folds} folds{repeats} (95% intervals)"


def _labelled(found: CrossValidation) -> int:
    """Count the measured elements that have a label."""
    assert found.sizes is not None, "of sets"
    known = np.zeros(int(found.sizes.sum()), dtype=bool)
    for name in found.objective.names:
        known |= found.predictions[name].is_valid().to_numpy()[: len(known)]
    return int(known.sum())


def _of_draws(found: CrossValidation) -> list[str]:
    """Say that not all elements were measured, where that is so."""
    if found.sizes is None:
        return []
    measured, firsts = int(found.sizes.sum()), np.cumsum(found.sizes) - found.sizes
    everything = int(found.predictions["size"].to_numpy()[firsts].sum())
    if measured == everything:
        return []
    return [
        f"Measured on {measured:,} of {everything:,} elements, drawn evenly from the sets; each was predicted with its "
        "whole set."
    ]


def conclusion(found: CrossValidation) -> list[str]:
    """Say whether the model beats the baselines, with the interval of the difference."""
    rows = found.measured.rows
    metric = found.objective.decisive
    others = [row for row in rows[1:] if metric.key in row.metrics]
    if not others:
        return [f"No baselines were measured, so nothing says whether {rows[0].name} is worth having."]
    sign = metric.sign
    best = max(others, key=lambda row: sign * row.metrics[metric.key])
    gain, low, high = found.measured.gains[best.name, metric.key]
    better = sign * gain > 0
    words = metric.title
    text = (
        f"{rows[0].name} is {'better' if better else 'worse'} than the best baseline, {best.name}, by "
        f"{number(abs(gain))} in {words} ({_pair(rows[0], best, metric.key)})"
    )
    if low is None or high is None:
        return [f"{text}; there are too few sets for an interval of the difference."]
    ends = sorted((sign * low, sign * high))
    text += f"; the 95% interval of what it gains is {number(ends[0])} to {number(ends[1])}"
    if ends[0] > 0:
        return [f"{text}, so it beats every baseline by more than the choice of sets explains."]
    if ends[1] < 0:
        return [f"{text}: use {best.name} instead."]
    return [f"{text}, which includes none at all: these sets do not show which of the two is better."]


def evidence(found: CrossValidation) -> list[str]:
    """Say how far the evaluation reaches, a sentence for each reason."""
    sentences = [*_of_draws(found), *_of_folds(found), *_of_permutations(found)]
    independent = len(np.unique(found.clusters))
    if independent < _FEW:
        what = "groups" if found.grouped else "sets"
        sentences.append(f"There are {independent} independent {what}. That is little:")
        sentences += [f"- {sentence}" for sentence in _how_little(found, independent, what)]
    for key, share in found.measured.undefined.items():
        sentences.append(
            f"{found.objective.metric(key).title} is defined by {share:.0%} of the {found.measured.draws:,} draws of "
            "sets; its interval is of those."
        )
    without = sum(result.validated == 0 for result in found.results)
    if without:
        sentences.append(
            f"{without} of {len(found.results)} fits had no sets to spare for validation: they ran all epochs."
        )
    untempered = sum(result.untempered for result in found.results)
    if untempered:
        sentences.append(
            f"{untempered} of {len(found.results)} fits did not temper their probabilities, which from few sets may be "
            "far too sure: they had too few sets (or groups), in all or of a class, for each model to leave some out."
        )
    return sentences


def _how_little(found: CrossValidation, independent: int, what: str) -> list[str]:
    said = []
    metric = found.objective.decisive
    interval = found.measured.rows[0].intervals.get(metric.key)
    if interval is not None:
        said.append(
            f"the interval of {metric.title}, {number(interval[0])} to {number(interval[1])}, is drawn from "
            f"{independent} {what} and is itself too narrow, as such intervals are of few {what};"
        )
    of_sets = found.sizes is None or found.objective.whole_sets  # is accuracy a share of sets?
    if of_sets and any(target.is_right_or_wrong for target in found.objective.targets):
        perfect = binomial(independent, independent)[0]
        said.append(
            f"if all {independent} {what} were predicted rightly, the exact 95% interval of the accuracy would still "
            f"begin at {perfect:.0%}; one mistake moves the accuracy by {1 / independent:.0%}."
        )
    else:
        said.append(f"one of {independent} {what} that is unlike the others can turn the result.")
    return said


def _of_folds(found: CrossValidation) -> list[str]:
    metric = found.objective.decisive
    if metric.key not in found.fold_gain:
        return []
    gain, low, high = found.fold_gain[metric.key]
    sign = metric.sign
    ends = sorted((sign * low, sign * high))
    return [
        f"Fold by fold, which also counts the luck of the training sets, it gains {number(sign * gain)} over the "
        f"best baseline, with an interval of {number(ends[0])} to {number(ends[1])} (corrected for the overlap of "
        "the folds)."
    ]


def _of_permutations(found: CrossValidation) -> list[str]:
    test = found.permutation
    if test is None:
        return []
    metric, count = found.objective.decisive, len(test.shuffled)
    p = test.p_values[metric.key]
    others = [one[metric.key] for one in test.shuffled if metric.key in one]
    what = "targets" if found.sizes is None else "labels"
    within = "" if found.sizes is None else ", each within the sets,"
    text = (
        f"Would shuffled {what} do as well? By {metric.title}, {round(p * (1 + len(others))) - 1} of {count} "
        f"shufflings{within} did (p = {number(p)}); they gave {number(float(np.median(others)))} in the middle, the "
        f"{what} {number(test.observed[metric.key])}."
    )
    sentences = [text]
    possible = (count + 1) if test.possible is None else min(test.possible, count + 1)
    if 1 / possible > _SIGNIFICANT:
        why = (
            f"there are only {test.possible:,} different ways to deal the labels out"
            if test.possible is not None and test.possible <= count + 1
            else f"{count} shufflings are too few"
        )
        sentences.append(f"No result could have had a p value below {number(1 / possible)}, since {why}.")
    elif test.possible is not None and test.possible <= 20 * count:
        sentences.append(f"There are {test.possible:,} different ways to deal the labels out.")
    return sentences


def _pair(row: TestRow, other: TestRow, metric: str) -> str:
    return f"{number(row.metrics[metric])} against {number(other.metrics[metric])}"
