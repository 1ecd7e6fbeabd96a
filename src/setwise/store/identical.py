"""Find sets that hold the same elements under different names: one patient twice, a file copied."""

import hashlib
import math
from collections import Counter

import numpy as np

from setwise._checks import InputError
from setwise.store.splits import Split
from setwise.store.store import SetStore
from setwise.store.tables import listed

_FEWEST = 50  # different numbers; sets of fewer, such as counts of atoms, may be alike without being the same


def identical_sets(store: SetStore) -> list[list[int]]:
    """Find rows of sets with the same elements in the same order, by checksum; of at least 50 different numbers.

    Only sets of one size that begin alike are compared, so that most are never looked at.
    """
    width = math.prod(store.shape)
    by_size: dict[int, list[int]] = {}
    for row, size in enumerate(store.sizes.tolist()):
        if size * width >= _FEWEST:
            by_size.setdefault(size, []).append(row)
    found: dict[bytes, list[int]] = {}
    for rows in by_size.values():
        first = {row: store.elements(row)[:1].tobytes() for row in rows}
        alike = Counter(first.values())
        for row in rows:
            if alike[first[row]] > 1:  # the first element tells most apart
                content = np.ascontiguousarray(store.elements(row)).data.cast("B")
                found.setdefault(hashlib.blake2b(content, digest_size=16).digest(), []).append(row)
    return [rows for rows in found.values() if len(rows) > 1 and len(np.unique(store.elements(rows[0]))) >= _FEWEST]


def describe_identical(store: SetStore, rows: list[int]) -> str:
    """Return a sentence for people."""
    names = listed([repr(store.set_ids[row]) for row in rows], 4)
    return f"sets {names} hold the same {store.sizes[rows[0]]:,} elements: one set under {len(rows)} names."


def check_not_split(store: SetStore, split: Split) -> None:
    """Refuse a split that has the same elements on two sides, so that a test asks for what was learned by heart.

    Raises:
        InputError: such sets, by name.
    """
    part_of = {int(row): part for part, rows in split.to_dict().items() for row in rows}
    for rows in identical_sets(store):
        if len(parts := {part_of[row] for row in rows if row in part_of}) > 1:
            where = ", ".join(f"{store.set_ids[row]!r} in {part_of[row]}" for row in rows[:4] if row in part_of)
            raise InputError(
                f"{describe_identical(store, rows)} They are on {len(parts)} sides of the split ({where}), which "
                "makes the test flatter the model. Drop all but one, or give them one value in a column of groups "
                "(--group)."
            )
