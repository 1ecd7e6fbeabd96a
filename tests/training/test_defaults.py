"""What is decided where nobody decides."""

import numpy as np
import pytest

from setwise.data import read
from setwise.training import FitConfig, train
from setwise.training.defaults import settled


@pytest.mark.parametrize(
    ("num_sets", "depth", "points", "members"), [(999, 4, 2, 5), (1000, 10, 4, 1), (2999, 10, 4, 1), (3000, 50, 16, 1)]
)
def test_depth_and_members_follow_the_number_of_sets(num_sets, depth, points, members):
    open_ended = FitConfig(ensemble=0)
    config, choices = settled(open_ended, "deep-sets++", {"width": 7}, num_sets)
    assert choices == {"width": 7, "depth": depth}
    assert config.ensemble == members
    assert settled(open_ended, "set-transformer++", {}, num_sets)[1] == {"depth": points}


def test_what_is_chosen_stays():
    config, choices = settled(FitConfig(ensemble=2), "deep-sets++", {"depth": 6}, 11)
    assert (config.ensemble, choices["depth"]) == (2, 6)
    assert settled(FitConfig(), "deep-sets", {}, 11)[1] == {}


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
