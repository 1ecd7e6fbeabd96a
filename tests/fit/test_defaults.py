"""Defaults are decided where nobody decides."""

import numpy as np
import pytest

from setwise.fit.defaults import settled
from setwise.readers.read import read
from setwise.runs.config import FitConfig
from setwise.store.folds import plan_folds
from setwise.store.shares import FEW, validation_share
from tests.fixtures.training import train


@pytest.mark.parametrize(
    ("num_sets", "depth", "points", "width", "members"),
    [(999, 4, 2, 64, 5), (1000, 10, 4, 128, 1), (2999, 10, 4, 128, 1), (3000, 50, 16, 128, 1)],
)
def test_depth_width_and_members_follow_the_number_of_sets(num_sets, depth, points, width, members):
    open_ended = FitConfig(ensemble=0)
    config, choices = settled(open_ended, "deep-sets++", {"width": 7, "depth": None}, num_sets)
    assert choices == {"width": 7, "depth": depth}
    assert config.ensemble == members
    assert settled(open_ended, "set-transformer++", {}, num_sets)[1] == {"depth": points, "width": width}


def test_what_is_chosen_stays():
    config, choices = settled(FitConfig(ensemble=2), "deep-sets++", {"depth": 6}, 11)
    assert (config.ensemble, choices["depth"]) == (2, 6)
    assert settled(FitConfig(), "deep-sets", {}, 11)[1] == {}


@pytest.mark.parametrize(
    ("asked", "num_sets", "needed", "share"),
    [
        (None, FEW - 1, False, 0.0),
        (None, FEW - 1, True, 0.15),
        (None, FEW, False, 0.15),
        (0.3, 2, False, 0.3),
        (0.0, FEW, True, 0.0),
    ],
)
def test_few_sets_spare_none_to_choose_the_epoch(asked, num_sets, needed, share):
    assert validation_share(asked, num_sets, needed=needed) == share


def test_folds_of_few_sets_have_no_validation_part_unless_asked():
    assert [len(fold.split.validation) for fold in plan_folds(13, folds=2)] == [0, 0]
    assert all(len(fold.split.validation) for fold in plan_folds(13, folds=2, validation=0.3))
    assert all(len(fold.split.validation) for fold in plan_folds(2 * FEW, folds=2))


@pytest.mark.parametrize(("num_sets", "batch"), [(2, 4), (39, 4), (40, 5), (255, 31), (256, 32), (9999, 32)])
def test_few_sets_come_in_small_batches(num_sets, batch):
    assert settled(FitConfig(batch_size=0), "deep-sets", {}, num_sets)[0].batch_size == batch
    assert settled(FitConfig(batch_size=7), "deep-sets", {}, num_sets)[0].batch_size == 7


def test_a_run_says_what_was_decided():
    store = read([np.full((3, 2), float(i)) for i in range(11)], sets={"y": np.arange(11.0)})
    run = train(store, targets="y", model_choices={"width": 4}, config=FitConfig(epochs=1, ensemble=0), baselines=False)
    assert run.record.spec["depth"] == 4
    assert run.record.config.ensemble == len(run.record.members) == 5


def test_sums_of_sub_samples_are_refused_only_where_sets_are_sub_sampled():
    store = read([np.full((3, 2), float(i)) for i in range(11)], sets={"y": np.arange(11.0)})
    asked = {"targets": "y", "model_choices": {"depth": 2, "width": 4, "pool": "sum"}, "baselines": False}
    train(store, config=FitConfig(epochs=1, max_elements=3), **asked)
    with pytest.raises(ValueError, match=r"cannot go together for sets of up to 3 elements"):
        train(store, config=FitConfig(epochs=1, max_elements=2), **asked)
