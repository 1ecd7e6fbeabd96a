"""Bring features of a wide range, such as fluorescence, to scales on which distances mean something.

A scale is written as a word with its numbers, ``logicle:T:W:M:A``; numbers that are left out have their defaults.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

import numpy as np

from setwise._checks import InputError
from setwise.store.tables import listed

TOP = 262144.0  # of the scale, where an instrument says none
WORDS = ("arcsinh", "logicle", "biexponential", "log", "none")
_GRID, _STEPS = 4096, 2  # where the search for a value on the logicle scale begins, and its steps of Halley's method


@dataclass(frozen=True)
class Scale:
    """A function of a feature.

    Attributes:
        text: as it is written and kept, with all numbers.
        words: for people.
        apply: of values ``(n,)`` float64.
    """

    text: str
    words: str
    apply: Callable[[np.ndarray], np.ndarray]


@lru_cache(maxsize=256)
def scale_of(text: str, top: float = TOP) -> Scale:
    """Return the scale that a text stands for: ``logicle:T:W:M:A`` or ``log:LEAST``; errors are told.

    Args:
        text: a word with numbers; ``biexponential`` is the logicle scale, which is one.
        top: of the scale, where the text says none.

    Raises:
        InputError: another word, or numbers that make no scale.

    Example:
        >>> scale_of("logicle:1000:1:4:0").apply(np.array([-10.0, 0.0, 1000.0])).round(4)
        array([0.0676, 0.25  , 1.    ])
    """
    word, *parts = text.split(":")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        raise InputError(f"a transform must have numbers after its word, with colons between; got {text!r}.") from None
    if not all(np.isfinite(numbers)):
        raise InputError(f"a transform must have finite numbers; got {text!r}.")
    if word in ("logicle", "biexponential") and len(numbers) <= 4:
        return _logicle(*numbers, *(top, 0.5, 4.5, 0.0)[len(numbers) :])
    if word == "log" and len(numbers) <= 1:
        return _log(*numbers, *(1.0,)[len(numbers) :])
    raise InputError(
        f"a transform must be one of {', '.join(WORDS)}, with the numbers logicle:T:W:M:A or log:LEAST; got {text!r}."
    )


def _log(least: float) -> Scale:
    if not least > 0:
        raise InputError(f"log takes values below the least for it, which must be above zero; got {least:g}.")
    return Scale(f"log:{least:g}", f"log10(max(x, {least:g}))", lambda x: np.log10(np.maximum(x, least)))


def _logicle(top: float, width: float, decades: float, negative: float) -> Scale:
    """Return the logicle scale: 1 at the top, linear about zero; what it is the inverse of is biexponential.

    B(y) = a exp(b y) - c exp(-d y) + f, for y of at least that of zero, and reflected there.

    Source: Moore, Parks 2012, Update for the logicle data scale including operational code implementations, Cytometry
    A 81A, 273-277; parameters T, W, M, A as there.
    """
    m = decades
    if not (top > 0 and m > 0 and 0 <= width <= m / 2 and -width <= negative <= m - 2 * width):
        raise InputError(
            "logicle needs T > 0, M > 0, 0 <= W <= M / 2 and -W <= A <= M - 2 W; "
            f"got T={top:g}, W={width:g}, M={m:g}, A={negative:g}."
        )
    w, x2 = width / (m + negative), negative / (m + negative)
    x1, x0, b = x2 + w, x2 + 2 * w, (m + negative) * np.log(10)
    d = _slope(b, w)
    c_a = np.exp(x0 * (b + d))
    f_a = c_a * np.exp(-d * x1) - np.exp(b * x1)
    a = top / (np.exp(b) + f_a - c_a * np.exp(-d))
    c, f = c_a * a, f_a * a

    def biexponential(y: np.ndarray) -> np.ndarray:
        return a * np.exp(b * y) - c * np.exp(-d * y) + f

    def apply(x: np.ndarray) -> np.ndarray:
        size = np.abs(x)
        grid = np.linspace(x1, max(1.0, x1) + 1.0, _GRID)
        y = np.interp(size, biexponential(grid), grid)
        above = size > top
        y = np.where(above, np.log(np.maximum(size - f, 1.0) / a) / b, y)
        for _ in range(_STEPS):
            up, down = a * np.exp(b * y), c * np.exp(-d * y)
            miss, first, second = up - down + f - size, b * up + d * down, b * b * up - d * d * down
            y = y - miss / (first * (1 - miss * second / (2 * first * first)))
        return np.where(x < 0, 2 * x1 - y, y)

    text = ":".join(f"{number:.10g}" for number in (top, width, m, negative))
    return Scale(f"logicle:{text}", f"logicle (T={top:g}, W={width:g}, M={m:g}, A={negative:g})", apply)


def _slope(b: float, w: float) -> float:
    """Return d of ``2 (log d - log b) + w (b + d) = 0``, at most b; by bisection of a function that grows with d."""
    low, high = 0.0, b
    if w == 0:
        return b
    for _ in range(200):
        d = 0.5 * (low + high)
        low, high = (d, high) if 2 * np.log(d / b) + w * (b + d) < 0 else (low, d)
    return 0.5 * (low + high)


def chosen_for(names: tuple[str, ...], said: Mapping[str, Any]) -> tuple[Any, int]:
    """Return what is said of a feature, and how closely: 2 by name, 1 by a pattern, 0 of all (``*``), -1 not at all.

    Args:
        names: of the feature.
        said: by names and patterns.
    """
    for name in names:
        if name in said:
            return said[name], 2
    for pattern, value in said.items():
        if pattern != "*" and any(fnmatchcase(name, pattern) for name in names):
            return value, 1
    return (said["*"], 0) if "*" in said else (None, -1)


def check_names(option: str, said: Mapping[str, Any], features: list[tuple[str, ...]]) -> None:
    """Refuse names and patterns that are of no feature.

    Raises:
        InputError: such a name.
    """
    for pattern in said:
        if pattern != "*" and not any(
            name == pattern or fnmatchcase(name, pattern) for own in features for name in own
        ):
            raise InputError(
                f"{option} must be of features, {listed([own[0] for own in features])}; there is none {pattern!r}."
            )


def scales_for(
    features: list[tuple[str, ...]],
    *,
    cofactor: float | Mapping[str, float] | None,
    transform: str | Mapping[str, str] | None,
    amounts: list[bool],
    usual: float | None,
    tops: list[float],
) -> tuple[dict[str, float], dict[str, str]]:
    """Return cofactors of arcsinh, and texts of other scales, by the first name of each feature that has one.

    Args:
        features: names of each feature, the first of which is its own.
        cofactor: of all amounts, or by names and patterns; 0 for none.
        transform: of all amounts, or by names and patterns.
        amounts: features that arcsinh is applied to where nobody says otherwise.
        usual: cofactor of these, or none.
        tops: of the scales.

    Raises:
        InputError: names of no feature, unknown words, or a cofactor of what is not arcsinh.
    """
    of_cofactors = {"*": cofactor} if isinstance(cofactor, int | float) else dict(cofactor or {})
    of_transforms = {"*": transform} if isinstance(transform, str) else dict(transform or {})
    check_names("cofactors (--cofactor)", of_cofactors, features)
    check_names("transforms (--transform)", of_transforms, features)
    cofactors, scales = {}, {}
    for names, amount, top in zip(features, amounts, tops, strict=True):
        divisor, close = chosen_for(names, of_cofactors)
        word, closer = chosen_for(names, of_transforms)
        if word is not None and word != "arcsinh" and close == closer and divisor:
            raise InputError(f"{names[0]!r} cannot be {word} and have a cofactor, which is of arcsinh. Choose one.")
        if word is not None and word != "arcsinh" and closer > close:
            if word != "none" and (amount or closer > 0):
                scales[names[0]] = scale_of(word, top).text
            continue
        divisor = usual if divisor is None and (amount or word) else divisor
        if divisor and (amount or close > 0 or closer > 0):
            cofactors[names[0]] = float(divisor)
    return cofactors, scales
