"""Choose the number of threads of a fit."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from setwise.models import Spec
from setwise.models.families import family_of
from setwise.runs.config import FitConfig

_ONE_THREAD_BELOW = 1 << 17  # numbers in a layer's activations; docs/log.md
_SETS_BELOW = 1 << 12  # sets that a family fits itself to, a row of a table each


@contextmanager
def threads_for(config: FitConfig, spec: Spec, sizes: np.ndarray) -> Iterator[None]:
    """Compute with one thread inside the block where a layer's work for a batch is too small to share.

    Threads wait for each other after every operation, those of torch and those of the libraries that fit tables. On a
    busy machine that costs up to a hundred times the work of a small batch; on an idle one a single thread loses
    little.

    Args:
        config: of the fit.
        spec: of the model.
        sizes: of the training sets.
    """
    if _is_small(config, spec, sizes):
        with one_thread():
            yield
    else:
        yield


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one thread inside the block, of torch and of all libraries."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(threads)


def _is_small(config: FitConfig, spec: Spec, sizes: np.ndarray) -> bool:
    if family_of(spec).fitter is not None:
        return len(sizes) < _SETS_BELOW
    return _elements_of_a_batch(config, sizes) * spec.hidden < _ONE_THREAD_BELOW


def _elements_of_a_batch(config: FitConfig, sizes: np.ndarray) -> int:
    if config.elements_per_batch is not None:
        return config.elements_per_batch
    largest = sizes.max() if config.max_elements is None else config.max_elements
    return int(np.minimum(sizes, largest).mean() * config.batch_size)
