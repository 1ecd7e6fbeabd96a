import numpy as np
import pytest
import torch

from setwise._checks import InputError
from setwise.tasks import TASKS, Extent, get_task

EXTENT = Extent(train=211, test=53, elements=31)


def _sets(part):
    batch = part.batch(torch.arange(len(part)))
    return batch.elements.view(len(part), part.set_size, -1).double().numpy()


def test_normal_var_has_the_paper_s_ranges_and_population_variances():
    data = get_task("normal-var").load(None, EXTENT)
    x = _sets(data.train)
    assert x.shape == (211, 31, 1)
    assert np.allclose(x.var((1, 2)), data.train.targets[:, 0], rtol=1e-4, atol=1e-5)
    means = x.mean((1, 2))
    assert -12 < means.min() < -8
    assert 8 < means.max() < 12
    assert 4 < float(data.train.targets.mean()) < 6


def test_normal_var_in_many_dimensions_has_a_far_test_part():
    data = get_task("normal-var-ood").load(None, EXTENT)
    near, far = (_sets(data.tests[name]) for name in ("test", "out of distribution"))
    assert abs(near.mean(1)).max() < 14
    assert 25 < abs(far.mean(1)).max() < 35
    for name, x in (("test", near), ("out of distribution", far)):
        assert np.allclose(x.std(1).mean(1) ** 2, data.tests[name].targets[:, 0], rtol=1e-4)


@pytest.mark.parametrize(("name", "weight"), [("weighted-average-real", 0.001), ("weighted-average-one-hot", 1.0)])
def test_weighted_averages(name, weight):
    data = get_task(name).load(None, EXTENT)
    x = _sets(data.train)
    assert np.allclose(x.mean(1) @ (np.arange(100) * weight), data.train.targets[:, 0], rtol=1e-4, atol=1e-5)
    if weight == 1.0:
        assert set(np.unique(x)) == {0.0, 1.0}
        assert (x.sum(2) == 1).all()


@pytest.mark.parametrize("name", [name for name, task in TASKS.items() if task.source is None])
def test_made_tasks_are_the_same_each_time_and_share_no_set(name):
    first, second = (get_task(name).load(None, EXTENT) for _ in range(2))
    assert torch.equal(first.train.pool, second.train.pool)
    train = {x.numpy().tobytes() for x in first.train.batch(torch.arange(len(first.train))).to_list()}
    test = {x.numpy().tobytes() for x in first.tests["test"].batch(torch.arange(53)).to_list()}
    assert not train & test


_REDRAWN = {"hematocrit", "hematocrit-categorical", "point-cloud"}


def test_which_tasks_redraw():
    assert {name for name, task in TASKS.items() if task.redraws} == _REDRAWN


@pytest.mark.parametrize("name", sorted(TASKS.keys() - _REDRAWN))
def test_fresh_elements_are_refused_where_a_set_has_no_others(name, tmp_path):
    with pytest.raises(InputError, match=f"{name} does not"):
        get_task(name).load(tmp_path, Extent(train=7, test=5, elements=6, fresh=True))


def test_digits_have_targets_of_their_own_sets():
    data = get_task("digits-var").load(None, Extent(train=97, test=31))
    assert (len(data.train), len(data.tests["test"])) == (97, 31)
    assert set(data.train.sizes.tolist()) == {6, 7, 8, 9, 10}
    assert data.train.shape == (64,)
