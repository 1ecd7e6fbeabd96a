"""Covariates: features of the sets as a whole, numbers and categories, of which some may be missing."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor

from setwise._checks import InputError
from setwise.store import columns
from setwise.store.kinds import is_number
from setwise.store.store import SetStore

_FROZEN = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Number(BaseModel):
    """A covariate that is a number: standardised; a missing one is the mean, and has a mark where training had some.

    Attributes:
        name: column of the per-set table.
        mean: over the training sets that have a value, in its units.
        std: standard deviation over them; 1 where all agree.
        marked: whether a second feature says that it is missing, as it was for some training sets.
    """

    model_config = _FROZEN

    kind: Literal["number"] = "number"
    name: str
    mean: float = 0.0
    std: float = Field(default=1.0, gt=0)
    marked: bool = False

    @property
    def width(self) -> int:
        """Return the number of features that it becomes."""
        return 1 + self.marked

    def encode(self, values: Tensor) -> list[Tensor]:
        """Return features ``(B,)`` each, of values ``(B,)``, NaN where missing."""
        missing = values.isnan()
        scaled = torch.where(missing, 0.0, (values - self.mean) / self.std)
        return [scaled, missing.to(values.dtype)] if self.marked else [scaled]


class Category(BaseModel):
    """A covariate that is text: a feature per level, less the share of the training sets that have the level.

    So a level that no training set has counts as the average set, and so does a missing one, unless training had some:
    then both are one more level.

    Attributes:
        name: column of the per-set table.
        levels: L values, sorted.
        shares: of the training sets that have each level (and of those that lack it, last), dimensionless.
    """

    model_config = _FROZEN

    kind: Literal["category"] = "category"
    name: str
    levels: tuple[str, ...] = Field(min_length=1)
    shares: tuple[float, ...]

    @model_validator(mode="after")
    def _a_share_each(self) -> Self:
        if len(self.shares) - len(self.levels) not in (0, 1):
            raise ValueError(f"covariate {self.name!r} must have a share for each level")
        return self

    @property
    def width(self) -> int:
        """Return the number of features that it becomes."""
        return len(self.shares)

    def encode(self, values: Tensor) -> list[Tensor]:
        """Return features ``(B,)`` each, of numbers of levels ``(B,)``, NaN where missing or unknown."""
        missing = values.isnan()
        features = [(values == k).to(values.dtype) for k in range(len(self.levels))]
        if self.width > len(self.levels):
            features.append(missing.to(values.dtype))
            return [feature - share for feature, share in zip(features, self.shares, strict=True)]
        return [torch.where(missing, 0.0, f - share) for f, share in zip(features, self.shares, strict=True)]


class Covariates(BaseModel):
    """Features of the sets as a whole, with their transforms to features of the model.

    Attributes:
        columns: C columns of the per-set table.
    """

    model_config = _FROZEN

    columns: tuple[Annotated[Number | Category, Field(discriminator="kind")], ...] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _of_first_format(cls, values: Any) -> Any:
        """Read what runs of format 1 have: names, means and standard deviations of numbers."""
        if not isinstance(values, dict) or "names" not in values:
            return values
        parts = [values["names"], values.get("mean", ()), values.get("std", ())]
        if len({len(part) for part in parts}) != 1:
            raise ValueError(f"covariates must have one name and one number each; got {parts}")
        numbers = [{"kind": "number", "name": n, "mean": m, "std": s} for n, m, s in zip(*parts, strict=True)]
        return {"columns": numbers}

    @classmethod
    def fit(cls, store: SetStore, names: Sequence[str], rows: np.ndarray, *, standardise: bool = True) -> Self:
        """Take levels, means and spreads from the training sets in ``rows``.

        Raises:
            InputError: no such column, one that is named twice or known for no training set, or text that is hardly a
                category.
        """
        for name in names:
            if list(names).count(name) > 1:
                raise InputError(f"covariates must be different columns; {name!r} is named twice. Name each once.")
        found = []
        for name in names:
            fit = _fit_number if is_number(columns.column(store, name).type) else _fit_category
            found.append(fit(store, name, rows, standardise))
        return cls(columns=tuple(found))

    @property
    def names(self) -> tuple[str, ...]:
        """Return the C names."""
        return tuple(column.name for column in self.columns)

    @property
    def width(self) -> int:
        """Return the number of features that the model takes."""
        return sum(column.width for column in self.columns)

    def read(self, store: SetStore) -> np.ndarray:
        """Read the columns of all sets as numbers ``(B, C)`` float64: values, or numbers of levels; NaN where missing.

        Raises:
            InputError: a column that is missing, or text where there were numbers.
        """
        table = np.empty((len(store), len(self.columns)))
        for position, column in enumerate(self.columns):
            if isinstance(column, Number):
                table[:, position] = _numbers(store, column.name)
            else:
                number = {level: float(k) for k, level in enumerate(column.levels)}
                labels = columns.labels(store, column.name, rows=[])
                table[:, position] = [np.nan if label is None else number.get(label, np.nan) for label in labels]
        return table

    def encode(self, values: Tensor) -> Tensor:
        """Return features ``(B, width)`` of what `read` gives, ``(B, C)``."""
        features = [column.encode(values[:, position]) for position, column in enumerate(self.columns)]
        return torch.stack([feature for own in features for feature in own], dim=1)

    def apply(self, store: SetStore) -> np.ndarray:
        """Return features ``(B, width)`` float32 of all sets; errors as for `read`."""
        return self.encode(torch.from_numpy(self.read(store))).float().numpy()


def _numbers(store: SetStore, name: str) -> np.ndarray:
    """Return a column of numbers ``(B,)``, NaN where missing; infinite ones are refused."""
    values = columns.numbers(store, [name], rows=[])[:, 0]
    infinite = np.flatnonzero(np.isinf(values))
    return columns.numbers(store, [name], rows=infinite)[:, 0] if infinite.size else values


def _fit_number(store: SetStore, name: str, rows: np.ndarray, standardise: bool) -> Number:
    values = _numbers(store, name)[rows]
    known = values[~np.isnan(values)]
    _check_some(name, len(known))
    marked = len(known) < len(values)
    if not standardise:
        return Number(name=name, marked=marked)
    std = float(known.std()) if np.ptp(known) > 0 else 1.0
    return Number(name=name, mean=float(known.mean()), std=std, marked=marked)


def _fit_category(store: SetStore, name: str, rows: np.ndarray, standardise: bool) -> Category:
    columns.check_no_commas(store, name)
    labels = columns.labels(store, name, rows=[])
    own = [labels[row] for row in rows]
    known = [label for label in own if label is not None]
    _check_some(name, len(known))
    levels = sorted(set(known))
    if len(levels) > max(2, len(known) // 2):
        raise InputError(
            f"covariate {name!r} is text with {len(levels)} different values for {len(known)} sets, too many for "
            f"categories; the first is {levels[0]!r}. Write numbers as numbers (1.5, no unit), or leave it out."
        )
    counted = [*levels, None] if len(known) < len(own) else levels
    shares = [own.count(level) / len(own) if standardise else 0.0 for level in counted]
    return Category(name=name, levels=tuple(levels), shares=tuple(shares))


def _check_some(name: str, known: int) -> None:
    if not known:
        raise InputError(f"covariate {name!r} is missing for all training sets. Leave it out.")
