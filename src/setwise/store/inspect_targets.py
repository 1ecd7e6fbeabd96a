"""Say what makes targets and names of sets doubtful: spellings, decades, times whose events stand beside them."""

import math
import re
from collections.abc import Sequence

import numpy as np

from setwise.store.columns import labels
from setwise.store.kinds import is_number, to_float64
from setwise.store.store import SetStore
from setwise.store.tables import listed

_DECADES = 1.5  # that the middle 90% of a positive target span, from which on its logarithm is the usual scale
_EVENT = re.compile(
    r"(^|[^a-z])(event|status|died|dead|death|censor(ed)?|relapse[d]?|progress(ed|ion)?)($|[^a-z])", re.I
)
_TIME = re.compile(r"(^|[^a-z])(time|days|weeks|months|years|survival|os|pfs|followup|follow_up)($|[^a-z])", re.I)


def about_values(store: SetStore, target: str, *, transformed: bool = False) -> list[str]:
    """Return what is doubtful in the values of a target, which may be transformed, a sentence each."""
    if target not in store.sets.column_names:
        return []
    column = store.sets[target].combine_chunks()
    if not is_number(column.type):
        texts = [text for text in labels(store, target, rows=[]) if text is not None]
        return [_spellings(target, pair) for pair in alike(texts)]
    values = to_float64(column)
    decades = [] if transformed else _decades(target, values[np.isfinite(values)])
    return [*decades, *_events(store, target)]


def alike(texts: Sequence[str]) -> list[list[str]]:
    """Return different texts that are one but for their spelling."""
    found: dict[str, dict[str, None]] = {}
    for text in texts:
        found.setdefault(spelling(text), {})[text] = None
    return [list(own) for own in found.values() if len(own) > 1]


def spelling(text: str) -> str:
    """Return a text without capitals, blanks, underscores, dashes between letters or numbers, and leading zeros."""
    key = re.sub(r"[\s_]+|(?<=\w)\s*-+\s*(?=\w)", "", text.casefold())
    return re.sub(r"(?<!\d)0+(?=\d)", "", key)


def _spellings(target: str, spelled: Sequence[str]) -> str:
    return (
        f"target {target!r}: classes {listed([repr(text) for text in spelled], 4)} differ in spelling alone, and would "
        f"be learned as classes of their own. Write them alike, or merge them: --merge-classes {target}."
    )


def _decades(target: str, values: np.ndarray) -> list[str]:
    if len(values) < 5 or not (values > 0).all():
        return []
    low, high = np.quantile(values, [0.05, 0.95])
    decades = math.log10(high / low)
    if decades < _DECADES:
        return []
    return [
        f"target {target!r} spans {decades:.1f} decades ({low:.3g} to {high:.3g}): errors of the largest values "
        f"outweigh all others. Learn its logarithm, with predictions in its unit: --target-transform {target}=log10."
    ]


def _events(store: SetStore, target: str) -> list[str]:
    """Return that a target may be a time whose event another column tells."""
    if not _TIME.search(target):
        return []
    for name in store.sets.column_names:
        if name != target and _EVENT.search(name):
            different = {text for text in labels(store, name, rows=[]) if text is not None}
            if len(different) == 2:
                return [
                    f"target {target!r} may be a time to an event, and {name!r} may say whether it has happened: "
                    f"sets that were only observed until then would count as if it had. Say so with --event {name}."
                ]
    return []


def about_names(store: SetStore) -> list[str]:
    """Return names of sets that differ in spelling alone, which may be one set under two names."""
    pairs = alike(store.set_ids) if len(store) <= 100_000 else []
    if not pairs:
        return []
    shown = "; ".join(" and ".join(repr(name) for name in pair[:3]) for pair in pairs[:3])
    more = f" and {len(pairs) - 3} more" if len(pairs) > 3 else ""
    return [
        f"names of sets differ in capitals, blanks or leading zeros alone, and may be one set each: {shown}{more}. "
        "Write them alike, or give them one group (--group)."
    ]
