"""Give predictions intervals and sets of classes that hold the truth as often as was asked: split-conformal prediction.

The calibration sets are drawn from the validation part before the fit and used for nothing else: neither weights nor
the epoch nor a temperature have seen them, so that the promise needs nothing but that new sets are like these. Elements
of a set are not exchangeable with those of another, nor sets of a group: each group counts once, of labels of elements
each set (or group), and the promise is for a set of a new group, or an element drawn from a new set.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from setwise.metrics.calibration import conformal_quantile, least_sets
from setwise.metrics.intervals import binomial
from setwise.store.splits import Split
from setwise.targets.objectives import Objective


class Conformal(BaseModel):
    """Turn predictions into intervals and sets of classes; kept with the run.

    Attributes:
        coverage: the share of new sets whose truth is to be held, dimensionless.
        counts: calibration sets (or groups) whose target is known, of each target; of labels of elements, those with
            an element whose label is known.
        units: what was counted.
        quantiles: of each target: half the width of its intervals, in its units or as it is transformed, or the
            largest ``1 - p`` of a class that is named; none where there are too few calibration sets, and nothing can
            be left out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    coverage: float = Field(gt=0, lt=1)
    counts: tuple[int, ...]
    quantiles: tuple[float | None, ...]
    units: Literal["sets", "groups"] = "sets"

    @classmethod
    def fit(
        cls,
        objective: Objective,
        predicted: np.ndarray,
        truth: np.ndarray,
        coverage: float,
        *,
        owners: np.ndarray | None = None,
        units: Literal["sets", "groups"] = "sets",
    ) -> "Conformal":
        """Take the quantiles of calibration sets.

        Args:
            objective: what is predicted.
            predicted: ``(B, P)``.
            truth: ``(B, T)``, NaN where missing.
            coverage: between 0 and 1.
            owners: what each row belongs to that counts once: its group, or of an element its set; or none.
            units: what owners are.
        """
        counts, quantiles = [], []
        for column, (target, part) in enumerate(objective.parts(predicted)):
            known = ~np.isnan(truth[:, column])
            scores = target.misfits(part[known], truth[known, column])
            of_known = np.flatnonzero(known) if owners is None else owners[known]
            quantile = conformal_quantile(scores, coverage, owners=of_known)
            counts.append(len(np.unique(of_known)))
            quantiles.append(quantile if np.isfinite(quantile) else None)
        return cls(coverage=coverage, counts=tuple(counts), quantiles=tuple(quantiles), units=units)

    def columns(self, objective: Objective, predicted: np.ndarray) -> dict[str, pa.Array]:
        """Return columns of predictions ``(B, P)``: ``lower_<target>`` and ``upper_<target>``, or ``classes_<target>``.

        Without a quantile the ends are missing, and all classes are named.
        """
        columns: dict[str, pa.Array] = {}
        for (target, part), quantile in zip(objective.parts(predicted), self.quantiles, strict=True):
            columns |= target.holding(part, quantile)
        return columns

    def sentences(
        self,
        objective: Objective,
        predicted: np.ndarray,
        truth: np.ndarray,
        *,
        what: str,
        owners: np.ndarray | None = None,
    ) -> list[str]:
        """Say what is promised and what is found on sets with predictions ``(B, P)`` and truth ``(B, T)``, in words.

        Args:
            objective: what is predicted.
            predicted, truth: of the sets, or of their elements, set after set.
            what: the sets, in words: sets, or held-out sets.
            owners: as for `fit`.
        """
        said, units, unit = [], self.units, self.units.removesuffix("s")
        one, many = (
            (f"an element drawn from a new {unit}", "elements")
            if objective.of == "elements"
            else (f"a set of a new {unit}", "sets")
        )
        for column, (target, part) in enumerate(objective.parts(predicted)):
            quantile, count = self.quantiles[column], self.counts[column]
            if quantile is None:
                said.append(
                    f"{self.coverage:.0%} {target.interval} of {target.name} need {least_sets(self.coverage)} "
                    f"calibration {units} at least; got {count}, so nothing can be promised. Give more {units} to "
                    "--validation, half of which calibrate, or ask for less coverage."
                )
                continue
            known = ~np.isnan(truth[:, column])
            text = f"{self.coverage:.0%} {target.interval} of {target.name} ({count} calibration {units})"
            if not known.any():
                said.append(f"{text} were not checked: no {what} have that target.")
                continue
            held, size = target.held(part[known], truth[known, column], quantile)
            if owners is not None:
                _, number, sizes = np.unique(owners[known], return_inverse=True, return_counts=True)
                share = float((np.bincount(number, weights=held) / sizes).mean())
                of = f"the elements of the {what}" if objective.of == "elements" else what
                said.append(
                    f"{text} hold the truth for {share:.0%} of {of}, each {unit} counting alike; {size}. The promise "
                    f"is for {one}: of one {unit} more may be missed, since its {many} err together."
                )
                continue
            low, high = binomial(int(held.sum()), len(held))
            said.append(
                f"{text} hold the truth for {held.sum()} of {len(held)} {what} ({held.mean():.0%}; exact 95% interval "
                f"{low:.0%} to {high:.0%}); {size}."
            )
        return said


def with_calibration(split: Split, groups: np.ndarray | None, *, seed: int) -> tuple[Split, np.ndarray]:
    """Return the split with half of its validation part (of its groups) left, and the rows of the other half.

    Args:
        split: rows of the parts.
        groups: ``(B,)`` of all sets, or none.
        seed: of the draw.
    """
    rows = split.validation
    units = rows.astype(str) if groups is None else np.asarray(groups)[rows].astype(str)
    names: Sequence[str] = np.random.default_rng((seed, 1)).permutation(np.unique(units)).tolist()
    chosen = np.isin(units, names[: (len(names) + 1) // 2])
    return Split(split.train, rows[~chosen], split.test), rows[chosen]
