"""Predict how soon an event happens, of sets that were observed until then or until a time before, by Cox's model."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pyarrow as pa
import torch
from pydantic import Field
from torch import Tensor

from setwise._checks import InputError
from setwise.metrics import survival
from setwise.metrics.metric import Metric
from setwise.models.family import Head
from setwise.ops.efron import efron_losses
from setwise.store import columns
from setwise.store.store import SetStore
from setwise.store.tables import listed
from setwise.targets.figures import Curve, Figure, Steps, known_rows
from setwise.targets.number import deviation
from setwise.targets.simple import Role, Table
from setwise.targets.target import Choices, Of, Target
from setwise.targets.values import check_some, is_known

_QUANTILES = (0.25, 0.5, 0.75)  # of the times of the training sets' events, at which survival is predicted
_HAPPENED = {"1": True, "true": True, "0": False, "false": False}
_GROUPS = ("lowest third of the risks", "middle third", "highest third")


def _concordance(predicted: np.ndarray, truth: np.ndarray) -> float | None:
    return survival.concordance(predicted[:, 0], np.abs(truth), truth > 0)


def _likelihood(predicted: np.ndarray, truth: np.ndarray) -> float | None:
    return survival.partial_likelihood(predicted[:, 0], np.abs(truth), truth > 0)


METRICS = (
    Metric("concordance", "concordance", lower=False, function=_concordance, chance=0.5),
    Metric(
        "partial_likelihood",
        "negative log partial likelihood",
        lower=True,
        unit="nats per event",
        function=_likelihood,
    ),
)


class TimeToEvent(Target):
    """Predict how soon an event happens, by the partial likelihood of Cox's model with Efron's ties.

    A value is one number: the time of the event, or minus the time until which it had not happened. The model's output
    is the risk, the logarithm of a hazard ratio. The likelihood compares an event with the sets that were still
    observed, and so ties the sets of a batch together: risk sets are those of the batch, a batch without an event costs
    nothing, and larger batches tell more. Weights of sets weigh the terms of their events.

    Attributes:
        name: of the column of times, which are above zero.
        event: of the column that says whether the event has happened by then.
        share: of the training sets that had the event, dimensionless; so that the mean loss is one over events.
        times: at which survival is predicted: quartiles of the training sets' times of events, to three digits.
        hazards: cumulative hazards until then of a set whose risk is 0, the mean of the training sets.

    Source: Cox 1972, Regression models and life-tables, J. R. Stat. Soc. B 34; with networks: Katzman et al. 2018,
    DeepSurv, arXiv 1606.00931; risk sets of batches: Kvamme, Borgan, Scheel 2019, arXiv 1907.00825, section 3.
    """

    of: ClassVar[tuple[Of, ...]] = ("sets",)
    linear: ClassVar[str] = "Cox regression"
    loss_part: ClassVar[str] = "partial likelihoods (nats per event)"
    roles: ClassVar[tuple[Role, ...]] = ("constant", "linear")
    is_right_or_wrong: ClassVar[bool] = False
    has_event: ClassVar[bool] = True
    whole_batch: ClassVar[bool] = True
    needs_outputs: ClassVar[bool] = True

    kind: Literal["time-to-event"] = "time-to-event"
    event: str
    share: float = Field(default=1.0, gt=0, le=1)
    times: tuple[float, ...] = Field(min_length=1)
    hazards: tuple[float, ...] = ()

    @classmethod
    def read(cls, store: SetStore, name: str, rows: np.ndarray, event: str | None = None) -> np.ndarray:
        """Return times ``(B,)``, below zero where the event had not happened until then, NaN where one is missing."""
        assert event is not None, "chosen without its events"
        times = columns.numbers(store, [name], rows)[:, 0]
        bad = np.flatnonzero((times <= 0) | np.isinf(times))
        if bad.size:
            raise InputError(
                f"times {name!r} must be above zero and finite; that of set {store.set_ids[bad[0]]!r} is "
                f"{times[bad[0]]:g}. Mend it, or leave the set out."
            )
        said = columns.labels(store, event, rows)
        for row, text in enumerate(said):
            if text is not None and text.lower() not in _HAPPENED:
                raise InputError(
                    f"events {event!r} must be 1 or true where the event has happened and 0 or false where it has not; "
                    f"that of set {store.set_ids[row]!r} is {text!r}. Write them so."
                )
        signs = [np.nan if text is None else 1.0 if _HAPPENED[text.lower()] else -1.0 for text in said]
        return times * np.array(signs)

    @classmethod
    def value_columns(cls, name: str, values: np.ndarray, event: str | None = None) -> dict[str, pa.Array]:
        """Return the times, and whether the event has happened."""
        assert event is not None, "values without events"
        signed = np.asarray(values, np.float64)
        missing = np.isnan(signed)
        times, happened = pa.array(np.abs(signed), mask=missing), pa.array(signed > 0, mask=missing)
        return {name: times, event: happened}

    @property
    def event_column(self) -> str:
        """Return the column of events."""
        return self.event

    @classmethod
    def check_values(cls, name: str, known: Sequence[Any]) -> None:
        """Refuse times that do not vary."""
        columns.check_varies(np.abs(np.array(known, np.float64)), name)

    @classmethod
    def strata(cls, values: np.ndarray) -> np.ndarray:
        """Return whether the event has happened, as text ``(B,)``."""
        return np.array([str(bool(value > 0)) if is_known(value) else "None" for value in values])

    @classmethod
    def of_sets(cls, name: str, values: np.ndarray, choices: Choices) -> Self:
        """Learn when events happen from values ``(B,)`` of the training sets."""
        assert choices.event is not None, "chosen without its events"
        signed = np.asarray(values, np.float64)
        known = signed[~np.isnan(signed)]
        check_some(name, known)
        events = known[known > 0]
        if len(events) < 2:
            raise InputError(
                f"target {name!r} must have two events at least among the training sets; {choices.event!r} holds for "
                f"{len(events)} of {len(known)}. Add sets that had the event."
            )
        times = dict.fromkeys(float(f"{time:.3g}") for time in np.quantile(events, _QUANTILES))
        return cls(target=name, event=choices.event, share=len(events) / len(signed), times=tuple(times))

    @property
    def out_features(self) -> int:
        """Return one, for the risk."""
        return 1

    @property
    def width(self) -> int:
        """Return one for the risk, and one for survival until each of the times."""
        return 1 + len(self.times)

    def truth(self, values: Any) -> np.ndarray:
        """Return values ``(B,)`` float64: times, below zero where the event had not happened until then."""
        return np.asarray(values, dtype=np.float64)

    @property
    def head(self) -> Head:
        """Return the logarithm of the risk."""
        return Head("time", 1)

    def losses(self, outputs: Tensor, encoded: Tensor) -> Tensor:
        """Return the terms ``(B,)`` of events in the partial likelihood of the batch, 0 for all other sets; nats.

        Sets whose time is not known, encoded as 0, are in no risk set.
        """
        return efron_losses(outputs[:, 0], encoded.abs(), encoded > 0)

    def check_asked(self, *, calibrate: bool | None, coverage: float | None, most: int | None, largest: int) -> None:
        """Refuse temperatures and intervals."""
        if calibrate or coverage is not None:
            name = "calibrate=True, --calibrate" if calibrate else "coverage=..., --coverage"
            raise InputError(
                f"temperatures, intervals and sets of classes are for numbers and classes; {self.name!r} is a time to "
                f"event, much of which is not observed to its end. Leave the choice out ({name})."
            )

    def centre(self, outputs: np.ndarray) -> np.ndarray:
        """Return the mean risk of the training sets, which the likelihood leaves open."""
        return outputs.mean(0)

    def completed(self, outputs: np.ndarray, truth: np.ndarray) -> Self:
        """Return the target with its cumulative hazards, by the hazard ratios of the members' mean."""
        known = ~np.isnan(truth)
        ratios = np.exp(outputs[known, :, 0]).mean(1)
        return self.model_copy(update={"hazards": self._hazards(ratios, truth[known])})

    def predict(self, outputs: Tensor) -> Tensor:
        """Return the risk and the chances of no event until each of the times ``(B, P)``, of outputs ``(B, 1)``."""
        hazards = outputs.new_tensor(self.hazards or [0.0] * len(self.times))
        return torch.cat([outputs, (-outputs.exp() * hazards).exp()], 1)

    def column_names(self, *, qualified: bool) -> list[str]:
        """Return ``risk_<target>`` and ``survival_<target>_<time>``."""
        return [f"risk_{self.name}", *(f"survival_{self.name}_{time:g}" for time in self.times)]

    def columns(
        self, predicted: np.ndarray, *, qualified: bool, sizes: np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        """Return the risk and survival until each of the times."""
        return dict(zip(self.column_names(qualified=qualified), predicted.T, strict=True))

    def metrics(self, of: Of, *, label: bool = False) -> tuple[Metric, ...]:
        """Return concordance and the partial likelihood."""
        return METRICS

    @property
    def decisive(self) -> str:
        """Return the concordance."""
        return "concordance"

    def loss_of(self, metrics: dict[str, float]) -> float:
        """Return the negative logarithm of the partial likelihood, the mean over events."""
        return metrics["partial_likelihood"]

    def undefined(self, known: np.ndarray, what: str) -> list[str]:
        """Say where there are few events."""
        count = int((known > 0).sum())
        if not count:
            return [f"Concordance of {self.name} is not defined: none of the {len(known)} {what} had the event."]
        few = f"Of {self.name} only {count} of {len(known)} {what} had the event: metrics rest on very few."
        return [few] if count < 10 else []

    def simple(self, role: Role, table: Table) -> np.ndarray:
        """Return risk 0 for all, or Cox regression's risks; and survival ``(n, P)``."""
        table = table.known()
        times, events = np.abs(table.y), table.y > 0
        risk, new = np.zeros(len(times)), np.zeros(len(table.new))
        if role == "linear" and events.any():
            weights = table.weights
            risk, new = survival.cox_regression(table.x, times, events, weights, table.new, seed=table.seed)
        hazards = np.array(self._hazards(np.exp(risk), table.y))
        return np.concatenate([new[:, None], np.exp(-np.exp(new)[:, None] * hazards)], axis=1)

    def misfits(self, predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
        """Return the share of the comparable pairs of each row that the risks order wrongly; 0 of a row without any."""
        return survival.misordered(predicted[:, 0], np.abs(truth), truth > 0)

    def ranked(self, predicted: np.ndarray) -> np.ndarray:
        """Return the risks."""
        return predicted[:, 0]

    def pairs(self, truth: np.ndarray) -> np.ndarray:
        """Return which pairs of rows ``(B, B)`` are comparable: the first had its event before the second."""
        times, events = np.abs(truth), truth > 0
        return events[:, None] & ((times[:, None] < times) | ((times[:, None] == times) & ~events))

    @property
    def misfit_words(self) -> str:
        """Return "share of its pairs in the wrong order"."""
        return "share of its pairs in the wrong order"

    def truth_in(self, table: pa.Table) -> np.ndarray:
        """Return times ``(B,)`` of a table, below zero without the event until then, NaN where missing."""
        pairs = zip(table[self.name].to_pylist(), table[self.event].to_pylist(), strict=True)
        return np.array([np.nan if time is None or had is None else time if had else -time for time, had in pairs])

    def drawn_words(self, draws: np.ndarray, whole: np.ndarray, truth: np.ndarray) -> str:
        """Return a sentence on how far draws move the risk, beside how it varies between sets."""
        return (
            f"{self.name}: the risk (logarithm of a hazard ratio) has a standard deviation of "
            f"{deviation(draws[..., 0]):.3g} over the draws, and of {whole[:, 0].std():.3g} between the sets."
        )

    @property
    def answers(self) -> tuple[str, ...]:
        """Return the target, for its risk, and survival until each of the times."""
        return (self.name, *(f"survival of {self.name} {time:g}" for time in self.times))

    def answer_unit(self, scale: str, *, alone: bool) -> str:
        """Return the unit of risks, and of survival."""
        return f"log hazard ratio of {self.name} (survival: probability)"

    def figures(self, predictions: pa.Table, *, qualified: bool, what: Of) -> list[Figure]:
        """Return the curves of Kaplan and Meier of thirds of the sets by their risk."""
        known = known_rows(predictions, self.name)
        if known.num_rows < len(_GROUPS):
            return []
        times, risk = known[self.name].to_numpy(), known[f"risk_{self.name}"].to_numpy()
        events = np.array(known[self.event].to_pylist(), bool)
        parts = np.array_split(np.argsort(risk, kind="stable"), len(_GROUPS))
        found = [survival.kaplan_meier(times[rows], events[rows]) for rows in parts]
        ends = [f"{y[-1] if len(y) else 1.0:.0%} of the {label}" for label, (_, y) in zip(_GROUPS, found, strict=True)]
        return [
            Steps(
                tuple(Curve(label, x, y) for label, (x, y) in zip(_GROUPS, found, strict=True)),
                self.name,
                "share without the event",
                f"Held-out {what} without the event ({self.event}), by thirds of the predicted risk (Kaplan, Meier).",
                f"Step curves of the share of {len(times)} held-out {what} without the event against {self.name}; at "
                f"the last event it is {listed(ends)}.",
            )
        ]

    def loss_words(self, *, standardised: bool) -> str:
        """Return what the partial likelihood is a mean of."""
        return "negative log partial likelihood of the batches (nats per event)"

    def _hazards(self, ratios: np.ndarray, signed: np.ndarray) -> tuple[float, ...]:
        """Return cumulative hazards until each of the times, of hazard ratios and values ``(B,)``."""
        found = survival.baseline_hazards(ratios, np.abs(signed), signed > 0, np.array(self.times))
        return tuple(found.tolist())
