"""Define a metric: its name, its target, which direction is better, its unit, and the function that computes it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

Measure = Callable[[np.ndarray, np.ndarray], float | None]
_CLEARLY = 0.02  # relative; smaller differences are called no difference


@dataclass(frozen=True)
class Metric:
    """Measure predictions, and say how the number is read.

    Attributes:
        name: in tables for machines.
        words: for people.
        lower: less of it is better.
        unit: in words; empty where it is dimensionless.
        function: of predictions ``(B, P)`` and truth ``(B,)``; gives none where the metric is not defined for them, so
            that it is left out and never NaN. A metric that is made from others has no function.
        target: of several, the one that is measured; empty for a single target and for all targets together.
        chance: worth of every constant where the metric looks at ranks alone, else none.
    """

    name: str
    words: str
    lower: bool
    unit: str = ""
    function: Measure | None = None
    target: str = ""
    chance: float | None = None

    def of(self, target: str) -> "Metric":
        """Return the same metric of one of several targets."""
        return replace(self, target=target)

    @property
    def key(self) -> str:
        """Return the name in files and tables: ``mse``, or ``mse_age`` of the target age."""
        return f"{self.name}_{self.target}" if self.target else self.name

    @property
    def title(self) -> str:
        """Return the name for people: "R2 of age"."""
        return f"{self.words} of {self.target}" if self.target else self.words

    @property
    def sign(self) -> int:
        """Return 1 where more is better, -1 where less is."""
        return -1 if self.lower else 1

    def best(self, values: Iterable[float]) -> float:
        """Return the best of some values."""
        return min(values) if self.lower else max(values)

    def beats(self, value: float, other: float) -> bool:
        """Return true where a value is better than another by more than 2 percent.

        Where more is better and one is perfect, what is left to one is compared.
        """
        return value < (1 - _CLEARLY) * other if self.lower else 1 - value < (1 - _CLEARLY) * (1 - other)


def by_key(metrics: Iterable[Metric]) -> dict[str, Metric]:
    """Return metrics by their names in files and tables."""
    return {metric.key: metric for metric in metrics}
