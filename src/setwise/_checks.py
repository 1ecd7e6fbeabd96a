"""Check arguments and data, and word the errors."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # its import costs seconds, which a refusal of arguments does not wait for
    import torch

_WHOLE = ("int64", "int32", "int16", "int8", "uint8")


class InputError(ValueError):
    """Raised where the input is at fault: data, a file, an argument. The command line prints it and exits with 2."""


class EmptySetError(InputError):
    """Raised where a set has no elements."""


def check_choice(name: str, value: object, choices: Collection[str]) -> None:
    """Refuse a value that is not one of a few words."""
    if value not in choices:
        raise InputError(f"{name} must be one of {', '.join(map(repr, choices))}; got {value!r}.")


def check_positive(**values: int | float) -> None:
    """Refuse numbers that are not above zero, by the name of the argument."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"{name} must be a number; got {type(value).__name__}.")
        if not value > 0:
            raise InputError(f"{name} must be above zero; got {value}.")


def counted(count: int, noun: str) -> str:
    """Return a number with what it counts: "1 file", "2,000 files"; "2 files or sets" of "file or set"."""
    return f"{count:,} {noun if count == 1 else ' or '.join(f'{word}s' for word in noun.split(' or '))}"


def set_label(position: int, names: Sequence[object] | None) -> str:
    """Return how an error names a set: by its own name where it has one, else by its position."""
    return f"set {position}" if names is None else f"set {names[position]!r}"


def missing_packages(what: str, packages: Sequence[str], extra: str) -> InputError:
    """Return the error that says which packages something needs, and which extra of setwise installs them."""
    return InputError(f"{what} need {' and '.join(packages)}. Install them: pip install 'setwise[{extra}]'.")


def check_sizes(sizes: "torch.Tensor", elements: int, names: Sequence[object] | None = None) -> None:
    """Refuse sizes that are not whole numbers above zero or do not add up to the number of elements."""
    if sizes.dim() != 1 or str(sizes.dtype).removeprefix("torch.") not in _WHOLE:
        raise InputError(
            f"sizes must be a vector of whole numbers, one per set; got shape {tuple(sizes.shape)} of {sizes.dtype}."
        )
    if sizes.numel() == 0:
        raise InputError("a batch must hold at least one set; got none.")
    below = (sizes < 1).nonzero()
    if below.numel():
        position = int(below[0])
        raise InputError(
            f"every set must have at least one element; {set_label(position, names)} has {int(sizes[position])}. "
            "Drop it, or give the set the elements it lacks."
        )
    if int(sizes.sum()) != elements:
        raise InputError(
            f"sizes must add up to the number of elements; they add up to {int(sizes.sum())}, "
            f"and there are {elements} elements."
        )


def check_finite(elements: "torch.Tensor", sizes: "torch.Tensor", names: Sequence[object] | None = None) -> None:
    """Refuse elements that are not a number or infinite, naming the first set and element at fault."""
    if not elements.is_floating_point() or bool(elements.isfinite().all()):
        return
    row = (
        int((~elements.isfinite()).flatten(1).any(1).nonzero()[0])
        if elements.dim() > 1
        else int((~elements.isfinite()).nonzero()[0])
    )
    position = int((sizes.cumsum(0) <= row).sum())
    within = row - int(sizes[:position].sum())
    raise InputError(
        f"elements must be finite numbers; element {within} of {set_label(position, names)} holds "
        f"NaN or infinity. Drop such elements or fill them in before."
    )
