"""Read names of features: several of them at once, and those that tell of time, running numbers or scattered light."""

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from setwise._checks import InputError
from setwise.store.tables import listed

_CLOCKS = {"time", "timestamp", "hdr", "event", "index"}  # hdr: HDR-T, HDR-CE and the like of MACSQuant
_LENGTHS = re.compile(r"(event|cell)[\s_.#-]*(length|#|number|count)?$", re.IGNORECASE)
_SCATTER = re.compile(
    r"^(fsc|ssc|bsc|fs|ss|fals|rals|ls|als|ev|forward|side)(?![a-z])|scatter|^(fsc|ssc)", re.IGNORECASE
)
_SHAPE = {"width", "center", "centre", "offset", "residual"}  # of pulses; no amounts of a marker


def expanded(
    features: Sequence[str],
    known: Sequence[str],
    where: str,
    groups: Mapping[str, Sequence[str]] | None = None,
) -> list[str]:
    """Return names of features, those that stand for several in full.

    A pattern (``Jet_*``; with ``*`` or ``?``, as for files) stands for all known names that match, in their
    order; a group for its members. A known name stands for itself; what is not known stays, for the reader to refuse.

    Args:
        features: as they were asked for.
        known: names of the columns that may be features.
        where: how errors name the source.
        groups: names that stand for several.

    Raises:
        InputError: a pattern that nothing matches.

    Example:
        >>> expanded(["pt_*", "coords"], ["pt_1", "pt_2", "eta"], "t.csv", {"coords": ["coords_0", "coords_1"]})
        ['pt_1', 'pt_2', 'coords_0', 'coords_1']
    """
    groups = groups or {}
    names: list[str] = []
    for asked in features:
        if asked in known or not (asked in groups or "*" in asked or "?" in asked):
            names.append(asked)
            continue
        found = groups.get(asked) or [name for name in known if fnmatchcase(name, asked)]
        if not found:
            raise InputError(f"{where}: no feature matches {asked!r}; there are {listed(known) or 'none'}.")
        names += [name for name in found if name not in names]
    return names


def words_of(name: str) -> list[str]:
    """Return the words of a name in small letters: "EventTime_s" is event, time and s."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return re.findall(r"[a-z]+", spaced.lower())


def has_default_names(features: Sequence[str]) -> bool:
    """Return whether features are named as those of arrays are by default, x0, x1 and so on; some may be missing."""
    return all(re.fullmatch(r"x\d+", name) for name in features)


def is_clock(name: str) -> bool:
    """Return whether a feature tells time, event length or a running number, and nothing measured of the element."""
    return bool(_CLOCKS.intersection(words_of(name))) or name.lower() in _CLOCKS or bool(_LENGTHS.match(name.strip()))


def is_scatter(name: str) -> bool:
    """Return whether a feature is light scatter, or a shape of the pulse, which arcsinh is not applied to."""
    return bool(_SCATTER.search(name.strip())) or bool(_SHAPE.intersection(words_of(name)))


def is_amount(name: str) -> bool:
    """Return whether arcsinh may be applied to a feature: it is neither scatter nor a clock."""
    return not is_scatter(name) and not is_clock(name)
