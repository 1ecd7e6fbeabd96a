"""Tell columns that are no measurement by their order within sets: properties of the set, counters, clocks."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from setwise.store.tables import listed

CONSTANT = "it never changes within a set: it belongs in the table of sets"
RISES = "it only rises within every set, like a clock or a counter"
FALLS = "it only falls within every set, like a clock or a counter"
NO_MEASUREMENT = (CONSTANT, RISES, FALLS)
_CHANCE = 1e-6  # values in order within every set by less than this chance are no accident
_SAME = 1e-3  # steps of a counter differ by less, relative to themselves
_OFTEN = 0.44  # share of the rows at which a counter goes on
_MANY = 20  # different values in a set that are nearly as many as a coarse clock has
_ENOUGH = 40  # elements of a set from which on a straight line is told from the quantiles of a bell
_SETS = 12  # sets from which on the ends of many small sets tell it
_SUMS = ("k", "kx", "x", "xx")


def note_on_sets(names: Sequence[str], numbers: Sequence[str]) -> str:
    """Return a sentence on columns that belong to the sets, of which some could be features."""
    told = f"{listed(names)}: {'a column' if len(names) == 1 else 'columns'} of the sets, and no feature, since no set "
    return f"{told}has several values" + (f" (--features takes {listed(numbers)} in)." if numbers else ".")


def may_be_ordered(values: np.ndarray, codes: np.ndarray) -> bool:
    """Return whether some rows of a column leave open that it only rises, only falls or stays within every set.

    Args:
        values: ``(n,)``.
        codes: ``(n,)``, the set of each.
    """
    order = np.argsort(codes, kind="stable") if (np.diff(codes) < 0).any() else slice(None)
    ours, theirs = values[order], codes[order]
    same = theirs[1:] == theirs[:-1]
    return not ((ours[1:] > ours[:-1])[same].any() and (ours[1:] < ours[:-1])[same].any())


class OrderCheck:
    """A check for columns that are in order within every set, whatever order sets come in.

    A column that never changes within a set tells of the set. One that only rises (or only falls) is a counter or a
    clock where its steps are all alike, or where it goes on at nearly every row in a straight line that ends elsewhere
    in each set. Others are measured: somebody sorted the rows by them.

    Args:
        names: of the columns.
        as_measured: rows come in the order in which they were measured, by which nobody sorts: whatever rises is a
            clock or a counter.
        by_no_accident: what never changes within a set is a property of the set only where the values of its elements
            would hardly be alike by chance, as those of rare genes in few cells are.
    """

    def __init__(self, names: Sequence[str], *, as_measured: bool = False, by_no_accident: bool = False):
        self.names = list(names)
        self.as_measured, self.by_no_accident = as_measured, by_no_accident
        width = len(self.names)
        self.rises, self.falls = np.zeros(width, bool), np.zeros(width, bool)
        self.whole = np.ones(width, bool)
        self.lowest, self.highest = np.full(width, np.inf), np.full(width, -np.inf)
        self.counts = np.zeros(0, np.int64)
        self.per_set = {
            name: np.empty((0, width)) for name in ("first", "last", "begin", "end", "least", "most", "steps", *_SUMS)
        }

    def add(self, column: Callable[[int], np.ndarray], codes: np.ndarray) -> None:
        """Take in some rows.

        Args:
            column: from the position of a name to the values ``(n,)`` of its column in these rows.
            codes: ``(n,)``, the set of each row.
        """
        if not self.names or not len(codes):
            return
        self._grow(int(codes.max()) + 1)
        order = np.argsort(codes, kind="stable") if (np.diff(codes) < 0).any() else slice(None)
        codes = codes[order]
        begins = np.flatnonzero(np.diff(codes, prepend=-1))
        lengths = np.diff(np.append(begins, len(codes)))
        owners = codes[begins]
        before = self.counts[owners]
        rank = np.arange(len(codes)) - np.repeat(begins - before, lengths)
        for position in range(len(self.names)):
            self._add_column(position, column(position)[order], codes, begins, lengths, owners, before, rank)
        self.counts[owners] += lengths

    @np.errstate(invalid="ignore")  # infinity has no difference from itself
    def _add_column(
        self,
        column: int,
        values: np.ndarray,
        codes: np.ndarray,
        begins: np.ndarray,
        lengths: np.ndarray,
        owners: np.ndarray,
        before: np.ndarray,
        rank: np.ndarray,
    ) -> None:
        kept = {name: numbers[:, column] for name, numbers in self.per_set.items()}
        new = before == 0
        kept["first"][owners[new]] = values[begins[new]]
        previous = np.empty_like(values)
        previous[1:] = values[:-1]
        previous[begins] = np.where(new, np.nan, kept["last"][owners])
        steps = values - previous
        changes = (steps > 0) | (steps < 0)
        self.rises[column] |= (steps > 0).any()
        self.falls[column] |= (steps < 0).any()
        if self.rises[column] and self.falls[column]:
            return
        self.whole[column] &= bool((values == np.floor(values)).all())
        self.lowest[column] = np.fmin(self.lowest[column], np.fmin.reduce(values))
        self.highest[column] = np.fmax(self.highest[column], np.fmax.reduce(values))
        second = rank == 1
        kept["begin"][codes[second]] = steps[second]
        ends = begins + lengths - 1
        kept["last"][owners] = values[ends]
        kept["end"][owners] = steps[ends]
        size = np.abs(steps)
        np.minimum.at(kept["least"], codes[changes], size[changes])
        np.maximum.at(kept["most"], codes[changes], size[changes])
        np.add.at(kept["steps"], codes[changes], 1)
        moved = values - kept["first"][codes]
        for name, term in zip(_SUMS, (rank, rank * moved, moved, moved * moved), strict=True):
            kept[name][owners] += np.add.reduceat(term.astype(np.float64), begins)

    def suspects(self) -> list[str]:
        """Return columns that may still turn out to be in order within every set."""
        return [name for name, bad in zip(self.names, self.rises & self.falls, strict=True) if not bad]

    def reasons(self) -> dict[str, str]:
        """Return the columns that are no measurement, and why."""
        found: dict[str, str] = {}
        for column, name in enumerate(self.names):
            if self._is_ordered(column):
                if self.as_measured or self._is_counter(column):
                    found[name] = RISES if self.rises[column] else FALLS
            elif not self.rises[column] and not self.falls[column]:
                several = self.counts.sum() >= 2 * np.count_nonzero(self.counts)
                alike = several and (not self.by_no_accident or self._is_no_accident(column))
                if self.lowest[column] < self.highest[column] and alike:
                    found[name] = CONSTANT
        return found

    def sorted_by(self) -> list[str]:
        """Return the columns that rows of every set are sorted by, and that are measured all the same."""
        left_out = self.reasons()
        return [name for n, name in enumerate(self.names) if self._is_ordered(n) and name not in left_out]

    def _is_ordered(self, column: int) -> bool:
        """Return whether a column only rises or only falls, by no accident."""
        if self.rises[column] == self.falls[column]:
            return False
        kinds, counts = np.unique(self.per_set["steps"][:, column].astype(np.int64), return_counts=True)
        return sum(math.lgamma(k + 2) * n for k, n in zip(kinds.tolist(), counts.tolist(), strict=True)) > -math.log(
            _CHANCE
        )

    def _is_no_accident(self, column: int) -> bool:
        """Return whether elements drawn from all sets together would hardly be alike within every set."""
        counts = self.counts[self.counts > 0]
        values = self.per_set["first"][self.counts > 0, column]
        _, kinds = np.unique(values, return_inverse=True)
        shares = np.bincount(kinds, counts) / counts.sum()
        sizes, sets = np.unique(counts, return_counts=True)
        chances = np.log(np.sum(shares[None] ** sizes[:, None], axis=1))
        return bool((chances * sets).sum() < math.log(_CHANCE))

    def _is_counter(self, column: int) -> bool:
        """Return whether steps of a column that is in order are those of a counter or a clock."""
        rows = self.counts >= 2
        own = {name: numbers[rows, column] for name, numbers in self.per_set.items()}
        pairs, changes = (self.counts[rows] - 1).sum(), own["steps"].sum()
        moving = own["steps"] > 0
        even = own["most"][moving] - own["least"][moving] <= _SAME * own["most"][moving]
        if even.all() and changes >= _OFTEN * pairs:
            return True
        goes_on = changes >= 0.9 * pairs or own["steps"].mean() >= _MANY
        if not goes_on or not self._is_straight(column):
            return False
        return bool(self.whole[column] and changes == pairs) or not _end_alike(own, self.counts[rows])

    def _is_straight(self, column: int) -> bool:
        """Return whether values go on in a straight line within the sets: no quantiles of a bell, but a clock's."""
        rows = (self.counts >= 4) & (self.per_set["steps"][:, column] > 0)
        own = {name: numbers[rows, column] for name, numbers in self.per_set.items()}
        n = self.counts[rows].astype(np.float64)
        if not len(n):
            return False
        mean = own["x"] / n
        covariance = own["kx"] / n - mean * (n - 1) / 2
        bent = 1 - covariance**2 / np.maximum((n**2 - 1) / 12 * (own["xx"] / n - mean**2), np.finfo(float).tiny)
        step = (own["last"] - own["first"]) / (n - 1)
        ends = float(np.mean((own["begin"] + own["end"]) / 2 / step))
        straight = bool(bent.mean() < 0.02 + 0.9 * (1 / n).mean())  # 0.9 / n: of events at random moments
        return straight and (n.mean() >= _ENOUGH or (len(n) >= _SETS and abs(ends - 1) <= max(0.35, 2 / len(n) ** 0.5)))

    def _grow(self, count: int) -> None:
        if count <= len(self.counts):
            return
        more = max(count, 2 * len(self.counts)) - len(self.counts)
        self.counts = np.pad(self.counts, (0, more))
        for name, numbers in self.per_set.items():
            fill = np.inf if name == "least" else 0.0
            self.per_set[name] = np.pad(numbers, ((0, more), (0, 0)), constant_values=fill)


def _end_alike(own: Mapping[str, np.ndarray], counts: np.ndarray) -> bool:
    """Return whether all sets begin at one value and end at one, as those of a bounded measurement do when sorted."""
    step = np.abs((own["last"] - own["first"]) / (counts - 1)).mean()
    return bool(max(own["first"].std(), own["last"].std()) <= 2.5 * step)


def notes_on(check: OrderCheck, *, named: bool) -> list[str]:
    """Return what people should know of columns that are in order within every set and are features all the same.

    Args:
        check: of the features.
        named: features were named, not chosen.
    """
    if named:
        return [
            f"feature {name!r} is taken since it was named, and may tell the sets apart: {reason}."
            for name, reason in check.reasons().items()
        ]
    ordered = check.sorted_by()
    if not ordered:
        return []
    one = len(ordered) == 1
    stay = (
        "does not go on like a counter and stays a feature" if one else "do not go on like counters and stay features"
    )
    return [
        f"rows of every set are sorted by {listed([repr(name) for name in ordered], 5)}, which {stay}. "
        "If one tells time or the number of a row, name the features without it (--features)."
    ]
