"""Say what a family of models is: what it is called, how it is described, built and fitted, and what is tried of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pydantic.fields import FieldInfo

from setwise.models.spec import Spec
from setwise.variants import find

if TYPE_CHECKING:  # they cost a second, which the command line's help does not wait for
    import torch
    from torch import Tensor

    from setwise.batch import SetBatch
    from setwise.models.model import Model

Choices = Mapping[str, Any]
VERY_FEW = 200  # sets, of which a part that is held out says little, and networks need fewer epochs


@dataclass(frozen=True)
class Preset:
    """A model of a family that has a name.

    Attributes:
        choices: that the name stands for; people may make others.
        few, some, many: choices that a fit makes where nobody does, by the number of training sets
            (`setwise.fit.defaults` says how many are few).
    """

    choices: Choices
    few: Choices = field(default_factory=dict)
    some: Choices = field(default_factory=dict)
    many: Choices = field(default_factory=dict)


@dataclass(frozen=True)
class Candidate:
    """A model that may be a part of a stack.

    Attributes:
        model: its name.
        sees: what it takes from a set, in words.
        choices: made of it beside those of its name, and numbers of its fit that nobody chose.
        of_few: the same, where training sets are fewer than `VERY_FEW`.
        efforts: with which it is tried.
        fewest: training sets, of fewer of which it adds too little, where several other models stand, to be tried with
            another effort than "best"; docs/log.md.
        for_numbers: name of the candidate that is the same where all targets are numbers, or none.
    """

    model: str
    sees: str
    choices: Choices = field(default_factory=dict)
    of_few: Choices = field(default_factory=dict)
    efforts: tuple[str, ...] = ("quick", "default", "best")
    fewest: int = 0
    for_numbers: str | None = None

    def made_for(self, num_sets: int) -> dict[str, Any]:
        """Return choices, and numbers of its fit, for so many training sets."""
        return {**self.choices, **(self.of_few if num_sets < VERY_FEW else {})}


class Examples(Protocol):
    """Training sets, for a family that fits itself."""

    def epoch(self, epoch: int) -> "Iterator[tuple[SetBatch, Tensor, Tensor | None]]":
        """Go through the training sets once: batches, encoded targets ``(B, T)``, weights ``(B,)`` or none.

        Targets are NaN where they are missing; with outputs per element there is a row for each element. Sets that are
        larger than the fit allows are sub-samples, other ones in each epoch.
        """
        ...


@dataclass(frozen=True)
class Head:
    """Say what some outputs of a model stand for, so that what was learned from tables can take their place.

    Attributes:
        kind: "number" (the encoded target itself), "classes" (logits, up to a constant, of classes whose numbers are
            the encoded targets), "ranks" (classes in order, as `setwise.targets.Ordinal` has them), or "time".
        outputs: how many there are.
        weights: of the classes in the loss, or none where all count alike.
    """

    kind: Literal["number", "classes", "ranks", "time"]
    outputs: int
    weights: tuple[float, ...] | None = None


class Loss(Protocol):
    """The loss that is to be small."""

    @property
    def heads(self) -> tuple[Head, ...]:
        """Return what the outputs stand for, target by target."""
        ...

    def loss(self, outputs: "Tensor", encoded: "Tensor", weights: "Tensor | None" = None) -> "Tensor":
        """Return the mean loss of outputs ``(B, K)``, given encoded targets ``(B, T)``."""
        ...


@dataclass(frozen=True)
class Family:
    """A kind of model: its specification, its named models, how it is built and fitted, what is tried of it.

    Every model of a family is a `setwise.models.model.Model`, a module from a `SetBatch` to outputs whose whole state
    is its tensors and its specification: whoever saves, predicts, explains or exports it knows nothing of the family.

    Functions are named by their places, ``module:name``, so that torch is imported where a model is built.

    Attributes:
        spec: class of its specifications, with a field for each choice.
        network: the function ``(spec, *, device, dtype) -> Model`` that builds a model, its weights drawn from torch's
            random generator. Tensors whose shapes follow from the training sets are uninitialised buffers
            (`torch.nn.parameter.UninitializedBuffer`); loading gives them their shapes.
        models: its models by name.
        fitting: choices that fits make where nobody does, for outputs per set, beside those of the `Preset`.
        implied: choices that the family does not have, but by one value that may be named.
        space: values that a search tries, by choice.
        fitter: the function ``(spec, examples, loss, *, seed) -> Model`` that fits a model, all at once, to `Examples`;
            none leaves that to gradients, by the loop of `setwise.fit`.
        members: models that a fit averages where training sets are few and nobody says.
        candidates: models whose weighted mean a model is, cheapest first; none of a family that is fitted itself.
    """

    spec: type[Spec]
    network: str
    models: Mapping[str, Preset]
    fitting: Choices = field(default_factory=dict)
    implied: Choices = field(default_factory=dict)
    space: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    fitter: str | None = None
    members: int = 5
    candidates: tuple[Candidate, ...] = ()

    @property
    def name(self) -> str:
        """Return the word by which a specification names its family."""
        return self.spec.family

    @property
    def is_network(self) -> bool:
        """Return whether its models are fitted by gradients, each by itself."""
        return self.fitter is None and not self.candidates

    def choices(self) -> dict[str, FieldInfo]:
        """Return the fields of the specification that a person may choose, with description, bounds and default."""
        return self.spec.choices()

    def build(self, spec: Spec, *, device: "torch.device | None" = None, dtype: "torch.dtype | None" = None) -> "Model":
        """Build the model that a specification of the family describes."""
        return find(self.network)(spec, device=device, dtype=dtype)

    def fit(self, spec: Spec, examples: Examples, loss: Loss, *, seed: int) -> "Model":
        """Fit a model, all at once; the same arguments give the same bits on the CPU.

        Raises:
            InputError: targets or sets that the family cannot be fitted to, with what to do.
        """
        assert self.fitter is not None, f"{self.name} is fitted by gradients"
        return find(self.fitter)(spec, examples, loss, seed=seed)
