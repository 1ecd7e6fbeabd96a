"""Standardisation: against NumPy in float64."""

import numpy as np
import pyarrow as pa
import pytest
import torch

from setwise import SetBatch
from setwise._checks import InputError
from setwise.prepare.standardiser import Standardiser
from setwise.readers.read import read
from setwise.store.store import SetStore


def make(offset=0.0, sizes=(1, 7, 1009), width=3, seed=0):
    generator = np.random.default_rng(seed)
    return [(offset + generator.normal(size=(n, width)) * [1, 50, 0.01]).astype(np.float32) for n in sizes]


@pytest.mark.parametrize("offset", [0.0, 100.0, 1e4])
def test_mean_and_std_of_the_chosen_sets(monkeypatch, offset):
    monkeypatch.setattr("setwise.prepare.standardiser._CHUNK", 101)
    arrays = make(offset)
    fitted = Standardiser.fit(read(arrays), [0, 2])
    expected = np.concatenate([arrays[0], arrays[2]]).astype(np.float64)
    np.testing.assert_allclose(fitted.mean, expected.mean(0), rtol=1e-12)
    np.testing.assert_allclose(fitted.std, expected.std(0), rtol=1e-9)


def test_standardised_elements():
    arrays = make(30.0)
    store = read(arrays)
    batch = Standardiser.fit(store, range(3)).apply(store.batch([0, 1, 2]))
    assert batch.elements.dtype == torch.float32
    np.testing.assert_allclose(batch.elements.mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(batch.elements.std(0), 1, atol=1e-2)
    assert store.elements(0)[0, 0] == arrays[0][0, 0]


def test_a_constant_feature_keeps_its_scale():
    fitted = Standardiser.fit(read([np.array([[0.1, 1.0], [0.1, 2.0], [0.1, 6.0]])]), [0])
    assert fitted.std[0] == 1.0
    assert fitted.mean[0] == pytest.approx(0.1)


def test_images_share_one_scale():
    images = [np.random.default_rng(0).integers(0, 255, (5, 2, 3), dtype=np.uint8)]
    store = read(images)
    fitted = Standardiser.fit(store, [0])
    assert fitted.mean == pytest.approx((images[0].mean(),))
    out = fitted.apply(store.batch([0])).elements
    assert out.shape == (5, 2, 3)
    assert out.std(correction=0).item() == pytest.approx(1, abs=1e-5)


def test_saved_and_restored():
    fitted = Standardiser.fit(read(make()), [0, 1])
    assert Standardiser.from_dict(fitted.to_dict()) == fitted


def test_bad_arguments():
    store = SetStore(np.arange(3), [3], pa.table({"set_id": ["a"]}), features=["word"])
    with pytest.raises(InputError, match="categories"):
        Standardiser.fit(store, [0])
    with pytest.raises(InputError, match="at least one set"):
        Standardiser.fit(store, [])
    with pytest.raises(InputError, match="above zero"):
        Standardiser((0.0,), (0.0,))
    with pytest.raises(InputError, match="3 features, as in training"):
        Standardiser((0.0,) * 3, (1.0,) * 3).apply(SetBatch.from_list([np.ones((2, 5))]))
