"""Tell padding: rows of one number, zero or NaN, with which sets are filled up to one length."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from setwise._checks import InputError, counted, set_label
from setwise.readers.request import ReadRequest
from setwise.store.rewritten import rewritten
from setwise.store.store import SetStore

_CHANCE = 1e-4  # rows of one number at the ends of sets by less than this chance are no accident
_OF_FRACTIONS = 0.05  # the same of vectors of fractions, which hardly ever are one number
_WITHIN = 0.1  # share of such rows among the others from which on they are elements


@dataclass(frozen=True)
class Padding:
    """Padding of some sets.

    Attributes:
        value: of which its rows consist.
        sizes: ``(B,)`` elements of each set before it.
        rows: how many rows of all sets are padding.
        sets: how many sets end in it.
        blank: rows of sets that are nothing else.
    """

    value: float
    sizes: np.ndarray
    rows: int
    sets: int
    blank: int

    def told(self, total: int, names: Sequence[str] | None = None) -> str:
        """Return the beginning of a sentence; refuse sets that are nothing but padding, by name.

        Raises:
            InputError: such a set.
        """
        empty = np.flatnonzero(self.sizes == 0)
        if len(empty):
            raise InputError(
                f"every set must have at least one element; {set_label(int(empty[0]), names)} and "
                f"{len(empty) - 1} others have rows of {self.value:g} alone, as padding is. Leave them out."
                if len(empty) > 1
                else f"every set must have at least one element; {set_label(int(empty[0]), names)} has rows of "
                f"{self.value:g} alone, as padding is. Leave it out."
            )
        return (
            f"{self.rows:,} of {total:,} elements are rows of {self.value:g} at the ends of "
            f"{counted(self.sets, 'set')}, as padding is"
        )


def padding_of(sets: Sequence[np.ndarray], *, sure: bool = False) -> Padding | None:
    """Return the padding of sets of one size, of vectors or of numbers; none where they end otherwise.

    Rows at the ends are padding where there are hardly any within the sets or at their beginnings, and more than
    chance puts to the ends.

    Args:
        sets: arrays ``(n_i, D)`` or ``(n_i,)``.
        sure: it is known that they are padded: whatever rows of one number they end in is padding.
    """
    size = len(sets[0])
    if sets[0].ndim > 2 or 0 in sets[0].shape or (not sure and (size < 2 or any(len(x) != size for x in sets))):
        return None
    last = np.stack([x[-1] for x in sets]).reshape(len(sets), -1)
    value = _value(last)
    if value is None:
        return None
    ends, first, within, fractions = np.zeros(len(sets), np.int64), 0, 0, False
    for row, x in enumerate(sets):
        of_one = _are(x, value)
        trailing = len(x) if of_one.all() else int(np.argmin(of_one[::-1]))
        ends[row] = trailing
        within += int(of_one.sum()) - trailing
        first += 0 if trailing == len(x) else int(np.argmin(of_one))
        fractions = fractions or (last.shape[1] > 1 and bool((x != np.floor(x)).any()))
    sizes = np.array([len(x) for x in sets]) - ends
    found = Padding(value, sizes, int(ends.sum()), int((ends > 0).sum()), int(ends[sizes == 0].sum()))
    return found if sure or _is_padding(found, first, within, fractions) else None


def _is_padding(found: Padding, first: int, within: int, fractions: bool) -> bool:
    """Return whether such ends of sets that have other elements, too, are no accident."""
    others = int(found.sizes.sum())
    rows = found.rows - found.blank
    if not others or rows < 1 or 4 * first > rows or within > _WITHIN * others:
        return False
    if math.isnan(found.value):
        return True
    chance = rows * math.log((within + 1) / (others + 1))
    return chance < math.log(_OF_FRACTIONS if fractions else _CHANCE)


def _value(last: np.ndarray) -> float | None:
    """Return the number of which the last rows ``(B, D)`` of some sets consist; none where there are no such rows."""
    if np.isnan(last).all(1).any():
        return math.nan
    if (last == 0).all(1).any():
        return 0.0
    alike = (last == last[:, :1]).all(1)
    if last.shape[1] == 1 or alike.sum() < 2:
        return None
    values, counts = np.unique(last[alike, 0], return_counts=True)
    return float(values[counts.argmax()]) if counts.max() > 1 else None


def _are(x: np.ndarray, value: float) -> np.ndarray:
    """Mark the rows of a set ``(n,)`` that consist of one number."""
    of_one = np.isnan(x) if math.isnan(value) else np.equal(x, value)
    rows: np.ndarray = np.asarray(of_one).reshape(len(x), -1)
    return np.min(rows, axis=1)


def refuse_padding(sets: Sequence[np.ndarray], names: Sequence[str]) -> None:
    """Refuse sets in memory that are padded, where nothing says so.

    Raises:
        InputError: such sets; it says how to give them.
    """
    found = padding_of(sets)
    if found is None:
        return
    told = found.told(sum(map(len, sets)), names)
    mask = "~np.isnan(x).all(-1)" if math.isnan(found.value) else f"(x != {found.value:g}).any(-1)"
    mask = mask if sets[0].ndim == 2 else mask.replace(".any(-1)", "").replace(".all(-1)", "")
    raise InputError(
        f"{told}, and would be learned as elements. Give the pair (x, sizes), the number of real elements of each set, "
        f"or (x, mask), true where an element is real, such as (x, {mask}), of the padded array x. If they are "
        f"elements, say so: (x, np.full(len(x), {len(sets[0])}))."
    )


def unpadded(store: SetStore, request: ReadRequest) -> SetStore:
    """Return the store without padding, with a note on what was left out.

    Raises:
        InputError: a set that is nothing but padding.
    """
    known = request.drops_padding
    if (
        request.reading.padding == "keep"
        or store.sparse is not None
        or len(store.shape) != 1
        or ((store.sizes < 2).any() and not known)
    ):
        return store
    if not known and (store.sizes != store.sizes[0]).any():
        return store
    found = padding_of([store.elements(row) for row in range(len(store))], sure=known)
    if found is None or not found.rows:
        return store
    if request.reading.drop_empty and request.drop is not None:
        gone = np.flatnonzero(found.sizes == 0)
        request.drop.names |= {store.set_ids[row]: "it has no elements but padding" for row in gone.tolist()}
        found.sizes[gone] = 1  # which are left out whole
    note = f"{found.told(store.num_elements, store.set_ids)}, and are left out (--padding keep takes them)."
    before = store.description
    done = replace(before.processing, padding=f"{found.value:g}")
    place = np.arange(store.num_elements) - np.repeat(store.offsets[:-1], store.sizes)
    real = place < np.repeat(found.sizes, store.sizes)
    return rewritten(store, replace(before, processing=done, notes=(*before.notes, note)), elements=real)
