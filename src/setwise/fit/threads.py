"""Choose the number of threads of a fit."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

_ONE_THREAD_BELOW = 1 << 17  # numbers in a layer's activations; docs/log.md


@contextmanager
def threads_for(numbers: int) -> Iterator[None]:
    """Compute with one thread inside the block where a layer's work is too small to share.

    Threads wait for each other after every operation. On a busy machine that costs up to a hundred times the work of a
    small batch; on an idle one a single thread loses little.

    Args:
        numbers: in the activations of one layer for one batch.
    """
    threads = torch.get_num_threads()
    if numbers >= _ONE_THREAD_BELOW or threads == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
