"""Define what a target is: how its values become numbers to fit, outputs become predictions, and both are judged.

Values ``(B,)`` of B sets (or of N elements, where elements are labelled) are None or NaN where missing. `Objective`
joins targets. What a kind of target cannot do, it refuses in words; the methods that refuse are the defaults here.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from setwise._checks import InputError
from setwise.metrics.metric import Metric
from setwise.models.family import Head
from setwise.store.splits import Split
from setwise.store.store import SetStore
from setwise.targets.figures import Figure
from setwise.targets.simple import Role, Table
from setwise.targets.values import Label

Of = Literal["sets", "elements"]


@dataclass(frozen=True)
class Choices:
    """Hold what is asked of a target beside its kind.

    Attributes:
        standardise: numbers on the training sets.
        order: classes from lowest to highest, or none.
        event: column that says whether what a time leads to has happened, or none.
        transform: word of what is done to numbers before they are learned (`setwise.targets.transforms`), or none.
    """

    standardise: bool = True
    order: Sequence[str] | None = None
    event: str | None = None
    transform: str | None = None


class Target(BaseModel, ABC):
    """Predict one target.

    Attributes:
        name: of its column.
        share: of the training sets (or elements) that count for it, dimensionless; losses are divided by it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)

    name: str = Field(alias="target")
    share: float = Field(default=1.0, gt=0, le=1)

    of: ClassVar[tuple[Of, ...]]  # what it can be asked of
    linear: ClassVar[str]  # the name of its linear baseline
    discrete: ClassVar[bool] = False  # values are labels, of which each part of a split must have some
    whole_sets: ClassVar[bool] = False  # it is of a set as a whole, so that no elements may be left out
    whole_batch: ClassVar[bool] = False  # the loss of a set depends on the other sets of its batch
    has_common_unit: ClassVar[bool] = True  # a mean of its metrics over several targets means something
    is_right_or_wrong: ClassVar[bool] = True  # a row is predicted rightly or not
    has_transform: ClassVar[bool] = False  # its values can be transformed before they are learned
    has_event: ClassVar[bool] = False  # a second column says whether what a time leads to has happened
    needs_outputs: ClassVar[bool] = False  # predictions need what the outputs for the training sets are (`completed`)
    roles: ClassVar[tuple[Role, ...]] = ("constant", "linear", "boosted")  # simple models that it has
    loss_part: ClassVar[str]  # what it adds to the loss of several targets, with its unit

    # How it is said, and read from sets
    @classmethod
    def word(cls) -> str:
        """Return the word for the kind of target: "regression", "classification" ..."""
        return str(cls.model_fields["kind"].default)

    @classmethod
    def read(cls, store: SetStore, name: str, rows: np.ndarray, event: str | None = None) -> np.ndarray:
        """Return values ``(B,)`` of all sets of a store; those at some rows must be known.

        Args:
            store: the sets.
            name: of the column.
            rows: of sets that must have a value.
            event: the column of events, of a kind that has one.

        Raises:
            InputError: values that this kind of target cannot have.
        """
        raise InputError(f"sets have no targets of the kind {cls.word()!r}; got {name!r}.")

    @classmethod
    def check_order(cls, name: str, order: Sequence[str], known: Sequence[Any]) -> None:
        """Refuse an order of the classes that are known, where this kind of target has none, or one with other classes.

        Raises:
            InputError: such an order.
        """
        raise InputError(f"an order must be of an ordinal target; {name!r} is none. Say --task {name}=ordinal.")

    @classmethod
    def check_transform(cls, word: str, name: str, values: np.ndarray, whose: Callable[[int], str]) -> None:
        """Refuse values ``(B,)`` that cannot be transformed, or a transform of a kind of target that has none.

        Args:
            word: of the transform.
            name: of the target.
            values: NaN where missing.
            whose: returns the name of the set that a value is of, by its place.

        Raises:
            InputError: such values.
        """
        raise InputError(
            f"a transform must be of a number; target {name!r} is of the kind {cls.word()!r}. Leave {name}={word} out, "
            "or say which target it is of (--target-transform TARGET=log10)."
        )

    @property
    def transform_word(self) -> str | None:
        """Return the word of what is done to values before they are learned, or none."""
        return None

    @classmethod
    def value_columns(cls, name: str, values: np.ndarray, event: str | None = None) -> dict[str, pa.Array]:
        """Return values ``(B,)``, as they were read, as columns of a table."""
        return {name: pa.array(values.tolist(), from_pandas=True)}

    @property
    def event_column(self) -> str | None:
        """Return the column of events, of a kind that has one."""
        return None

    @classmethod
    def check_values(cls, name: str, known: Sequence[Any]) -> None:
        """Refuse known values of all sets from which nothing can be learned.

        Raises:
            InputError: such values.
        """

    @classmethod
    def strata(cls, values: np.ndarray) -> np.ndarray | None:
        """Return text ``(B,)`` of which every part of a split must have its share, or none."""
        return None if not cls.discrete else values.astype(str)

    @classmethod
    def of_sets(cls, name: str, values: np.ndarray, choices: Choices) -> Self:
        """Learn the target from values ``(B,)`` of the training sets.

        Raises:
            InputError: values from which nothing can be learned.
        """
        raise InputError(f"sets have no targets of the kind {cls.word()!r}; got {name!r}.")

    def check_parts(self, store: SetStore, values: np.ndarray, split: Split) -> None:
        """Refuse values ``(B,)`` of all sets that cannot be both learned and tested.

        Raises:
            InputError: such values.
        """

    @abstractmethod
    def truth(self, values: Any) -> np.ndarray:
        """Return what predictions are compared with ``(B,)`` float64, of values ``(B,)``; NaN where missing.

        Raises:
            InputError: a value that the target cannot have.
        """

    def scaled(self, truth: np.ndarray) -> np.ndarray:
        """Return truth ``(B,)`` as the loss wants it."""
        return truth

    def encode(self, values: Any) -> np.ndarray:
        """Return values ``(B,)`` as the loss wants them, float64, NaN where missing; errors as for `truth`."""
        return self.scaled(self.truth(values))

    # How labels of elements are read
    @classmethod
    def of_elements(
        cls, store: SetStore, name: str, train: np.ndarray, split: Split, choices: Choices
    ) -> tuple[Self, np.ndarray]:
        """Learn the target from labels of the elements at some places; and truth ``(N,)`` of all elements.

        Raises:
            InputError: labels from which nothing can be learned.
        """
        raise InputError(f"elements have no labels of the kind {cls.word()!r}; got {name!r}.")

    def element_truth(self, store: SetStore) -> np.ndarray:
        """Return the truth ``(N,)`` of all elements of a store.

        Raises:
            InputError: no such labels, or one that the target cannot have.
        """
        raise InputError(f"elements have no labels of the kind {self.word()!r}; got {self.name!r}.")

    def element_column(self, truth: np.ndarray) -> pa.Array:
        """Return truth ``(N,)`` of elements as a column of a table."""
        return pa.array(truth, from_pandas=True)

    # How it is fitted
    @property
    @abstractmethod
    def out_features(self) -> int:
        """Return K, the outputs that the model must have."""

    def output(self, of: Of) -> str:
        """Return the output that a model must have (`setwise.models.build`)."""
        return of

    @property
    def head(self) -> Head:
        """Return what the K outputs stand for, for families that learn from tables.

        Raises:
            InputError: a target that only networks learn.
        """
        raise InputError(f"{self.name} is learned by networks alone. Choose one (--model deep-sets++).")

    @abstractmethod
    def losses(self, outputs: Tensor, encoded: Tensor) -> Tensor:
        """Return the losses ``(B,)`` of outputs ``(B, K)``."""

    def weighed(self, wanted: str | Mapping[str, float], truth: np.ndarray, counted: np.ndarray) -> Self:
        """Return the target with weights of its classes; one without classes as it is.

        Args:
            wanted: "balanced", or a weight for each class.
            truth: ``(B,)`` of the training rows.
            counted: ``(B,)`` how much each counts.
        """
        return self

    def centre(self, outputs: np.ndarray) -> np.ndarray:
        """Return constants ``(K,)`` that are taken off the outputs, ``(B, K)`` for the training sets.

        They are zero but where the loss leaves a constant open, which would differ between models by chance.
        """
        return np.zeros(outputs.shape[1])

    def completed(self, outputs: np.ndarray, truth: np.ndarray) -> Self:
        """Return the target with what its predictions need from the fitted model.

        Args:
            outputs: ``(B, M, K)`` of M members for the training sets, centred.
            truth: ``(B,)`` of the same sets, NaN where missing.
        """
        return self

    def drawn_alike(self, values: np.ndarray) -> np.ndarray | None:
        """Return class numbers ``(B,)`` of values, to draw all classes alike, NaN where missing; or none."""
        return None

    def check_asked(self, *, calibrate: bool | None, coverage: float | None, most: int | None, largest: int) -> None:
        """Refuse what does not go with this kind of target, before anything is fitted.

        Args:
            calibrate: whether temperatures are asked for.
            coverage: of intervals or sets of classes, or none.
            most: elements that are drawn of larger sets, or none.
            largest: elements of the largest set.

        Raises:
            InputError: such a choice, with the reason.
        """

    # What it predicts
    @property
    @abstractmethod
    def width(self) -> int:
        """Return P, the numbers of a prediction."""

    @abstractmethod
    def predict(self, outputs: Tensor) -> Tensor:
        """Return predictions ``(B, P)`` of outputs ``(B, K)``."""

    @abstractmethod
    def column_names(self, *, qualified: bool) -> list[str]:
        """Return the names of the P numbers of a prediction; ``qualified`` where several targets have classes."""

    @abstractmethod
    def columns(
        self, predicted: np.ndarray, *, qualified: bool, sizes: np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        """Return the named columns of predictions ``(B, P)``.

        Args:
            predicted: of sets, or of elements.
            qualified: several targets have classes, so that names of classes do not suffice.
            sizes: elements of each set, where the rows are all elements of these sets; else none.
        """

    @property
    def labels(self) -> tuple[Label, ...]:
        """Return the classes that ``predicted_<target>`` names; none of a target without classes."""
        return ()

    @property
    def is_label(self) -> bool:
        """Return true of two classes without an order: several such targets are labels that a set has or lacks."""
        return False

    # How it is judged
    @abstractmethod
    def metrics(self, of: Of, *, label: bool = False) -> tuple[Metric, ...]:
        """Return the metrics of the target, of sets or of elements; ``label`` for one of many labels that sets have."""

    @property
    @abstractmethod
    def decisive(self) -> str:
        """Return the name of the metric that decides which of several predictions is best."""

    def does_well(self, model: Mapping[str, float], constant: Mapping[str, float], what: Of) -> str | None:
        """Say what a model does well that is no better than a constant by the decisive metric; none where nothing.

        Args:
            model, constant: metrics by their names.
            what: rows are.
        """
        return None

    @abstractmethod
    def loss_of(self, metrics: dict[str, float]) -> float:
        """Return the loss without a unit, of its own metrics; means of it over targets are comparable."""

    def measured(
        self, predicted: np.ndarray, truth: np.ndarray, sizes: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of predictions ``(B, P)`` and truth ``(B,)`` that its metrics see.

        Args:
            predicted: of sets, or of elements.
            truth: NaN where missing.
            sizes: elements of each set, where the rows are elements; else none.
        """
        known = ~np.isnan(truth)
        return predicted[known], truth[known]

    @abstractmethod
    def undefined(self, known: np.ndarray, what: str) -> list[str]:
        """Return what known truth ``(n,)`` cannot tell, a sentence each; ``what`` says of what it is."""

    @abstractmethod
    def simple(self, role: Role, table: Table) -> np.ndarray:
        """Return predictions ``(n, P)`` of a simple model."""

    @abstractmethod
    def drawn_words(self, draws: np.ndarray, whole: np.ndarray, truth: np.ndarray) -> str:
        """Return a sentence on predictions ``(R, B, P)`` of R random draws beside those of whole sets ``(B, P)``.

        Args:
            draws: of sets of which the model is given a part of the elements.
            whole: of the same sets.
            truth: ``(B,)``, NaN where missing.
        """

    # Probabilities that are tempered; intervals and sets of classes
    @property
    def can_be_tempered(self) -> bool:
        """Return true where a temperature can make probabilities less or more sure."""
        return False

    def tempered(self, outputs: np.ndarray, truth: np.ndarray, what: str) -> tuple[Self, str]:
        """Return the target with a temperature, and what it says, in words.

        Args:
            outputs: ``(B, M, K)`` of M members, or ``(B, K)``.
            truth: ``(B,)``, all known.
            what: the rows, in words.
        """
        raise RuntimeError(f"{self.name} has no probabilities to be tempered.")

    def unseen(self, seen: np.ndarray, truth: np.ndarray) -> np.ndarray:
        """Return which of truth ``(B,)`` nobody could know who has seen the truth ``(n,)`` alone."""
        return np.zeros(len(truth), dtype=bool)

    @property
    def interval(self) -> str:
        """Return what holds the truth: "intervals" or "sets of classes"."""
        raise RuntimeError(f"{self.name} has neither intervals nor sets of classes.")

    @abstractmethod
    def misfits(self, predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
        """Return how far predictions ``(B, P)`` are from known truth ``(B,)``, as conformal prediction counts it."""

    @property
    @abstractmethod
    def misfit_words(self) -> str:
        """Return what `misfits` are, in words."""

    def holding(self, predicted: np.ndarray, quantile: float | None) -> dict[str, pa.Array]:
        """Return columns of what holds the truth, of predictions ``(B, P)``; without a quantile, of everything."""
        raise RuntimeError(f"{self.name} has neither intervals nor sets of classes.")

    def held(self, predicted: np.ndarray, truth: np.ndarray, quantile: float) -> tuple[np.ndarray, str]:
        """Return which truth ``(B,)`` is held, and how large what holds it is, in words."""
        raise RuntimeError(f"{self.name} has neither intervals nor sets of classes.")

    def truth_in(self, table: pa.Table) -> np.ndarray:
        """Return what predictions are compared with ``(B,)``, of a table that has it beside them; NaN where missing."""
        return self.truth(table[self.name].to_pylist())

    def ranked(self, predicted: np.ndarray) -> np.ndarray | None:
        """Return what orders rows ``(B,)``, of predictions ``(B, P)``; none of classes without an order."""
        return None

    def pairs(self, truth: np.ndarray) -> np.ndarray:
        """Return which pairs of rows ``(B, B)`` are ordered by truth ``(B,)``: the first should be ranked higher."""
        return truth[:, None] > truth

    # How it is explained and shown
    @property
    def answers(self) -> tuple[str, ...]:
        """Return the names of the P numbers of a prediction as answers that can be explained."""
        return (self.name,)

    def answer_name(self, answer: str, *, alone: bool) -> str:
        """Return the name of an answer among those of several targets."""
        return answer

    def answered(self, predicted: np.ndarray) -> int:
        """Return the place of the answer that predictions ``(1, P)`` for a set give."""
        return 0

    def explained(self, predicted: Tensor, place: int, scale: str) -> Tensor:
        """Return what scores add up to ``(B,)``, of predictions ``(B, P)``; differentiable."""
        return predicted[:, place]

    def answer_unit(self, scale: str, *, alone: bool) -> str:
        """Return the unit of scores."""
        return f"units of {self.name}"

    @property
    def answer_kind(self) -> str:
        """Return what an answer is, in a word: "prediction" or "probability"."""
        return "prediction"

    @abstractmethod
    def figures(self, predictions: pa.Table, *, qualified: bool, what: Of) -> list[Figure]:
        """Return figures of a table of predictions for held-out rows, with ``size`` and all columns.

        Args:
            predictions: a row per set, or per element.
            qualified: several targets have classes.
            what: rows are.
        """

    @abstractmethod
    def loss_words(self, *, standardised: bool) -> str:
        """Return what the loss measures, with its unit."""
