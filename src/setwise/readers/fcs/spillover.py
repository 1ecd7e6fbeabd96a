"""Compensate: take back what light of each dye fell into the detectors of the others.

With the spillover matrix S (a row per dye, a column per detector), measured values are ``true @ S``, so that
``true = measured @ inv(S)``. Source: FCS 3.1 (Spidlen et al., 2010), keyword ``$SPILLOVER``; Bagwell and Adams,
Annals of the New York Academy of Sciences 677, 1993.
"""

from dataclasses import dataclass

import numpy as np

from setwise._checks import InputError
from setwise.readers.fcs.file import FcsFile
from setwise.readers.names import is_clock, is_scatter
from setwise.store.tables import listed

_KEYWORDS = ("$SPILLOVER", "SPILLOVER", "SPILL", "$SPILL", "$COMP", "COMP")
_NO_PART = 1e-12  # coefficients that are zero but for rounding
_WITHOUT = "Mend the file, or read all files as they are (--no-compensation), from the fit on."


@dataclass(frozen=True)
class Spillover:
    """A spillover matrix of a file.

    Attributes:
        columns: the channels of the file that it is about.
        is_named: the matrix names its channels; those of ``$COMP`` of FCS 3.0 are the ones that measure fluorescence.
        inverse: ``(C, C)``, what measured values ``(n, C)`` are multiplied by.
    """

    columns: tuple[int, ...]
    inverse: np.ndarray
    is_named: bool = True

    def apply(self, values: np.ndarray) -> None:
        """Compensate the values ``(n, P)`` of all channels in place.

        A value that is missing makes those missing that it has a part in, and no others.
        """
        measured = values[:, self.columns]
        odd = ~np.isfinite(measured).all(1)
        with np.errstate(invalid="ignore"):  # infinite values, which are refused later
            true = measured @ self.inverse
            for column, weights in enumerate(self.inverse.T if odd.any() else ()):
                parts = np.abs(weights) > _NO_PART
                true[odd, column] = measured[odd][:, parts] @ weights[parts]
        values[:, self.columns] = true


def spillover_of(file: FcsFile) -> Spillover | None:
    """Read the spillover matrix that a file brings, ready to be applied; none where it brings none.

    Raises:
        InputError: a matrix that is damaged, names channels that the file does not have, or cannot be inverted.
    """
    keyword = next((name for name in _KEYWORDS if file.keywords.get(name)), None)
    if keyword is None:
        return None
    parts = [part.strip() for part in file.keywords[keyword].replace("\n", ",").split(",")]
    where = f"{file.path}: the spillover matrix ({keyword})"
    size = int(parts[0]) if parts[0].isascii() and parts[0].isdigit() and len(parts[0]) < 6 else 0
    if size == 0 and parts[0] in ("0", ""):
        return None
    if keyword.endswith("COMP") and size and len(parts) == 1 + size * size:
        return _unnamed(file, _numbers(parts[1:], where).reshape(size, size), where)
    if size == 0 or len(parts) < 1 + size + size * size:
        raise InputError(
            f"{where} must be its size n, n names of channels and n * n numbers; it has {len(parts)} parts and begins "
            f"with {parts[0][:20]!r}. {_WITHOUT}"
        )
    names = parts[1 : 1 + size]
    matrix = _numbers(parts[1 + size : 1 + size + size * size], where).reshape(size, size)
    return Spillover(_columns(file, names, where), _inverse(matrix, where))


def _unnamed(file: FcsFile, matrix: np.ndarray, where: str) -> Spillover:
    """Return the matrix of FCS 3.0, without names: of all channels, or of all that measure fluorescence.

    Source: FCS 3.0 (Seamer et al., Cytometry 28:118, 1997), keyword ``$COMP``: rows one after the other.
    """
    dyes = [
        place
        for place, channel in enumerate(file.channels)
        if not (is_clock(channel.name) or any(map(is_scatter, (channel.name, channel.label, channel.type))))
    ]
    places = next((own for own in (dyes, list(range(len(file.channels)))) if len(own) == len(matrix)), None)
    if places is None:
        raise InputError(
            f"{where} names no channels, and is of {len(matrix)}; the file has {len(file.channels)}, of which "
            f"{len(dyes)} measure fluorescence. {_WITHOUT}"
        )
    if (np.diag(matrix) != 1).any() or (matrix < 0).any():
        raise InputError(
            f"{where} must have ones on its diagonal and shares of spilled light beside them, and has other numbers. "
            f"{_WITHOUT}"
        )
    return Spillover(tuple(places), _inverse(matrix, where), is_named=False)


def _inverse(matrix: np.ndarray, where: str) -> np.ndarray:
    try:
        inverse = np.linalg.inv(matrix)
    except np.linalg.LinAlgError:
        inverse = None
    if inverse is None or not np.linalg.cond(matrix) < 1e8:
        raise InputError(f"{where} cannot be inverted. {_WITHOUT}")
    return inverse


def _numbers(parts: list[str], where: str) -> np.ndarray:
    try:
        matrix = np.array([float(part) for part in parts])
    except ValueError as error:
        raise InputError(f"{where} must hold numbers: {error}. {_WITHOUT}") from error
    if not np.isfinite(matrix).all():
        raise InputError(f"{where} must hold finite numbers. {_WITHOUT}")
    return matrix


def _columns(file: FcsFile, names: list[str], where: str) -> tuple[int, ...]:
    """Return the channels that the matrix names, by ``$PnN``, by ``$PnS``, or by their numbers."""
    detectors = [channel.name for channel in file.channels]
    markers = [channel.label for channel in file.channels]
    for known in (detectors, markers, [str(number + 1) for number in range(len(detectors))]):
        if all(name in known for name in names):
            if len(set(names)) < len(names):
                raise InputError(f"{where} names a channel twice: {listed(names, 40)}. {_WITHOUT}")
            return tuple(known.index(name) for name in names)
    unknown = [name for name in names if name not in detectors]
    raise InputError(
        f"{where} names channels that the file does not have: {listed(unknown)}; it has {listed(detectors, 40)}. "
        f"{_WITHOUT}"
    )
