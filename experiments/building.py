"""Build the model of a row, and the controls that the paper lacks."""

import torch
from torch import Tensor, nn

from experiments.rows import Row
from setwise.batch import SetBatch
from setwise.fit.loop import seeded
from setwise.layers import FeedForwardBlock, MLPDecoder, ResidualBlock, SetNorm
from setwise.models import ElementModel, SetModel, build_from_spec, make_spec
from setwise.models.families import family_of_model
from setwise.ops import set_mean
from setwise.tasks import ElementLogits, Task

_EPS = 1e-5


def build_row(row: Row, task: Task, *, in_features: int, seed: int) -> nn.Module:
    """Build the model of a row for a task; its first weights are a function of the seed alone.

    Args:
        row: a row with a model.
        task: says outputs, pooling and kind of elements.
        in_features: features of an element (columns of categories, channels of images).
        seed: of the first weights.
    """
    assert row.model is not None
    numbers = 0
    if row.variant == "carried":
        norms = [m for m in _built(row, task, in_features, seed, covariates=0).encoder.modules() if _is_set_norm(m)]
        numbers = 2 * len(norms)
    model = _built(row, task, in_features, seed, covariates=numbers)
    with seeded(seed + 1_000):
        if row.variant == "he":
            initialise_as_he(model)
        elif row.variant == "zero":
            zero_last_layers(model)
        if isinstance(model, ElementModel):
            return ElementLogits(model)
        return CarriedNumbers(model) if row.variant == "carried" else model


def initialise_as_he(model: nn.Module) -> None:
    """Initialise linear layers before a ReLU as He and others, with zero biases; leave others as they are.

    Source: He et al. 2015, arXiv 1502.01852, equation 10.
    """
    for module in model.modules():
        if isinstance(module, FeedForwardBlock):
            _he(module.linear)
        elif isinstance(module, MLPDecoder):
            for layer in list(module.layers)[:-1]:
                _he(layer)


def zero_last_layers(model: nn.Module) -> None:
    """Set the last linear layer of every residual block to zero, so that the block begins as the identity."""
    for module in model.modules():
        if isinstance(module, ResidualBlock):
            nn.init.zeros_(module.linear2.weight)
            if module.linear2.bias is not None:
                nn.init.zeros_(module.linear2.bias)


class CarriedNumbers(nn.Module):
    """A model whose set norms hand the two numbers that they remove to the decoder; invariant.

    Before each set norm of the encoder the mean and the logarithm of the standard deviation of each set are kept, and
    all of them enter the decoder as covariates.

    Shapes: as the model's, which must have been built for two covariates per set norm.

    Args:
        model: with set norms in its encoder.
    """

    def __init__(self, model: SetModel):
        super().__init__()
        self.spec, self.model = model.spec, model
        self._numbers: list[Tensor] = []
        for module in model.encoder.modules():
            if _is_set_norm(module):
                module.register_forward_pre_hook(self._keep)

    def forward(self, batch: SetBatch) -> Tensor:
        self._numbers.clear()
        pooled = self.model.pooling(self.model.encoder(batch))
        return self.model.decoder(pooled, torch.cat(self._numbers, 1))

    def _keep(self, norm: nn.Module, arguments: tuple[SetBatch]) -> None:  # noqa: ARG002 - as torch calls hooks
        (batch,) = arguments
        self._numbers.append(removed_numbers(batch))


def removed_numbers(batch: SetBatch) -> Tensor:
    """Return the numbers that set norm removes from each set, ``(B, 2)``: mean and log standard deviation."""
    x = batch.elements
    mean = set_mean(x.mean(1), batch.layout)
    centred = x - mean[batch.layout.set_index, None]
    variance = set_mean(centred.square().mean(1), batch.layout)
    return torch.stack([mean, 0.5 * (variance + _EPS).log()], 1)


def _built(row: Row, task: Task, in_features: int, seed: int, *, covariates: int) -> SetModel | ElementModel:
    assert row.model is not None
    output = "which-element" if task.kind == "anomaly" else "sets"
    pool = task.pool if "pool" in family_of_model(row.model).choices() and output == "sets" else None
    spec = make_spec(
        row.model,
        in_features,
        task.out_features,
        **row.choices,
        pool=pool,
        elements=task.elements,
        categories=task.categories,
        covariates=covariates,
        output=output,
    )
    with seeded(seed):
        model = build_from_spec(spec)
    assert isinstance(model, SetModel | ElementModel)
    return model


def _is_set_norm(module: nn.Module) -> bool:
    return isinstance(module, SetNorm)


def _he(layer: nn.Module) -> None:
    if isinstance(layer, nn.Linear):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
