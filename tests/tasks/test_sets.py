import numpy as np
import pytest
import torch

from setwise._checks import InputError
from setwise.tasks import FreshDraws, TaskSets


def test_batches_of_unequal_sets_are_those_sets():
    sizes = np.array([3, 1, 5, 2])
    sets = TaskSets.of(torch.arange(11.0)[:, None], torch.zeros(4, 1), sizes=sizes)
    batch = sets.batch(torch.tensor([2, 0, 1]))
    assert [x.flatten().tolist() for x in batch.to_list()] == [[4, 5, 6, 7, 8], [0, 1, 2], [3]]
    assert len(sets.first(2).pool) == 4


@pytest.mark.parametrize("sizes", [2, np.array([2, 2, 2])])
def test_members_of_a_pool(sizes):
    pool = torch.tensor([[7], [8], [9]], dtype=torch.uint8)
    sets = TaskSets.of(pool, torch.zeros(3, 1), sizes=sizes, members=np.array([0, 2, 1, 1, 2, 0]), scale=2.0)
    batch = sets.batch(torch.tensor([2, 0]))
    assert batch.elements.flatten().tolist() == [4.5, 3.5, 3.5, 4.5]
    assert batch.elements.dtype == torch.float32
    assert batch.layout.set_size == 2


def test_fresh_draws_are_elements_of_their_own_set_without_repeats():
    sets = TaskSets.of(torch.arange(35.0)[:, None], torch.zeros(5, 1), sizes=7)
    fresh, generator = FreshDraws(sets, 3), torch.Generator().manual_seed(0)
    first, second = (fresh.batch(torch.tensor([4, 1]), generator) for _ in range(2))
    for batch in (first, second):
        for row, x in zip((4, 1), batch.to_list(), strict=True):
            values = x.flatten().tolist()
            assert len(set(values)) == 3
            assert all(7 * row <= value < 7 * row + 7 for value in values)
    assert not torch.equal(first.elements, second.elements)


@pytest.mark.parametrize("sizes", [3, np.array([1, 2]), np.array([0, 4]), np.array([2, 3])])
def test_refuses_numbers_that_do_not_add_up(sizes):
    with pytest.raises(InputError):
        TaskSets.of(torch.zeros(4, 1), torch.zeros(2, 1), sizes=sizes)
