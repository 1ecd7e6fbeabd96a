"""A model on one set of any size: each layer as a few sweeps over the set's rows."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from setwise._checks import check_positive
from setwise.batch import SetBatch, SetLayout
from setwise.layers import (
    CategoryEncoder,
    Elementwise,
    FeedForwardBlock,
    ImageEncoder,
    InducedSetAttentionBlock,
    MultiheadAttentionBlock,
    Normalisation,
    Pooling,
    PoolingByAttention,
    ResidualBlock,
)
from setwise.models.element_model import ElementModel
from setwise.models.model import SetModel
from setwise.ops import set_attention
from setwise.streaming.folds import Attention, Maximum, Total
from setwise.streaming.rows import Function, Rows, Source, Sweeper

_NUMBERS = 1 << 20  # in the activations of a chunk: 4 MiB in float32, which caches hold
_IMAGE = 16  # activations of an image, in images
_STD_EPS = 1e-5  # of the pooling


def stream(
    model: SetModel | ElementModel,
    source: Source,
    covariates: Tensor | None = None,
    *,
    chunk: int | None = None,
    memory_limit: int | None = None,
    on_rows: Callable[[int], None] | None = None,
) -> Tensor:
    """What a model in evaluation mode gives for one set, ``(1, K)``, exact, in the memory of one layer's activations.

    Of a model with outputs per element it is ``(n, K)``, on the CPU, which must fit memory.

    The same as ``model`` on a batch of this set alone, to rounding; statistics and softmaxes are merged in float64.
    The activations ``(n, W)`` of one layer are held once, in memory or in a scratch file, and replaced in place.

    Args:
        model: of `setwise.models`, anywhere; its mode is restored.
        source: the elements, ready for the model, on the host.
        covariates: ``(1, C)`` of the set, or none.
        chunk: elements at a time; by default what caches hold.
        memory_limit: bytes of activations in memory; more go to a scratch file. By default, what is free.
        on_rows: told, after each chunk, how many rows were gone through; `count_sweeps` times n in all.

    Raises:
        InputError: elements or covariates do not fit the model; the scratch file does not fit the disk.
        TypeError: a layer that nobody taught to stream.
    """
    first = source.read(0, 1)
    numbers = max(model.spec.width, first.numel() * (_IMAGE if model.spec.elements == "images" else 1))
    chunk = max(1, _NUMBERS // numbers) if chunk is None else chunk
    check_positive(chunk=chunk)
    device = next(model.parameters()).device
    training = model.training
    model.eval()
    sweeper = Sweeper(len(source), chunk, device, memory_limit, on_rows)
    try:
        with torch.no_grad():
            model.check(SetBatch(first, SetLayout.uniform(1, 1), covariates))
            rows = Rows(sweeper, source=source)
            if isinstance(model, ElementModel):
                return _elements(model, rows, covariates)
            encoded = _apply(model.encoder, rows)
            pooled = _apply(model.pooling, encoded)
            return model.decoder(pooled, None if covariates is None else covariates.to(device))
    finally:
        sweeper.close()
        model.train(training)


def count_sweeps(model: SetModel | ElementModel, source: Source, covariates: Tensor | None = None) -> int:
    """How often `stream` goes through all rows: counted on the first elements of the set."""
    few = _Beginning(source)
    seen = [0]

    def count(rows: int) -> None:
        seen[0] += rows

    stream(model, few, covariates, on_rows=count)
    return seen[0] // len(few)


def _elements(model: ElementModel, rows: Rows, covariates: Tensor | None) -> Tensor:
    """Outputs of every element ``(n, K)``."""
    if covariates is not None:
        own = covariates.to(rows.sweeper.device)
        rows = rows.map(lambda x: torch.cat([x, own.to(x.dtype).expand(len(x), -1)], 1))
    outputs: list[Tensor] = []
    found = _apply(model.head, _apply(model.encoder, rows))
    assert isinstance(found, Rows)
    found.sweep(lambda x: outputs.append(x.cpu()))
    logits = torch.cat(outputs)
    return logits.log_softmax(0) if model.spec.output == "which-element" else logits


class _Beginning:
    def __init__(self, source: Source):
        self._source = source

    def __len__(self) -> int:
        return min(3, len(self._source))

    def read(self, start: int, stop: int) -> Tensor:
        return self._source.read(start, stop)


def _apply(module: nn.Module, value: Rows | SetBatch | Tensor) -> Rows | SetBatch | Tensor:
    """A module on rows, or on what is left of a set after its pooling."""
    if isinstance(module, nn.Sequential):
        for layer in module:
            value = _apply(layer, value)
        return value
    if not isinstance(value, Rows):
        return module(value)
    match module:
        case nn.Identity():
            return value
        case Elementwise():
            return value.map(module.module)
        case Normalisation():
            return value.map(_norm(module, value.kept()))
        case CategoryEncoder() | ImageEncoder():
            return value.map(_rowwise(module))
        case FeedForwardBlock():
            hidden = value.map(module.linear).kept()
            norm = _norm(module.norm, hidden)
            return hidden.map(lambda x: norm(x).relu())
        case ResidualBlock():
            return _residual_block(module, value.kept())
        case InducedSetAttentionBlock():
            summary = _gather(module.gather, module.inducing(1), value.kept())
            return _spread(module.spread, value, summary)
        case PoolingByAttention():
            return _gather(module.block, module.seeds(1), value)
        case Pooling():
            return _pool(module.pool, value).unsqueeze(0)
        case _:
            raise TypeError(
                f"sets this large need layers that stream; {type(module).__name__} does not. Use sub-samples."
            )


def _residual_block(block: ResidualBlock, x: Rows) -> Rows:
    """Two sweeps: statistics of both norms; the first also stores the block before."""
    if block.path == "non-clean":
        norm1 = _norm(block.norm1, x.map(block.linear1))

        def inner(rows: Tensor) -> Tensor:
            return block.linear2(norm1(block.linear1(rows)).relu())

        norm2 = _norm(block.norm2, x.map(inner))
        return x.map(lambda rows: (rows + norm2(inner(rows))).relu())
    norm1 = _norm(block.norm1, x)

    def inner(rows: Tensor) -> Tensor:
        return block.linear1(norm1(rows).relu())

    norm2 = _norm(block.norm2, x.map(inner))
    residual = _residual(block.residual, x)
    return x.map(lambda rows: residual(rows) + block.linear2(norm2(inner(rows)).relu()))


def _gather(block: MultiheadAttentionBlock, queries: SetBatch, keys: Rows) -> SetBatch:
    """A few queries, the same for every set, attend to all rows."""
    norm = _norm(block.norm_keys, keys)
    q = block.queries(block.norm_queries(queries).elements)
    attention = Attention(q, heads=block.heads, scale=q.shape[1] ** -0.5)

    def visit(rows: Tensor) -> None:
        rows = norm(rows)
        attention.add(block.keys(rows), block.values(rows))

    keys.sweep(visit)
    return block.combine(queries, q, attention.result())


def _spread(block: MultiheadAttentionBlock, x: Rows, keys: SetBatch) -> Rows:
    """Every row attends to a few keys."""
    normed = block.norm_keys(keys).elements
    k, v = block.keys(normed), block.values(normed)
    norm = _norm(block.norm_queries, x)

    def project(rows: Tensor) -> Tensor:
        return block.queries(norm(rows))

    def attend(q: Tensor) -> Tensor:
        layout = SetLayout.uniform(1, len(q), q.device)
        return set_attention(q, k, v, layout, keys.layout, heads=block.heads, scale=q.shape[1] ** -0.5)

    def attended(rows: Tensor) -> Tensor:
        q = project(rows)
        return q + attend(q)

    if block.path == "non-clean":
        o = x.map(attended).kept()
        norm1 = _norm(block.norm1, o)

        def forward(rows: Tensor) -> Tensor:
            rows = norm1(rows)
            return rows + block.linear(rows).relu()

        h = o.map(forward).kept()
        return h.map(_norm(block.norm2, h))
    residual = _residual(block.residual, x)
    o = x.map(lambda rows: residual(rows) + attend(project(rows))).kept()
    norm1, residual1 = _norm(block.norm1, o), _residual(block.residual, o)
    return o.map(lambda rows: residual1(rows) + block.linear(norm1(rows)).relu())


def _norm(module: nn.Module, x: Rows) -> Function:
    """What a norm does to each row, once its statistics are known."""
    if isinstance(module, nn.Identity):
        return _same
    assert isinstance(module, Normalisation)
    if module.running or module.statistics == "BS":
        return _rowwise(module)
    moments = x.moments(per_feature="D" in module.statistics)
    # The mean in two parts, the rounded one subtracted first: exact however far the rows lie from zero.
    dtype = torch.float64 if module.weight.dtype == torch.float64 else torch.float32
    mean, scale = moments.mean.to(dtype), module.weight.double() * (moments.variance + module.eps).rsqrt()
    shift = (module.bias.double() - (moments.mean - mean.double()) * scale).to(dtype)
    scale = scale.to(dtype)
    return lambda rows: torch.addcmul(shift, rows - mean, scale).to(rows.dtype)


def _residual(residual: str, x: Rows) -> Function:
    """What a residual connection adds to each row: itself, or what the set aggregates to."""
    if residual == "equivariant":
        return _same
    pooled = _pool(residual, x)
    return lambda _: pooled


def _pool(pool: str, x: Rows) -> Tensor:
    """``(W,)``, all rows pooled."""
    if pool == "max":
        maximum = Maximum()
        x.sweep(maximum.add)
        assert maximum.largest is not None
        return maximum.largest
    if pool == "std":
        moments = x.moments(per_feature=True)
        return (moments.variance + _STD_EPS).sqrt().to(moments.dtype)
    total = Total()
    x.sweep(total.add)
    return (total.sum if pool == "sum" else total.sum / total.count).to(total.dtype)


def _rowwise(module: nn.Module) -> Function:
    """A layer that treats each element by itself, on rows."""
    return lambda rows: module(SetBatch(rows, SetLayout.uniform(1, len(rows), rows.device))).elements


def _same(rows: Tensor) -> Tensor:
    return rows
