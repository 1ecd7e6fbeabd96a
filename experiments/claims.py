"""Read the claims of the paper's tables off their numbers, and check them against our runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Literal

from experiments import paper
from experiments.records import Cells, Record
from setwise.tasks import TASKS

Relation = Literal["better", "like", "worse"]
_LIKE_A_CONSTANT = 0.9  # of the constant's score; what is above has learned next to nothing
_LIKE = 0.1  # two of our means this close, relative to the larger, are alike

# What each row of a table is read against: the constant, where none is named.
_AGAINST = {
    "table2": {
        **{f"deep-sets-50-nonclean-erc-{norm}": f"deep-sets-50-clean-erc-{norm}" for norm in ("layer", "feature")},
        "deep-sets-50-nonclean-erc-set": "deep-sets++-50",
        **{f"deep-sets-50-clean-erc-{norm}": "deep-sets++-50" for norm in ("layer", "feature")},
        **{
            f"deep-sets-50-clean-{pool}-{norm}": f"deep-sets-50-clean-erc-{norm}"
            for pool in ("mean", "max")
            for norm in ("layer", "feature")
        },
        **{f"deep-sets-50-clean-{pool}-set": "deep-sets++-50" for pool in ("mean", "max")},
    },
    "table3": {
        "set-transformer-16": "set-transformer++-16",
        **{
            f"set-transformer-16-{kind}-{norm}": f"set-transformer-16-clean-erc-{norm}"
            for kind in ("nonclean-erc", "clean-mean")
            for norm in ("layer", "feature")
        },
        **{f"set-transformer-16-{kind}-set": "set-transformer++-16" for kind in ("nonclean-erc", "clean-mean")},
        **{f"set-transformer-16-clean-erc-{norm}": "set-transformer++-16" for norm in ("layer", "feature")},
    },
    "table4": {
        "deep-sets-50": "deep-sets-3",
        "deep-sets++-3": "deep-sets-3",
        "deep-sets++-50": "deep-sets++-3",
        "set-transformer-16": "set-transformer-2",
        "set-transformer++-2": "set-transformer-2",
        "set-transformer++-16": "set-transformer++-2",
    },
}


@dataclass(frozen=True)
class Summary:
    """A summary of the runs of one cell at one scale.

    Attributes:
        mean: over the seeds that did not diverge, or none.
        spread: sample standard deviation over the seeds, or none for one seed.
        seeds: number of runs.
        diverged: how many of them diverged.
        standard_error: of the mean over the test sets, the mean over the seeds, or none.
        running: feature norm with running statistics: the mean over the seeds, or none.
    """

    mean: float | None
    spread: float | None
    seeds: int
    diverged: int
    standard_error: float | None = None
    running: float | None = None

    def is_about(self, value: float, spread: float) -> bool:
        """Return whether a value is within both spreads and two standard errors of the tests from the mean."""
        allowed = spread + (self.spread or 0.0) + 2 * (self.standard_error or 0.0)
        return self.mean is not None and abs(self.mean - value) <= allowed


def number(value: float | None) -> str:
    """Format a number with four significant digits, about as many as the paper has; "failed" for none."""
    return "failed" if value is None else f"{value:.4g}"


@dataclass(frozen=True)
class Claim:
    """A claim of the paper about a cell.

    Attributes:
        relation: of the row to ``against``: "better", "like" or "worse".
        against: key of a row.
    """

    relation: Relation
    against: str

    def words(self, against: str) -> str:
        """Return the claim in words, the other row by its label."""
        if self.against == "constant":
            return "no better than the constant" if self.relation != "better" else "better than the constant"
        word = {"better": "better than", "worse": "worse than", "like": "like"}[self.relation]
        return f"{word} *{against}*"


@dataclass(frozen=True)
class Verdict:
    """A claim of the paper, our runs beside it, and whether they agree.

    Attributes:
        claim: of the paper.
        ours: the row.
        against: the row that it is read against.
        held: whether the claim holds for ours.
    """

    claim: Claim
    ours: Summary
    against: Summary
    held: bool


def summarise(records: Sequence[Record], part: str = "test") -> Summary | None:
    """Summarise the runs of a cell; none where there are none. ``part`` is the test part."""
    if not records:
        return None
    values = [record.test.get(part, {}).get("value") for record in records]
    known = [value for value in values if value is not None]

    def known_mean(way: str) -> float | None:
        found = [value for record in records if (value := record.test.get(part, {}).get(way)) is not None]
        return mean(found) if found else None

    return Summary(
        mean(known) if known else None,
        stdev(known) if len(known) > 1 else None,
        len(records),
        len(records) - len(known),
        known_mean("standard_error"),
        known_mean("running_statistics"),
    )


def claim_of(table: str, row: str, task: str) -> Claim | None:
    """Return the paper's claim about a cell, read off its numbers; none where it has no number.

    A number of at least 0.9 times a constant's score says "no better than the constant". Otherwise the row is read
    against another row of its table (depth against shallow, aggregated against equivariant, non-clean against clean
    ...): alike where the means differ by no more than the two spreads together.
    """
    numbers = paper.NUMBERS.get(table, {})
    if task not in numbers.get(row, {}):
        return None
    value, spread = numbers[row][task]
    higher = task == paper.CLASSIFIED
    if _constant_like(value, paper.CONSTANT[task], higher=higher):
        return Claim("like", "constant")
    against = _AGAINST.get(table, {}).get(row, "constant")
    if against == "constant":
        return Claim("better", "constant")
    other, other_spread = numbers[against][task]
    if abs(value - other) <= spread + other_spread:
        return Claim("like", against)
    return Claim("better" if (value > other) == higher else "worse", against)


def verdict_of(table: str, row: str, task: str, scale: str, cells: Cells) -> Verdict | None:
    """Check the paper's claim about a cell against our runs; none where there is no claim, or runs are missing."""
    claim = claim_of(table, row, task)
    if claim is None:
        return None
    ours, against = (summarise(cells.get((scale, task, key), [])) for key in (row, claim.against))
    if ours is None or against is None:
        return None
    return Verdict(claim, ours, against, holds(claim, ours, against, higher=TASKS[task].metric == "accuracy"))


def holds(claim: Claim, ours: Summary, against: Summary, *, higher: bool) -> bool:
    """Return whether our runs agree with a claim.

    Args:
        claim: of the paper.
        ours: the row.
        against: the row that it is read against.
        higher: whether more is better.
    """
    if claim.against == "constant" and against.mean is not None:
        like = ours.mean is None or _constant_like(ours.mean, against.mean, higher=higher)
        return like == (claim.relation != "better")
    return relation_of(ours, against, higher=higher) == claim.relation


def relation_of(ours: Summary, against: Summary, *, higher: bool) -> Relation:
    """Compare two rows: alike within their spreads or a tenth of the larger; a row that failed is worse."""
    if ours.mean is None or against.mean is None:
        return "like" if ours.mean == against.mean else "worse" if ours.mean is None else "better"
    allowed = max((ours.spread or 0.0) + (against.spread or 0.0), _LIKE * max(abs(ours.mean), abs(against.mean)))
    if abs(ours.mean - against.mean) <= allowed:
        return "like"
    return "better" if (ours.mean > against.mean) == higher else "worse"


def _constant_like(value: float, constant: float, *, higher: bool) -> bool:
    return value <= constant / _LIKE_A_CONSTANT if higher else value >= constant * _LIKE_A_CONSTANT
