"""Configure the fit of a model: every number that decides it, in one frozen record."""

import re
from math import cos, pi
from typing import Literal, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from setwise._checks import InputError

_DEVICES = r"^(auto|cpu|cuda|cuda:\d+|mps)$"
Precision = Literal["32-true", "64-true", "bf16-mixed", "bf16-true"]


class FitConfig(BaseModel):
    """Configuration of a fit. Build one with `FitConfig.checked`, which words its errors for people.

    The defaults are for tens to thousands of sets, the sizes of most studies. AdamW at 1e-3 with warm-up and
    clipping trains models of 50 layers whose norms keep the scale of every layer; the cosine ends at zero, so
    that the last epochs settle and the best of them is not luck. 32 sets a batch is what a few hundred sets still
    divide into several steps an epoch. Patience of 20 epochs is long, since a validation part of a dozen sets is
    noisy; weight decay is torch's own for AdamW.

    Attributes:
        epochs: most passes over the training sets; early stopping may end sooner.
        batch_size: sets in a batch. 0: as many as the number of training sets asks for
            (`setwise.fit.defaults`).
        elements_per_batch: most elements in a batch (a larger set is a batch of its own); replaces ``batch_size``.
        max_elements: most elements of a set; larger sets are sub-sampled without replacement, afresh each epoch. The
            validation part uses one fixed sub-sample; the test part and predictions use whole sets.
        optimizer: ``"adamw"`` or ``"adam"`` (then ``weight_decay`` is an L2 penalty).
        learning_rate: the highest of the schedule.
        weight_decay: dimensionless.
        schedule: ``"cosine"`` to zero over all epochs, or ``"constant"``.
        warmup: part of all epochs over which the learning rate grows linearly from zero, dimensionless.
        clip: largest Euclidean norm of the gradient of all parameters, or none.
        accumulate: batches to one optimizer step; the gradient is that of the sets of all of them together.
        patience: epochs without a better validation loss after which fitting stops, or none.
        standardise: standardise elements, covariates and regression targets on the training sets.
        balanced_sampling: draw the sets of an epoch with replacement, so that all classes come alike.
        precision: Fabric's word; ``"64-true"`` keeps float64 weights, ``"bf16-true"`` bfloat16.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``.
        memory: ``"low"`` computes activations anew for gradients, which are the same: what is kept grows as the square
            root of the depth, and an epoch takes a third longer. ``"normal"`` keeps them; ``"auto"`` does while
            memory has room for those of the largest batch.
        capture: on CUDA, do the steps of small batches whose sets have one size as one captured graph
            (`setwise.fit.cuda_graph`); the results are the same to rounding.
        workers: processes that prepare batches; 0 prepares them in this one.
        ensemble: models that are fitted, each from other first weights, orders and sub-samples; predictions are
            averaged. 0: as many as the number of training sets asks for (`setwise.fit.defaults`).
        seed: of the split, the first weights, the order of the sets and the sub-samples.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    epochs: int = Field(default=100, ge=1)
    batch_size: int = Field(default=32, ge=0)
    elements_per_batch: int | None = Field(default=None, ge=1)
    max_elements: int | None = Field(default=None, ge=1)
    optimizer: Literal["adamw", "adam"] = "adamw"
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=1e-2, ge=0)
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup: float = Field(default=0.05, ge=0, lt=1)
    clip: float | None = Field(default=1.0, gt=0)
    accumulate: int = Field(default=1, ge=1)
    patience: int | None = Field(default=20, ge=1)
    standardise: bool = True
    balanced_sampling: bool = False
    precision: Precision = "32-true"
    device: str = Field(default="auto", pattern=_DEVICES)
    memory: Literal["auto", "normal", "low"] = "auto"
    capture: bool = True
    workers: int = Field(default=0, ge=0)
    ensemble: int = Field(default=1, ge=0)
    seed: int = Field(default=0, ge=0, lt=2**32)

    @model_validator(mode="before")
    @classmethod
    def _adam_without_decay(cls, choices: dict[str, object]) -> dict[str, object]:
        """Set no weight decay for Adam, whose L2 penalty AdamW's default is far too strong for."""
        if choices.get("optimizer") == "adam":
            return {"weight_decay": 0.0, **choices}
        return choices

    @classmethod
    def checked(cls, **choices: object) -> Self:
        """Make the configuration with these choices.

        Raises:
            InputError: an unknown name or a value out of range, each by name; a device that is not on this machine.
        """
        try:
            config = cls.model_validate(choices)
        except ValidationError as error:
            raise InputError(
                "; ".join(_sentence(problem["loc"], problem["msg"], problem["input"]) for problem in error.errors())
            ) from None
        check_device(config.device)
        return config

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


def check_device(device: str) -> None:
    """Refuse a device that is no device or not on this machine, before anything is computed or replaced.

    Args:
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``.

    Raises:
        InputError: such a device.
    """
    if not re.fullmatch(_DEVICES, device):
        raise InputError(f"device must be auto, cpu, cuda, cuda:1 or the like, or mps; got {device!r}.")
    kind, _, number = device.partition(":")
    count = {"cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}.get(kind)
    if count is None or int(number or 0) < count:
        return
    there = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    raise InputError(
        f"device {device!r} is not on this machine, which has {', '.join(['cpu', *there])}. "
        "Choose one of these, or auto."
    )


def chosen_device(device: str) -> torch.device:
    """Return the device that a word names; "auto" is a CUDA device where there is one.

    Raises:
        InputError: as `check_device`.
    """
    check_device(device)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(device)


def _sentence(location: tuple[int | str, ...], message: str, value: object) -> str:
    name = ".".join(map(str, location)) or "configuration"
    if message == "Extra inputs are not permitted":
        return f"there is no choice named {name!r}; there are {', '.join(FitConfig.model_fields)}"
    return f"{name}: {message[0].lower()}{message[1:]}; got {value!r}"
