"""Small batches compute with one thread, and the number of threads comes back."""

import numpy as np
import pytest
import torch

from setwise.fit.threads import threads_for
from setwise.models import make_spec
from setwise.runs.config import FitConfig

SPEC = make_spec("deep-sets++", 3, 1, depth=2, width=128)


@pytest.fixture(autouse=True)
def _two_threads():
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize(("size", "expected"), [(7, 1), (700, 2)])
def test_threads_fit_the_work(size, expected):
    with threads_for(FitConfig(batch_size=32), SPEC, np.full(40, size)):
        assert torch.get_num_threads() == expected
    assert torch.get_num_threads() == 2


def test_elements_that_are_left_out_are_no_work():
    with threads_for(FitConfig(batch_size=32, max_elements=7), SPEC, np.full(40, 700)):
        assert torch.get_num_threads() == 1


def test_threads_come_back_after_an_error():
    with pytest.raises(KeyError), threads_for(FitConfig(), SPEC, np.array([1])):
        raise KeyError
    assert torch.get_num_threads() == 2
