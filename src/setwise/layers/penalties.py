"""Let layers add to the loss: terms that are collected while a model computes, and no state in the layers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import Tensor

Term = Callable[[], Tensor]
_collecting: list[list[Term]] = []


@contextmanager
def collected() -> Iterator[list[Term]]:
    """Collect the terms that layers add to the loss inside the block; each is called after it, for a scalar.

    Terms are called after the block, so that recomputing activations does not compute them a second time.

    Example:
        >>> import torch
        >>> with collected() as terms:
        ...     add(lambda: torch.tensor(2.0))
        >>> sum(term() for term in terms)
        tensor(2.)
    """
    terms: list[Term] = []
    _collecting.append(terms)
    try:
        yield terms
    finally:
        _collecting.pop()


def add(term: Term) -> None:
    """Add a term to the loss of the batch that is computed, where somebody collects them.

    Args:
        term: gives a scalar, a mean over the sets of the batch, of what ``forward`` has computed.
    """
    if _collecting:
        _collecting[-1].append(term)
