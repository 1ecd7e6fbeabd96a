"""Limit the time that is spent."""

import re
import time
from dataclasses import dataclass, field

from setwise._checks import InputError


@dataclass(frozen=True)
class Clock:
    """A time limit: a number of seconds from now, or none.

    Attributes:
        seconds: or none for no limit.
    """

    seconds: float | None = None
    began: float = field(default_factory=time.monotonic)

    def is_over(self) -> bool:
        """Return whether the seconds have passed."""
        return self.seconds is not None and time.monotonic() - self.began > self.seconds


def seconds_of(text: str) -> float:
    """Parse a time such as "90m", "1h30m", "45s" into seconds.

    Raises:
        InputError: anything else.

    Example:
        >>> seconds_of("1h30m")
        5400.0
    """
    found = re.fullmatch(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?", text.strip())
    if not text.strip() or found is None:
        raise InputError(f"a budget must be a time such as 90m, 1h30m or 45s; got {text!r}.")
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds
