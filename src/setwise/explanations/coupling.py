"""Ties between the elements of a set in an encoder."""

from torch import nn

from setwise.layers.containers import ties_of


def coupling(encoder: nn.Module) -> str | None:
    """Return what ties the elements of a set to each other in an encoder in evaluation mode, in words, or none.

    Where nothing does, the encoding of an element is the same whatever other elements there are, so that leaving one
    out changes the pooling alone.

    Args:
        encoder: maps a `SetBatch` to one with the same layout.

    Raises:
        TypeError: a layer that does not say.

    Example:
        >>> from setwise.models import build
        >>> coupling(build("deep-sets", in_features=2, out_features=1, depth=2, width=8).encoder)
        >>> coupling(build("deep-sets++", in_features=2, out_features=1, depth=2, width=8).encoder)
        'set norm'
    """
    return " and ".join(ties_of(encoder)) or None
