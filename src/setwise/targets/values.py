"""Take values of targets apart: which are known, which classes there are, which number each class has."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from setwise._checks import InputError
from setwise.store.tables import listed

Label = bool | int | float | str
_RANKS = 0.6  # AUC from which a model tells classes apart


def is_known(value: object) -> bool:
    """Return true for a value that is neither None nor NaN."""
    return value is not None and not (isinstance(value, float) and value != value)


def known_labels(labels: Sequence[Label | None] | np.ndarray) -> list[Label]:
    """Return the labels that are there, as Python's own values, which survive JSON unchanged."""
    plain = labels.tolist() if isinstance(labels, np.ndarray) else list(labels)
    return [label for label in plain if is_known(label)]  # pyright: ignore[reportReturnType] none is None


def class_numbers(target: str, classes: Sequence[Label], labels: Sequence[Label | None] | np.ndarray) -> np.ndarray:
    """Return the class numbers ``(B,)`` of labels ``(B,)`` in float64, NaN where missing.

    Raises:
        InputError: a label that is not among the classes.
    """
    number: dict[object, float] = {label: float(i) for i, label in enumerate(classes)}
    plain = labels.tolist() if isinstance(labels, np.ndarray) else list(labels)
    for label in plain:
        if is_known(label) and label not in number:
            raise InputError(
                f"target {target!r} must be one of the classes of the training sets, "
                f"{listed([repr(name) for name in classes])}; got {label!r}. "
                "Leave those sets out, or train on some of them."
            )
    return np.array([number.get(label, np.nan) for label in plain], np.float64)


def weighed(losses: Tensor, weights: tuple[float, ...] | None, number: Tensor) -> Tensor:
    """Return losses ``(B,)`` times the weights of their classes ``(B,)``."""
    return losses if weights is None else losses * _on(losses.device, losses.dtype, weights)[number]


@lru_cache(maxsize=16)
def _on(device: torch.device, dtype: torch.dtype, values: tuple[float, ...]) -> Tensor:
    """Return numbers on a device, copied there once: a copy in every step would make the step wait for the device."""
    return torch.tensor(values, dtype=dtype, device=device)


def check_some(target: str, known: Sequence[object] | np.ndarray) -> None:
    """Refuse a target that no training set has.

    Raises:
        InputError: such a target.
    """
    if len(known) == 0:
        raise InputError(
            f"target {target!r} must be known for some training sets; it is missing for all of them. "
            "Leave it out, or add sets that have it."
        )


def check_some_elements(values: np.ndarray, name: str) -> None:
    """Refuse a label that no element of the training sets has.

    Raises:
        InputError: such a label.
    """
    if np.isnan(values).all():
        raise InputError(
            f"label {name!r} must be known for some elements of the training sets; it is missing for all of them. "
            "Fill it in, or choose another label."
        )


def check_two(target: str, classes: Sequence[Label], count: int) -> None:
    """Refuse classes of which there is one alone.

    Raises:
        InputError: such classes.
    """
    if len(classes) < 2:
        raise InputError(
            f"target {target!r} must have two classes at least among the training sets; all {count} "
            f"are {classes[0]!r}. Add sets of another class, or choose another target."
        )


def told_apart(model: Mapping[str, float], constant: Mapping[str, float], what: str) -> str | None:
    """Say how well a model tells classes apart by accuracy and AUC; none where it is no better than a constant.

    Args:
        model, constant: metrics by their names.
        what: rows are, sets or elements.
    """
    accuracy, auc = model.get("accuracy"), model.get("auc")
    if not (model.get("auc", 0.5) > _RANKS or model.get("accuracy", 0.0) > constant.get("accuracy", 1.0)):
        return None
    if accuracy is None:
        return f"ranks {what} well (AUC {auc:.2f})"
    return f"is right for {accuracy:.0%} of the {what}" + ("" if auc is None else f" (AUC {auc:.2f})")
