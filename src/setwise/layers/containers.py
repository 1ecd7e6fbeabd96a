"""Layers one after the other: what a container of layers streams, ties together and pools.

`nn.Sequential` and `nn.Identity` are known here, and nowhere else; other modules that are no `SetLayer` are refused by
their names.
"""

from torch import Tensor, nn

from setwise.batch import SetBatch
from setwise.layers.layer import SetLayer, SetPooling, Streamed, cannot_stream, does_not_say
from setwise.streaming.rows import Rows


def stream_layers(module: nn.Module, value: Streamed) -> Streamed:
    """Stream rows through a module; what is left of a set after its pooling is computed as a batch.

    Raises:
        TypeError: a layer that does not stream.
    """
    if isinstance(module, nn.Sequential):
        for layer in module:
            value = stream_layers(layer, value)
        return value
    if not isinstance(value, Rows):
        return module(value)
    if isinstance(module, nn.Identity):
        return value
    if isinstance(module, SetLayer):
        return module.stream(value)
    raise cannot_stream(module)


def ties_of(module: nn.Module) -> tuple[str, ...]:
    """Return what ties the elements of a set together in a module in evaluation mode, each once, in words.

    Raises:
        TypeError: a layer that does not say.
    """
    if isinstance(module, nn.Sequential):
        return tuple(dict.fromkeys(tie for layer in module for tie in ties_of(layer)))
    if isinstance(module, nn.Identity):
        return ()
    if isinstance(module, SetLayer):
        return module.ties()
    raise does_not_say(module, "what ties elements of a set together", "ties")


def pooled_without(pooling: nn.Module, encoded: Tensor, rows: Tensor) -> Tensor | SetBatch:
    """Return what a pooling gives for one set without each of some elements; as `SetPooling.without_each`.

    Raises:
        TypeError: a pooling that does not say.
    """
    first, rest = _taken_apart(pooling)
    if not isinstance(first, SetPooling):
        raise TypeError(f"leaving one out of {type(first).__name__} is not known; recompute (--exact-limit).")
    return rest(first.without_each(encoded, rows))


def grows_with_size(pooling: nn.Module) -> bool:
    """Return whether what is pooled grows with the number of elements.

    Raises:
        TypeError: a pooling that does not say.
    """
    first, _ = _taken_apart(pooling)
    if isinstance(first, SetPooling):
        return first.grows_with_size()
    raise does_not_say(first, "whether a pooling grows with the size of a set", "grows_with_size")


def seeded_pooling(pooling: nn.Module) -> SetPooling | None:
    """Return the part of a pooling whose learned seeds attend to the elements, or none."""
    first, _ = _taken_apart(pooling)
    return first if isinstance(first, SetPooling) and first.has_seeds else None


def _taken_apart(pooling: nn.Module) -> tuple[nn.Module, nn.Module]:
    """Return the pooling itself, and what follows it on the pooled sets."""
    if isinstance(pooling, nn.Sequential):
        return pooling[0], pooling[1:]
    return pooling, nn.Identity()
