"""Whether an encoder treats elements alone, or lets the rest of the set change how it sees one of them."""

from torch import nn

from setwise.layers import (
    CategoryEncoder,
    Elementwise,
    FeedForwardBlock,
    ImageEncoder,
    InducedSetAttentionBlock,
    Normalisation,
    ResidualBlock,
    SetAttentionBlock,
)


def coupling(encoder: nn.Module) -> str | None:
    """What ties the elements of a set to each other in an encoder in evaluation mode, in words, or none.

    Where nothing does, the encoding of an element is the same whatever other elements there are, so that leaving one
    out changes the pooling alone. A layer that is not known counts as a tie.

    Args:
        encoder: maps a `SetBatch` to one with the same layout.

    Example:
        >>> from setwise.models import build
        >>> coupling(build("deep-sets", in_features=2, out_features=1, depth=2, width=8).encoder)
        >>> coupling(build("deep-sets++", in_features=2, out_features=1, depth=2, width=8).encoder)
        'set norm'
    """
    ties: list[str] = []
    for layer in encoder if isinstance(encoder, nn.Sequential) else [encoder]:
        ties += _ties(layer)
    return " and ".join(dict.fromkeys(ties)) or None


def _ties(layer: nn.Module) -> list[str]:
    match layer:
        case nn.Identity() | Elementwise() | CategoryEncoder() | ImageEncoder():
            return []
        case Normalisation():
            if layer.statistics == "BS" or layer.running:
                return []
            return ["set norm" if layer.statistics == "B" else "statistics of the batch"]
        case FeedForwardBlock():
            return _ties(layer.norm)
        case ResidualBlock():
            residual = [] if layer.residual == "equivariant" else ["aggregated residuals"]
            return [*_ties(layer.norm1), *_ties(layer.norm2), *residual]
        case InducedSetAttentionBlock() | SetAttentionBlock():
            return ["attention between elements"]
        case _:
            return [type(layer).__name__]
