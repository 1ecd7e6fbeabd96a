"""Configure a fit: every number that decides it, in one frozen record."""

from collections.abc import Mapping
from math import cos, pi
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from setwise._options import Option, Record
from setwise.runs.devices import DEVICES, check_device

Precision = Literal["32-true", "64-true", "bf16-mixed", "bf16-true"]
# What command line and estimators choose where nobody does; 0 leaves a number to that of the training sets.
RECOMMENDED: Mapping[str, Any] = {"batch_size": 0, "ensemble": 0, "max_elements": 2000}


class FitConfig(Record):
    """Configuration of a fit. `FitConfig.checked` refuses a device that is not on this machine as well.

    The defaults are for tens to thousands of sets, the sizes of most studies. AdamW at 1e-3 with warm-up and
    clipping trains models of 50 layers whose norms keep the scale of every layer; the cosine ends at zero, so
    that the last epochs settle and the best of them is not luck. 32 sets a batch is what a few hundred sets still
    divide into several steps an epoch. Patience of 20 epochs is long, since a validation part of a dozen sets is
    noisy; weight decay is torch's own for AdamW.

    Attributes:
        standardise: elements, covariates and targets that are numbers are standardised on the training sets.
        capture: on CUDA, the steps of small batches whose sets have one size are done as one CUDA graph
            (`setwise.fit.cuda_graph`); the results are the same to rounding.

    The other fields say what they are themselves.
    """

    epochs: int = Field(
        default=100, ge=1, description="most passes over the training sets; early stopping may end sooner"
    )
    batch_size: Annotated[int, Option(shown="an eighth of the training sets, from 4 to 32")] = Field(
        default=32, ge=0, description="sets in a batch; 0 for as many as the number of training sets asks for"
    )
    elements_per_batch: int | None = Field(
        default=None, ge=1, description="most elements in a batch (a larger set is a batch of its own), not most sets"
    )
    max_elements: Annotated[int | None, Option(syntax="zero is none")] = Field(
        default=None,
        ge=1,
        description="elements drawn from larger sets, afresh each epoch, without replacement; the test part and "
        "predictions use whole sets, the validation part one draw",
    )
    optimizer: Literal["adamw", "adam"] = Field(
        default="adamw", description="the optimizer; with adam the weight decay is an L2 penalty, 0 where not given"
    )
    learning_rate: float = Field(default=1e-3, gt=0, description="highest learning rate of the schedule")
    weight_decay: float = Field(default=1e-2, ge=0, description="pull of the weights to zero, dimensionless")
    schedule: Literal["cosine", "constant"] = Field(
        default="cosine", description="learning rate over the epochs: a cosine to zero, or constant"
    )
    warmup: float = Field(
        default=0.05,
        ge=0,
        lt=1,
        description="part of all epochs over which the learning rate grows from zero, dimensionless",
    )
    clip: Annotated[float | None, Option(syntax="zero is none")] = Field(
        default=1.0, gt=0, description="largest Euclidean norm of the gradient of all parameters"
    )
    accumulate: int = Field(
        default=1, ge=1, description="batches to one step; the gradient is that of all their sets together"
    )
    patience: Annotated[int | None, Option(syntax="zero is none")] = Field(
        default=20, ge=1, description="epochs without a better validation loss after which fitting stops"
    )
    standardise: bool = True
    balanced_sampling: bool = Field(
        default=False, description="draw the sets of an epoch with replacement, so that all classes come alike"
    )
    precision: Precision = Field(
        default="32-true", description="precision of the computation; 64-true and bf16-true keep weights so as well"
    )
    device: str = Field(
        default="auto",
        pattern=DEVICES,
        description="where to compute: auto (a CUDA device where there is one), cpu, cuda, cuda:1, mps",
    )
    memory: Annotated[Literal["auto", "normal", "low"], Option(shown="by the memory at hand")] = Field(
        default="auto",
        description="activations for gradients: normal keeps them, low computes them anew (the same gradients, a third "
        "slower, memory that grows as the square root of the depth), auto keeps those that fit memory",
    )
    capture: bool = True
    workers: int = Field(default=0, ge=0, description="processes that prepare batches; 0 for this one alone")
    ensemble: Annotated[int, Option(shown="5 below 1,000 training sets, else 1")] = Field(
        default=1,
        ge=0,
        description="models that are fitted, each from other first weights, orders and draws, and averaged; 0 for as "
        "many as the number of training sets asks for",
    )
    time: Annotated[float | None, Option(metavar="TIME", syntax="time", shown="none")] = Field(
        default=None,
        gt=0,
        description="time after which no further model of a stack is begun and no further epoch, in seconds or such as "
        "90s, 10m, 2h; the first model of a stack is always fitted",
    )
    seed: int = Field(
        default=0, ge=0, lt=2**32, description="seed of the split, the first weights, the order of the sets and draws"
    )

    @model_validator(mode="before")
    @classmethod
    def _adam_without_decay(cls, choices: dict[str, object]) -> dict[str, object]:
        """Set no weight decay for Adam, whose L2 penalty AdamW's default is far too strong for."""
        if choices.get("optimizer") == "adam":
            return {"weight_decay": 0.0, **choices}
        return choices

    @classmethod
    def checked(cls, **choices: Any) -> Self:
        """Make the configuration with these choices.

        Raises:
            InputError: an unknown name or a value out of range, each by name; a device that is not on this machine.
        """
        config = cls(**choices)
        check_device(config.device)
        return config

    @classmethod
    def recommended(cls, **choices: Any) -> Self:
        """Return the configuration with these choices, the others as command line and estimators choose them.

        Fields that have the default of the record itself are not set, so that a search may vary them.

        Raises:
            InputError: as `checked`.
        """
        return cls.checked(**{**RECOMMENDED, **choices})

    def learning_rate_at(self, epoch: float) -> float:
        """Return the learning rate at a moment of fitting, ``epoch`` counted from 0 with its fraction.

        A function of the moment alone, so that a resumed run has nothing to restore.
        """
        part = epoch / self.epochs
        if part < self.warmup:
            return self.learning_rate * part / self.warmup
        if self.schedule == "constant":
            return self.learning_rate
        return self.learning_rate * 0.5 * (1.0 + cos(pi * (part - self.warmup) / (1.0 - self.warmup)))
