"""Covariates: numbers and categories, some of them missing."""

import numpy as np
import pytest
import torch

from setwise._checks import InputError
from setwise.prepare.covariates import Covariates
from setwise.readers.read import read
from setwise.runs.config import FitConfig
from tests.fixtures.training import train

AGE = [30.0, 50.0, None, 40.0, 40.0, None, 90.0]
SITE = ["A", "B", "A", "A", "B", None, "C"]


def store_of(**columns):
    count = len(next(iter(columns.values())))
    return read([np.full((i % 3 + 1, 2), float(i)) for i in range(count)], sets=columns)


def test_numbers_are_standardised_and_missing_ones_marked():
    store = store_of(age=AGE, size=[float(i) for i in range(7)])
    found = Covariates.fit(store, ["size", "age"], np.arange(5))
    assert (found.width, found.names) == (3, ("size", "age"))
    features = found.apply(store)
    assert features.dtype == np.float32
    std = float(np.std([30, 50, 40, 40]))
    np.testing.assert_allclose(features[:, 1], [-10 / std, 10 / std, 0, 0, 0, 0, 50 / std], rtol=1e-6)
    np.testing.assert_array_equal(features[:, 2], [0, 0, 1, 0, 0, 1, 0])
    np.testing.assert_allclose(features[:5, 0], (np.arange(5) - 2) / np.sqrt(2), rtol=1e-6)


def test_levels_are_features_and_unknown_ones_are_the_average_set():
    store = store_of(site=SITE)
    found = Covariates.fit(store, ["site"], np.arange(5))
    features = found.apply(store)
    np.testing.assert_allclose(features[:5].mean(0), 0, atol=1e-7)
    np.testing.assert_allclose(features[0], [0.4, -0.4], rtol=1e-6)
    np.testing.assert_array_equal(features[5:], np.zeros((2, 2)))  # missing, and a level that training lacks


def test_missing_levels_are_a_level_where_training_has_some():
    store = store_of(site=SITE)
    found = Covariates.fit(store, ["site"], np.arange(6))
    np.testing.assert_allclose(found.apply(store)[5:], np.array([[-3, -2, 5], [-3, -2, 5]]) / 6, rtol=1e-6)


def test_the_first_format_is_read():
    old = {"names": ["age", "size"], "mean": [40.0, 2.0], "std": [10.0, 1.0]}
    found = Covariates.model_validate(old)
    assert Covariates.model_validate_json(found.model_dump_json()) == found
    values = torch.tensor([[50.0, 4.0]])
    assert found.encode(values).tolist() == [[1.0, 2.0]]


def test_columns_that_cannot_be_covariates_are_refused():
    store = store_of(
        free=list("abcdefg"),
        comma=["1,5", "2"] * 3 + ["1,5"],
        none=[None] * 6 + [1.0],
        far=[1.0, float("inf")] + [2.0] * 5,
    )
    with pytest.raises(InputError, match="'free' is text with 5 different values for 5 sets"):
        Covariates.fit(store, ["free"], np.arange(5))
    with pytest.raises(InputError, match=r"'comma' .* numbers with decimal points; it holds '1,5'"):
        Covariates.fit(store, ["comma"], np.arange(5))
    with pytest.raises(InputError, match="'none' is missing for all training sets"):
        Covariates.fit(store, ["none"], np.arange(5))
    with pytest.raises(InputError, match=r"'far' .* finite value"):
        Covariates.fit(store, ["far"], np.arange(5))


def test_covariates_that_tell_all_are_seen_to(tmp_path):
    draw = np.random.default_rng(0)
    sites = draw.choice(["A", "B", "C"], 61)
    y = (sites == "B") * 10.0 + draw.normal(size=61) * 0.1
    age = [None if i % 5 == 0 else float(i) for i in range(61)]
    store = read([draw.normal(size=(n, 2)) for n in draw.integers(1, 5, 61)], sets={"y": y, "site": sites, "age": age})
    config = FitConfig(epochs=2, batch_size=17)
    choices = {"depth": 2, "width": 8}
    run = train(
        store, targets="y", covariates=["site", "age"], model_choices=choices, config=config, out=tmp_path / "run"
    )
    metrics = {row.name: row.metrics for row in run.record.test}
    assert list(metrics) == ["deep-sets++", "constant", "covariates alone", "ridge", "gradient boosting"]
    assert metrics["covariates alone"]["r2"] > 0.98
    assert run.record.covariates is not None
    assert run.record.spec["covariates"] == run.record.covariates.width == 3 + 2


def test_a_run_is_not_gone_on_with_on_other_covariates(tmp_path):
    def fit(scale, **more):
        store = store_of(y=[float(i) for i in range(31)], age=[scale * (i % 7) for i in range(31)])
        config = FitConfig(epochs=1, device="cpu", ensemble=1)
        choices = {"depth": 2, "width": 8}
        return train(
            store, targets="y", covariates=["age"], model_choices=choices, config=config, out=tmp_path / "run", **more
        )

    fit(1.0)
    fit(1.0, resume=True)
    with pytest.raises(InputError, match="covariates"):
        fit(-3.0, resume=True)
