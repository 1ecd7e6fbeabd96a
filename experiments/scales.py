"""Sizes and protocols of tasks: the paper's, and a documented reduction for two cores."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from experiments.rows import Row
from setwise._checks import InputError, check_choice
from setwise.runs.config import FitConfig
from setwise.tasks import TASKS, Extent

Scale = Literal["paper", "small"]
SCALES: tuple[Scale, ...] = ("paper", "small")


@dataclass(frozen=True)
class Protocol:
    """Training of a row on a task: Adam, constant learning rate, last partial batch dropped, last epoch measured.

    Attributes:
        epochs: passes over the training sets, with batches of ``batch_size``.
        batch_size: sets a batch.
        accumulate: batches to one step.
        learning_rate: of Adam.
        train: training sets, or none for the paper's number.
        test: test sets, or none for the paper's number.
        elements: elements of a set, or none for the paper's number.
        fresh: other elements for each batch; false keeps one fixed subset.
    """

    epochs: int = 50
    batch_size: int = 64
    accumulate: int = 1
    learning_rate: float = 1e-4
    train: int | None = None
    test: int | None = None
    elements: int | None = None
    fresh: bool = False

    @property
    def extent(self) -> Extent:
        """Return how much of the task is loaded."""
        return Extent(train=self.train, test=self.test, elements=self.elements, fresh=self.fresh)

    def of(self, row: Row) -> "Protocol":
        """Return the protocol of a row: with its own batch size where it has one, at the same number of steps."""
        if row.batch_size is None or row.batch_size == self.batch_size:
            return self
        epochs = max(1, round(self.epochs * row.batch_size / self.batch_size))
        return replace(self, batch_size=row.batch_size, epochs=epochs)

    def fit_config(self, *, seed: int, device: str) -> FitConfig:
        """Return the configuration of the fit loop."""
        return FitConfig.checked(
            epochs=self.epochs,
            batch_size=self.batch_size,
            accumulate=self.accumulate,
            optimizer="adam",
            learning_rate=self.learning_rate,
            schedule="constant",
            warmup=0.0,
            clip=None,
            patience=None,
            standardise=False,
            seed=seed,
            device=device,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for records."""
        return asdict(self)


_PAPER = {
    "hematocrit": Protocol(epochs=30),
    "hematocrit-categorical": Protocol(epochs=30),
    "celeba-anomaly": Protocol(batch_size=32),
    "normal-var-ood": Protocol(epochs=960),  # 15 times the batch size
    "weighted-average-real": Protocol(epochs=30, batch_size=32, accumulate=2),
    "weighted-average-one-hot": Protocol(epochs=30, batch_size=32, accumulate=2),
}
# Fewer sets, elements and epochs, and a learning rate ten times as high, so that some 500 steps are enough to train;
# width, depth, heads and inducing points are the paper's. One or two minutes a run on an idle core; Set Transformers of
# 16 layers take three to four.
_REDUCED = Protocol(epochs=15, learning_rate=1e-3, train=2_000, test=500)
_SMALL = {
    "mnist-var": replace(_REDUCED, train=4_000, epochs=10),
    "mnist-var-mixed": replace(_REDUCED, train=4_000, epochs=10),
    "mnist-var-scaled": replace(_REDUCED, train=4_000, epochs=10),
    "digits-var": replace(_REDUCED, train=4_000, epochs=10),
    "celeba-anomaly": Protocol(epochs=5, batch_size=32, learning_rate=1e-3, train=500, test=300),
    "point-cloud": replace(_REDUCED, epochs=10, elements=50),
    "point-cloud-categorical": replace(_REDUCED, epochs=10, elements=50),
    "weighted-average-real": replace(_REDUCED, batch_size=32, accumulate=2, elements=20),
    "weighted-average-one-hot": replace(_REDUCED, batch_size=32, accumulate=2, elements=20),
}


def protocol(task: str, scale: str) -> Protocol:
    """Return the protocol of a task at a scale.

    Raises:
        InputError: no such task or scale.
    """
    check_choice("the scale", scale, SCALES)
    if task not in TASKS:
        raise InputError(f"the task must be one of {', '.join(TASKS)}; got {task!r}.")
    if scale == "paper":
        return _PAPER.get(task, Protocol())
    return _SMALL.get(task, replace(_REDUCED, elements=20))
