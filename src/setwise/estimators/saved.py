"""Keep an estimator beside its run, as JSON: its parameters, and what it learned besides the model."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from setwise._checks import InputError
from setwise._files import write_atomic
from setwise.runs.run import ESTIMATOR

_OF_THE_RUN = ("run_", "leaderboard_")


def write_estimator(estimator: Any, directory: Path) -> None:
    """Write the parameters and what was learned, but for the run, which is there already.

    Raises:
        InputError: classes or parameters that JSON cannot hold; the directory cannot be written to.
    """
    write_atomic(directory / ESTIMATOR, described(estimator).encode())


def described(estimator: Any) -> str:
    """Return the parameters of an estimator and what it learned, but for the run, as JSON.

    Raises:
        InputError: what JSON cannot hold.
    """
    parameters = estimator.get_params(deep=False)
    learned = {name: x for name, x in vars(estimator).items() if name not in parameters and name not in _OF_THE_RUN}
    seed = parameters.get("random_state")
    if isinstance(seed, np.random.RandomState):
        parameters["random_state"] = None  # it has moved on
    held = {
        "class": type(estimator).__name__,
        "parameters": {name: _plain(value, name) for name, value in parameters.items()},
        "learned": {name: _plain(value, name) for name, value in learned.items()},
    }
    return json.dumps(held, indent=1)


def read_estimator(cls: Any, directory: Path) -> Any | None:
    """Return an estimator as it was written, without its run; none where a directory has none.

    Raises:
        InputError: another class, or a damaged file.
    """
    path = directory / ESTIMATOR
    if not path.is_file():
        return None
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        name = held["class"]
        parameters = {key: _back(value) for key, value in held["parameters"].items()}
        learned = {key: _back(value) for key, value in held["learned"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is damaged: {error}. Save the estimator again.") from error
    if name != cls.__name__:
        raise InputError(f"{directory} must hold a {cls.__name__}; it holds a {name}. Load it with {name}.load.")
    known = set(cls().get_params(deep=False))
    estimator = cls(**{key: value for key, value in parameters.items() if key in known})
    vars(estimator).update(learned)
    return estimator


def _plain(value: Any, name: str) -> Any:
    """Return a value as JSON holds it; arrays and mappings, whose kinds JSON would lose, by words."""
    if isinstance(value, np.ndarray):
        kind = "object" if value.dtype.kind not in "fiubU" else value.dtype.str
        return {"array": [_plain(x, name) for x in value.tolist()], "dtype": kind}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {"pairs": [[_plain(key, name), _plain(x, name)] for key, x in value.items()]}
    if isinstance(value, list | tuple):
        return [_plain(x, name) for x in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise InputError(
        f"{name} must be text, numbers or truth values to be saved; it holds {type(value).__name__}. Fit with such "
        "labels, or pickle the estimator."
    )


def _back(value: Any) -> Any:
    if isinstance(value, dict) and "array" in value:
        return np.array([_back(x) for x in value["array"]], dtype=value["dtype"])
    if isinstance(value, dict):
        return {_back(key): _back(x) for key, x in value["pairs"]}
    return [_back(x) for x in value] if isinstance(value, list) else value
