"""Batches: every set once, bounded, the same from any step on."""

from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from setwise._checks import InputError
from setwise.readers.read import read
from setwise.store.batching import BatchSampler, SetDataset, make_loader

SIZES = np.array([3, 1, 101, 7, 5, 2, 11, 13, 1])


def rows_of(sampler, epoch):
    return [plan.rows.tolist() for plan in sampler.plan(epoch)]


@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=30),
    limit=st.integers(1, 60),
    most=st.none() | st.integers(1, 50),
    epoch=st.integers(0, 3),
)
@settings(max_examples=100, deadline=None)
def test_bounded_elements(sizes, limit, most, epoch):
    sampler = BatchSampler(
        np.array(sizes), range(len(sizes)), elements_per_batch=limit, max_elements=most, shuffle=True
    )
    batches = rows_of(sampler, epoch)
    assert sorted(row for batch in batches for row in batch) == list(range(len(sizes)))
    kept = np.minimum(sizes, most or max(sizes))
    assert all(kept[batch].sum() <= limit or len(batch) == 1 for batch in batches)


def test_numbers_of_sets():
    sampler = BatchSampler(SIZES, [0, 2, 3, 5, 7], batch_size=2)
    assert rows_of(sampler, 0) == [[0, 2], [3, 5], [7]]
    assert len(sampler) == 3
    assert rows_of(BatchSampler(SIZES, [0, 2, 3, 5, 7], batch_size=2, drop_last=True), 0) == [[0, 2], [3, 5]]
    assert rows_of(BatchSampler(SIZES, [7], batch_size=2, drop_last=True), 0) == [[7]]


def test_epochs_differ_and_repeat():
    sampler = BatchSampler(SIZES, range(9), batch_size=2, shuffle=True, seed=5)
    assert rows_of(sampler, 0) != rows_of(sampler, 1)
    assert rows_of(sampler, 1) == rows_of(BatchSampler(SIZES, range(9), batch_size=2, shuffle=True, seed=5), 1)
    assert rows_of(sampler, 1) != rows_of(BatchSampler(SIZES, range(9), batch_size=2, shuffle=True, seed=7), 1)


def test_sets_of_similar_sizes_share_a_batch():
    sizes = np.exp(np.random.default_rng(0).uniform(0, 6, 2003)).astype(np.int64) + 1

    def spread(sampler):
        plans = rows_of(sampler, 0)
        assert sorted(row for plan in plans for row in plan) == list(range(2003))
        return np.mean([sizes[plan].std() / sizes[plan].mean() for plan in plans]), plans

    shuffled = BatchSampler(sizes, range(2003), elements_per_batch=1009, shuffle=True)
    apart, plans = spread(shuffled)
    in_order, _ = spread(BatchSampler(sizes, range(2003), elements_per_batch=1009))
    assert apart < 0.25 * in_order
    means = np.array([sizes[plan].mean() for plan in plans])  # the batches themselves come in a random order
    assert abs(np.corrcoef(means[:-1], means[1:])[0, 1]) < 0.3
    companions = [{tuple(sorted(plan)) for plan in rows_of(shuffled, epoch)} for epoch in (0, 1)]
    assert len(companions[0] & companions[1]) < 0.2 * len(plans)


@pytest.fixture
def dataset():
    generator = np.random.default_rng(0)
    store = read([generator.normal(size=(n, 2)) for n in SIZES])
    return SetDataset(store, covariates=np.arange(9, dtype=np.float32)[:, None], max_elements=3)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_resumed_epoch_continues_with_the_same_bits(dataset, workers):
    sampler = BatchSampler(SIZES, range(9), elements_per_batch=7, max_elements=3, shuffle=True)
    sampler.set_epoch(3)
    whole = list(make_loader(dataset, sampler))
    sampler.set_epoch(3, start=2)
    rest = list(make_loader(dataset, sampler, workers=workers))
    assert len(sampler) == len(rest) == len(whole) - 2
    for (batch, rows), (expected, same) in zip(rest, whole[2:], strict=True):
        assert rows.tolist() == same.tolist()
        assert torch.equal(batch.elements, expected.elements)
        assert batch.covariates[:, 0].tolist() == rows.tolist()


def test_draws_are_fresh_in_each_epoch(dataset):
    sampler = BatchSampler(SIZES, [2], batch_size=1, max_elements=3)
    draws = []
    for epoch in (0, 1, 0):
        sampler.set_epoch(epoch)
        draws += [batch.elements for batch, _ in make_loader(dataset, sampler)]
    assert torch.equal(draws[0], draws[2])
    assert not torch.equal(draws[0], draws[1])


def test_random_numbers_of_torch_are_left_alone(dataset):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    list(make_loader(dataset, BatchSampler(SIZES, range(9), batch_size=2, shuffle=True), workers=2))
    assert torch.equal(torch.get_rng_state(), before)


def test_bad_arguments(dataset):
    make = partial(BatchSampler, SIZES, range(9))
    for call, message in (
        (make, "batch_size"),
        (partial(make, batch_size=2, elements_per_batch=3), "not both"),
        (partial(make, batch_size=0), "above zero"),
        (partial(make, elements_per_batch=5, max_elements=0), "above zero"),
    ):
        with pytest.raises(InputError, match=message):
            call()
    with pytest.raises(InputError, match="at least one set"):
        BatchSampler(SIZES, [], batch_size=2)
    with pytest.raises(InputError, match="each of the 9 sets"):
        SetDataset(dataset.store, covariates=np.zeros((3, 2), np.float32))
