"""Round numbers and times as people read them; the same on the page and in the terminal."""

import math


def number(value: float | int | None) -> str:
    """Return a value with four significant digits, or its whole part where that is longer; "-" where there is none.

    Example:
        >>> number(1234.5678), number(0.000123456), number(7), number(None)
        ('1,235', '0.0001235', '7', '-')
    """
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "-"
    if isinstance(value, int) or (float(value).is_integer() and abs(value) < 1e15):
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def duration(seconds: float) -> str:
    """Return a time in the units that suit its length.

    Example:
        >>> duration(4.21), duration(75), duration(7500)
        ('4.2 s', '1 min 15 s', '2 h 5 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
