"""Read names of features: whether they tell of time, of running numbers or of scattered light."""

import re
from collections.abc import Sequence

_CLOCKS = {"time", "timestamp", "hdr", "event", "index"}  # hdr: HDR-T, HDR-CE and the like of MACSQuant
_LENGTHS = re.compile(r"(event|cell)[\s_.#-]*(length|#|number|count)?$", re.IGNORECASE)
_SCATTER = re.compile(
    r"^(fsc|ssc|bsc|fs|ss|fals|rals|ls|als|ev|forward|side)(?![a-z])|scatter|^(fsc|ssc)", re.IGNORECASE
)
_SHAPE = {"width", "center", "centre", "offset", "residual"}  # of pulses; no amounts of a marker


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
