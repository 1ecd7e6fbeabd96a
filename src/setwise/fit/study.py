"""A study: what is learned from which columns, by which model, fitted how; all but the sets and their parts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from setwise.fit.defaults import temperatures_need_validation
from setwise.fit.preparation import prepare
from setwise.fit.train import train
from setwise.runs.config import FitConfig
from setwise.runs.run import Run
from setwise.store.splits import SHARE, Split
from setwise.store.store import SetStore
from setwise.targets.problem import ClassWeights


@dataclass(frozen=True)
class Study:
    """What `setwise.train` is told of a fit, beside the sets, their split and the directory.

    Attributes:
        targets: columns to predict.
        of: whether they are of sets or of elements.
        task, orders, class_weights, weight_column, covariates, group, model, model_choices, config, validation,
            calibrate: as for `setwise.train`.
    """

    targets: tuple[str, ...]
    task: str | Mapping[str, str] | None = None
    orders: Mapping[str, tuple[str, ...]] | None = None
    class_weights: ClassWeights = None
    weight_column: str | None = None
    covariates: tuple[str, ...] = ()
    group: str | None = None
    model: str = "deep-sets++"
    model_choices: Mapping[str, Any] = field(default_factory=dict)
    config: FitConfig = field(default_factory=FitConfig)
    validation: float | None = None
    calibrate: bool | None = None
    of: Literal["sets", "elements"] = "sets"

    def fit(
        self,
        store: SetStore,
        split: Split,
        *,
        seed: int,
        baselines: bool = True,
        intervals: bool = False,
        places: np.ndarray | None = None,
        out: Path | None = None,
        resume: bool = False,
        overwrite: bool = False,
    ) -> Run:
        """Fit and measure on the parts of a split.

        Args:
            store: the sets.
            split: rows of the parts.
            seed: of this fit.
            baselines: fit and measure the baselines as well.
            intervals: of the metrics.
            places: of elements, which are measured, as for `setwise.train`.
            out: the run directory, or none to keep the run in memory.
            resume, overwrite: as for `setwise.train`.
        """
        return train(
            store,
            **self._choices(seed),
            split=split,
            baselines=baselines,
            intervals=intervals,
            places=places,
            out=out,
            resume=resume,
            overwrite=overwrite,
            progress=False,
        )

    def check(self, store: SetStore, split: Split, *, seed: int) -> None:
        """Refuse what `fit` would refuse, before anything is fitted.

        Raises:
            InputError: as for `setwise.train`.
        """
        prepare(store, **self._choices(seed), split=split, validation=None, test=0.0, coverage=None)

    def _choices(self, seed: int) -> dict[str, Any]:
        """What `train` and `prepare` are told alike."""
        return {
            "targets": self.targets,
            "of": self.of,
            "task": self.task,
            "orders": self.orders,
            "class_weights": self.class_weights,
            "weight_column": self.weight_column,
            "covariates": self.covariates,
            "group": self.group,
            "model": self.model,
            "model_choices": self.model_choices,
            "config": self.config.model_copy(update={"seed": seed}),
            "calibrate": self.calibrate,
        }

    @property
    def asked_validation(self) -> float | None:
        """The share for validation that was asked for, or that temperatures of a single model need; else none."""
        if self.validation is None and temperatures_need_validation(self.calibrate, self.config):
            return SHARE
        return self.validation

    def with_choices(
        self, *, model: str | None = None, choices: Mapping[str, Any], fitting: Mapping[str, Any]
    ) -> "Study":
        """The study with another model, other choices of it, and other numbers of its configuration."""
        config = FitConfig.checked(**{**self.config.model_dump(), **fitting})
        return replace(self, model=model or self.model, model_choices={**self.model_choices, **choices}, config=config)

    def identity(self) -> dict[str, Any]:
        """Plain values of everything that decides a fit, so that results of other fits are not taken for these."""
        return {
            "targets": list(self.targets),
            **({"of": self.of} if self.of == "elements" else {}),
            "task": dict(self.task) if isinstance(self.task, Mapping) else self.task,
            "orders": None if self.orders is None else {name: list(order) for name, order in self.orders.items()},
            "class_weights": self.class_weights
            if isinstance(self.class_weights, str | None)
            else dict(self.class_weights),
            "weight_column": self.weight_column,
            "covariates": list(self.covariates),
            "group": self.group,
            "model": self.model,
            "model_choices": dict(self.model_choices),
            "configuration": self.config.model_dump(mode="json", exclude={"workers", "device", "memory"}),
            "validation": self.validation,
            **({} if self.calibrate is None else {"calibrate": self.calibrate}),
        }
