"""Predict a number by the squared error of the standardised target."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pyarrow as pa
from pydantic import Field
from torch import Tensor

from setwise._checks import InputError
from setwise.metrics import formulas
from setwise.metrics.metric import Metric
from setwise.models.family import Head
from setwise.store import columns
from setwise.store.kinds import is_text, not_numbers
from setwise.store.labels import label_numbers, labels_of
from setwise.store.splits import Split
from setwise.store.store import SetStore
from setwise.targets.figures import Agreement, Figure, Residuals, few_groups, known_rows, row_names
from setwise.targets.simple import NUMBERS, Role, Table
from setwise.targets.target import Choices, Of, Target
from setwise.targets.transforms import Transform, check_domain, transform_of
from setwise.targets.values import check_some, check_some_elements


def _squared(predicted: np.ndarray, truth: np.ndarray) -> float:
    return formulas.squared_error(truth, predicted[:, 0])


def _absolute(predicted: np.ndarray, truth: np.ndarray) -> float:
    return formulas.absolute_error(truth, predicted[:, 0])


def _r2(predicted: np.ndarray, truth: np.ndarray) -> float | None:
    return formulas.r2(truth, predicted[:, 0]) if len(truth) > 1 and np.ptp(truth) > 0 else None


METRICS = (
    Metric("mse", "mean squared error", lower=True, unit="squared units of the target", function=_squared),
    Metric("mae", "mean absolute error", lower=True, unit="units of the target", function=_absolute),
    Metric("r2", "R2", lower=False, function=_r2),
)


class Number(Target):
    """Predict a number, by the squared error of the standardised target.

    Where it is transformed, the transformed number is learned, and judged first; predictions, intervals and all other
    metrics are in the target's own unit.

    Attributes:
        name: of the column.
        mean: over the training sets, in the target's units, or of transformed values.
        std: standard deviation over the training sets.
        transform: word of what is done before it is learned (`setwise.targets.transforms`), or none.
        share: of the training sets that have a value, dimensionless.
    """

    of: ClassVar[tuple[Of, ...]] = ("sets", "elements")
    linear: ClassVar[str] = "ridge"
    loss_part: ClassVar[str] = "squared errors (standardised)"
    has_common_unit: ClassVar[bool] = False
    is_right_or_wrong: ClassVar[bool] = False
    has_transform: ClassVar[bool] = True

    kind: Literal["regression"] = "regression"
    mean: float = 0.0
    std: float = 1.0
    transform: str | None = None
    share: float = Field(default=1.0, gt=0, le=1)

    @classmethod
    def fit(cls, target: str, values: np.ndarray, *, standardise: bool = True, transform: str | None = None) -> Self:
        """Take mean and spread of the values ``(B,)`` of the training sets, transformed if that is asked for.

        Raises:
            InputError: a target that is the same for all training sets, or known for none.
        """
        values = np.asarray(values, dtype=np.float64)
        known = values[~np.isnan(values)]
        check_some(target, known)
        if not np.ptp(known) > 0:
            raise InputError(
                f"target {target!r} must vary among the training sets; all {len(known)} have {known[0]:g}. "
                "Choose another target, or add sets with other values."
            )
        share = len(known) / len(values)
        if not standardise:
            return cls(target=target, share=share, transform=transform)
        if transform is not None:
            known = transform_of(transform).forward(known)
        return cls(target=target, mean=float(known.mean()), std=float(known.std()), share=share, transform=transform)

    @classmethod
    def check_transform(cls, word: str, name: str, values: np.ndarray, whose: Callable[[int], str]) -> None:
        """Refuse values ``(B,)`` that cannot be transformed."""
        check_domain(word, name, np.asarray(values, np.float64), whose)

    @property
    def transform_word(self) -> str | None:
        """Return the word of the transform, or none."""
        return self.transform

    @property
    def _transform(self) -> Transform | None:
        return None if self.transform is None else transform_of(self.transform)

    def _learned(self, values: np.ndarray) -> np.ndarray:
        """Return predictions or truth ``(B,)`` as they are learned, before they are standardised."""
        return values if self._transform is None else self._transform.of_predictions(values)

    def _in_units(self, values: np.ndarray) -> np.ndarray:
        return values if self._transform is None else self._transform.undone(values)

    @classmethod
    def read(cls, store: SetStore, name: str, rows: np.ndarray, event: str | None = None) -> np.ndarray:
        """Return numbers ``(B,)``, NaN where missing; text that is numbers is taken for them."""
        column = columns.column(store, name)
        if is_text(column.type):
            texts = pa.array([text or None for text in column.cast(pa.string()).to_pylist()], pa.string())
            odd = not_numbers(texts, missing=()).to_pylist()
            if True in odd:
                row = odd.index(True)
                raise InputError(
                    f"target {name!r} must hold numbers; that of set {store.set_ids[row]!r} is {texts[row].as_py()!r}. "
                    "Write it as numbers (1.5, no unit), or leave it empty where nothing is known."
                )
            numbers = np.array([np.nan if text is None else float(text) for text in texts.to_pylist()])
            store = store.with_sets(pa.table({"set_id": store.set_ids, name: numbers}))
        values = columns.targets(store, [name], rows)[:, 0]
        if np.isinf(values).any():
            columns.targets(store, [name], np.flatnonzero(np.isinf(values)))  # says which
        return values

    @classmethod
    def check_values(cls, name: str, known: Sequence[Any]) -> None:
        """Refuse numbers that do not vary."""
        columns.check_varies(np.array(known), name)

    @classmethod
    def of_sets(cls, name: str, values: np.ndarray, choices: Choices) -> Self:
        """Learn mean and spread from values ``(B,)`` of the training sets."""
        return cls.fit(name, values, standardise=choices.standardise, transform=choices.transform)

    @classmethod
    def of_elements(
        cls, store: SetStore, name: str, train: np.ndarray, split: Split, choices: Choices
    ) -> tuple[Self, np.ndarray]:
        """Learn mean and spread from labels of the elements at some places; and truth ``(N,)`` of all elements."""
        values = label_numbers(labels_of(store, name), name)
        check_some_elements(values[train], name)
        if choices.transform is not None:
            cls.check_transform(choices.transform, name, values, lambda place: store.set_ids[store.owners[place]])
        if not np.nanmax(values[train]) > np.nanmin(values[train]):
            raise InputError(
                f"label {name!r} must vary among the training elements; all that have one have "
                f"{np.nanmax(values[train]):g}. Choose another, or add sets with other values."
            )
        return cls.fit(name, values[train], standardise=choices.standardise, transform=choices.transform), values

    def element_truth(self, store: SetStore) -> np.ndarray:
        """Return the numbers ``(N,)`` of all elements."""
        values = label_numbers(labels_of(store, self.name), self.name)
        if self.transform is not None:
            self.check_transform(self.transform, self.name, values, lambda place: store.set_ids[store.owners[place]])
        return values

    @property
    def out_features(self) -> int:
        """Return one."""
        return 1

    @property
    def width(self) -> int:
        """Return one."""
        return 1

    def truth(self, values: Any) -> np.ndarray:
        """Return values ``(B,)`` float64 in their units."""
        return np.asarray(values, dtype=np.float64)

    def scaled(self, truth: np.ndarray) -> np.ndarray:
        """Return standardised values ``(B,)``, transformed before."""
        return (self._learned(truth) - self.mean) / self.std

    @property
    def head(self) -> Head:
        """Return the number itself."""
        return Head("number", 1)

    def losses(self, outputs: Tensor, encoded: Tensor) -> Tensor:
        """Return the squared errors ``(B,)`` of outputs ``(B, 1)``; standardised units."""
        return (outputs[:, 0] - encoded.to(outputs.dtype)).square()

    def predict(self, outputs: Tensor) -> Tensor:
        """Return predictions ``(B, 1)`` in the target's units, of outputs ``(B, 1)``."""
        values = outputs * self.std + self.mean
        return values if self._transform is None else self._transform.back(values)

    def column_names(self, *, qualified: bool) -> list[str]:
        """Return ``predicted_<target>``."""
        return [f"predicted_{self.name}"]

    def columns(
        self, predicted: np.ndarray, *, qualified: bool, sizes: np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        """Return the column ``predicted_<target>``."""
        return {f"predicted_{self.name}": predicted[:, 0]}

    def metrics(self, of: Of, *, label: bool = False) -> tuple[Metric, ...]:
        """Return mean squared and absolute error and R2, first of the transformed number where there is one."""
        return METRICS if self._transform is None else (*self._transform.metrics, *METRICS)

    @property
    def decisive(self) -> str:
        """Return the squared error of what is learned."""
        return "mse" if self._transform is None else self._transform.metrics[0].name

    def loss_of(self, metrics: dict[str, float]) -> float:
        """Return the squared error of the standardised target."""
        return metrics[self.decisive] / self.std**2

    def undefined(self, known: np.ndarray, what: str) -> list[str]:
        """Say where R2 is not defined."""
        return [f"R2 of {self.name} is not defined: all {what} have the same value."] if np.ptp(known) == 0 else []

    def simple(self, role: Role, table: Table) -> np.ndarray:
        """Return the mean, or what ridge regression or gradient boosting say ``(n, 1)``, of what is learned."""
        return self._in_units(table.of(self._learned(table.y)).known().fitted(NUMBERS[role]))[:, None]

    def drawn_words(self, draws: np.ndarray, whole: np.ndarray, truth: np.ndarray) -> str:
        """Return a sentence on how far draws move the prediction, beside the model's error."""
        moved = np.sqrt(np.mean((draws.mean(0) - whole) ** 2))
        error = np.sqrt(np.nanmean((whole[:, 0] - truth) ** 2)) if np.isfinite(truth).any() else np.nan
        return (
            f"{self.name}: the prediction has a standard deviation of {deviation(draws[..., 0]):.3g} over the draws, "
            f"whose mean lies {moved:.3g} from the whole set's; the model's error on these sets is {error:.3g} (root "
            "mean squares)."
        )

    @property
    def interval(self) -> str:
        """Return "intervals"."""
        return "intervals"

    def misfits(self, predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
        """Return absolute errors of what is learned."""
        return np.abs(self._learned(predicted[:, 0]) - self._learned(truth))

    def ends(self, predicted: np.ndarray, quantile: float | None) -> np.ndarray:
        """Return lower and upper ends ``(B, 2)`` of intervals about predictions ``(B, 1)``; without one, infinite."""
        if quantile is None:
            return np.tile([-np.inf, np.inf], (len(predicted), 1))
        middle = self._learned(predicted[:, 0])
        return self._in_units(np.stack([middle - quantile, middle + quantile], axis=1))

    def ranked(self, predicted: np.ndarray) -> np.ndarray:
        """Return the numbers."""
        return predicted[:, 0]

    @property
    def misfit_words(self) -> str:
        """Return "absolute error", and of what."""
        return "absolute error" + ("" if self.transform is None else f" of {self.transform}")

    def truth_in(self, table: pa.Table) -> np.ndarray:
        """Return the numbers ``(B,)`` of a table, NaN where missing."""
        return np.array([np.nan if value is None else value for value in table[self.name].to_pylist()], np.float64)

    def holding(self, predicted: np.ndarray, quantile: float | None) -> dict[str, pa.Array]:
        """Return the columns ``lower_<target>`` and ``upper_<target>``, missing without a quantile."""
        names = (f"lower_{self.name}", f"upper_{self.name}")
        if quantile is None:
            return {name: pa.array([None] * len(predicted), pa.float64()) for name in names}
        return {name: pa.array(end) for name, end in zip(names, self.ends(predicted, quantile).T, strict=True)}

    def held(self, predicted: np.ndarray, truth: np.ndarray, quantile: float) -> tuple[np.ndarray, str]:
        """Return which numbers lie in their interval, and how wide the intervals are."""
        of = "" if self.transform is None else f" in {self.transform}"
        return self.misfits(predicted, truth) <= quantile, f"they are {2 * quantile:.4g} wide{of}"

    def figures(self, predictions: pa.Table, *, qualified: bool, what: Of) -> list[Figure]:
        """Return predictions against the truth, and residuals against the size of the set."""
        known = known_rows(predictions, self.name)
        if not known.num_rows:
            return []
        names = ("size", self.name, f"predicted_{self.name}")
        sizes, truth, predicted = (known[name].to_numpy() for name in names)
        logarithmic = self._transform is not None and self._transform.logarithmic
        return [
            Agreement(self.name, truth, predicted, what, row_names(known), logarithmic, few_groups(known)),
            Residuals(self.name, sizes, truth, predicted, what, row_names(known), logarithmic),
        ]

    def loss_words(self, *, standardised: bool) -> str:
        """Return "mean squared error" and of what."""
        of = "" if self.transform is None else f" of {self.transform}"
        return f"mean squared error{of}" + (" (standardised targets)" if standardised else "")


def deviation(values: np.ndarray) -> float:
    """Return the standard deviation over draws ``(R, B)``, the root mean square over the sets."""
    return float(np.sqrt(values.var(0, ddof=1).mean()))
