import numpy as np
import pytest
from sklearn.datasets import load_digits

from setwise._checks import InputError
from setwise.tasks import digit_sets


@pytest.fixture(scope="module")
def drawn():
    return digit_sets(train=97, validation=13, test=31, seed=5)


def test_targets_are_the_population_variance_of_the_digits(drawn):
    images, labels = load_digits(return_X_y=True)
    ids = np.asarray(drawn.elements["set_id"])
    numbers = drawn.digits["image"].to_numpy()
    pixels = np.stack([drawn.elements[f"pixel_{i // 8}_{i % 8}"].to_numpy() for i in range(64)], 1)
    assert np.array_equal(pixels, images[numbers].astype(np.float32))
    for name, variance in zip(drawn.sets["set_id"].to_pylist(), drawn.sets["variance"].to_pylist(), strict=True):
        of_set = labels[numbers[ids == name]].astype(float)
        assert variance == pytest.approx(((of_set - of_set.mean()) ** 2).mean())


def test_no_image_is_in_two_parts_nor_twice_in_a_set(drawn):
    split = dict(zip(drawn.sets["set_id"].to_pylist(), drawn.sets["split"].to_pylist(), strict=True))
    parts: dict[str, set[int]] = {"train": set(), "validation": set(), "test": set()}
    seen: set[tuple[str, int]] = set()
    for name, image in zip(drawn.digits["set_id"].to_pylist(), drawn.digits["image"].to_pylist(), strict=True):
        parts[split[name]].add(image)
        assert (name, image) not in seen
        seen.add((name, image))
    assert all(parts.values())
    assert sum(map(len, parts.values())) == len(set.union(*parts.values()))


def test_sizes_lie_in_the_range_and_reach_both_ends(drawn):
    _, counts = np.unique(np.asarray(drawn.elements["set_id"]), return_counts=True)
    assert set(counts.tolist()) == {6, 7, 8, 9, 10}


def test_the_seed_decides_everything():
    first, again, other = (digit_sets(train=7, test=3, seed=seed) for seed in (1, 1, 2))
    assert first.elements.equals(again.elements)
    assert first.sets.equals(again.sets)
    assert not first.sets.equals(other.sets)


@pytest.mark.parametrize("choices", [{"train": 0, "test": 1}, {"train": 1, "test": 1, "sizes": (3, 2)}])
def test_refuses_no_sets_and_impossible_sizes(choices):
    with pytest.raises(InputError):
        digit_sets(**choices)
