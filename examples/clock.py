"""Limit the time that examples run."""

import time
from dataclasses import dataclass, field


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

    def left(self) -> float | None:
        """Return the seconds that are left, 0 at least; none where there is no limit."""
        return None if self.seconds is None else max(0.0, self.seconds - (time.monotonic() - self.began))
