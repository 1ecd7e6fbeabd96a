"""Small batches compute with one thread, and the number of threads comes back."""

import pytest
import torch

from setwise.fit.threads import threads_for


@pytest.fixture(autouse=True)
def _two_threads():
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize(("numbers", "expected"), [(1000, 1), (10**6, 2)])
def test_threads_fit_the_work(numbers, expected):
    with threads_for(numbers):
        assert torch.get_num_threads() == expected
    assert torch.get_num_threads() == 2


def test_threads_come_back_after_an_error():
    with pytest.raises(KeyError), threads_for(1):
        raise KeyError
    assert torch.get_num_threads() == 2
