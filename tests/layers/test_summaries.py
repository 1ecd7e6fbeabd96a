"""Summaries of sets against NumPy, the libraries that fit them, and derivatives of likelihoods."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from sklearn.mixture import GaussianMixture

from setwise._checks import InputError
from setwise.batch import SetBatch
from setwise.layers.layer import SetSummary
from setwise.layers.summaries.axes import Axes
from setwise.layers.summaries.make import make_summary
from setwise.layers.summaries.sample import drawn_elements
from setwise.streaming.rows import Rows, Sweeper
from setwise.variants import SUMMARIES
from tests.fixtures.held import Held

FITTED = tuple(word for word in SUMMARIES if word != "moments")


def sets_of(features=3):
    draw = np.random.default_rng(0)
    return [torch.from_numpy(draw.normal(3, 1 + i, (size, features))) for i, size in enumerate((1, 7, 2, 103))]


def fitted(word: str, sets) -> Any:
    layer = make_summary((word,)).parts[word]
    assert isinstance(layer, SetSummary)
    layer.fit([SetBatch.from_list(sets[:2]), SetBatch.from_list(sets[2:])], seed=5)
    return layer


def summarised(layer, sets):
    return layer(SetBatch.from_list(sets)).numpy()


def standard(layer, x):
    return ((x - layer.axes.centre) @ layer.axes.axes).numpy()


def test_a_codebook_says_what_distances_say():
    sets = sets_of()
    layer = fitted("codebook", sets)
    z = [standard(layer, x) for x in sets]
    assert np.concatenate(z).std(0) == pytest.approx(1)
    found = summarised(layer, sets)
    for own, row in zip(z, found, strict=True):
        far = cdist(own, layer.centres.numpy())
        share = np.bincount(far.argmin(1), minlength=far.shape[1]) / len(far)
        np.testing.assert_allclose(row, np.concatenate([share, far.mean(0), far.min(0)]), atol=1e-12)


def test_inner_products_of_embeddings_are_means_of_a_kernel():
    sets = sets_of(2)
    layer: Any = make_summary(("fourier",)).parts["fourier"]
    layer.count, layer.factors = 20_011, (1.0,)
    layer.fit([SetBatch.from_list(sets)], seed=5)
    found = summarised(layer, sets)
    z = [standard(layer, x) for x in sets]
    together = np.concatenate(z)
    bandwidth = np.median(cdist(together, together)[np.triu_indices(len(together), 1)])
    want = [[np.exp(-(cdist(a, b) ** 2) / 2 / bandwidth**2).mean() for a in z] for b in z]
    np.testing.assert_allclose(found @ found.T / layer.count, want, atol=0.05)


def test_a_fisher_vector_is_the_gradient_of_the_likelihood():
    sets = sets_of()
    layer = fitted("fisher", sets)
    share, means, deviations = layer.probabilities, layer.means.clone(), layer.deviations.clone()
    means.requires_grad_()
    deviations.requires_grad_()
    for x, found in zip(sets, summarised(layer, sets), strict=True):
        z = torch.from_numpy(standard(layer, x))
        component = torch.distributions.Normal(means, deviations).log_prob(z[:, None]).sum(2)
        likelihood = (component + share.log()).logsumexp(1).mean()
        by_mean, by_deviation = torch.autograd.grad(likelihood, (means, deviations))
        u = deviations / share.sqrt()[:, None] * by_mean
        v = deviations / (2 * share).sqrt()[:, None] * by_deviation
        want = torch.cat([u.flatten(), v.flatten()]).detach()
        want = want.sign() * want.abs().sqrt()
        np.testing.assert_allclose(found, want / want.norm(), atol=2e-4)


def test_a_fisher_vector_has_the_mixture_of_the_library():
    sets = sets_of()
    layer = fitted("fisher", sets)
    z = standard(layer, torch.cat(sets))
    library: Any = GaussianMixture
    mixture = library(len(layer.means), covariance_type="diag", reg_covar=1e-3, random_state=5).fit(z)
    np.testing.assert_allclose(layer.means, mixture.means_, atol=1e-6)
    np.testing.assert_allclose(layer.deviations.square(), mixture.covariances_, atol=1e-6)


def test_sliced_quantiles_are_those_of_numpy():
    sets = sets_of()
    layer = fitted("quantiles", sets)
    assert np.linalg.norm(layer.directions, axis=0) == pytest.approx(1)
    shares = (np.arange(layer.quantiles) + 0.5) / layer.quantiles
    for x, found in zip(sets, summarised(layer, sets), strict=True):
        along = standard(layer, x) @ layer.directions.numpy()
        np.testing.assert_allclose(found, np.quantile(along, shares, axis=0).ravel(), atol=1e-12)


def test_correlations_are_those_of_numpy():
    sets = sets_of(5)
    sets[3][:, 2] = sets[3][:, 0] * 3 + 1
    sets[3][:, 4] = 7.0
    layer = fitted("correlations", sets)
    found = summarised(layer, sets)
    with np.errstate(invalid="ignore", divide="ignore"):
        want = [np.nan_to_num(np.corrcoef(x.T.numpy())[np.triu_indices(5, 1)]) for x in sets[1:]]
    np.testing.assert_allclose(found[1:], want, atol=1e-9)
    assert not found[0].any()


@pytest.mark.parametrize("word", FITTED)
@pytest.mark.parametrize("features", [1, 7, 67])
def test_streamed_sets_have_the_same(word, features):
    sets = sets_of(features)
    layer = fitted(word, sets)
    for x in (sets[0], sets[3]):
        for chunk in (1, 10, 1000):
            rows = Rows(Sweeper(len(x), chunk, torch.device("cpu")), source=Held(x))
            torch.testing.assert_close(
                layer.stream(rows), layer(SetBatch.from_list([x])), rtol=1e-9, atol=1e-9, msg=f"{word} {chunk}"
            )


def test_summaries_side_by_side_are_streamed_from_rows_that_are_mapped():
    sets = sets_of(11)
    layer = make_summary(tuple(SUMMARIES)[::-1])
    halves = [SetBatch.from_list([x / 2 for x in sets])]
    layer.fit(halves, seed=0)
    rows = Rows(Sweeper(103, 10, torch.device("cpu")), source=Held(sets[3])).map(lambda x: x / 2)
    torch.testing.assert_close(layer.stream(rows)[0], layer(halves[0])[3], rtol=1e-9, atol=1e-9)
    assert layer.ties() == ()
    assert layer.held(11) == 384


@pytest.mark.parametrize("word", FITTED)
def test_very_many_features_are_reduced_to_principal_axes(word):
    draw = np.random.default_rng(1)
    sets = [torch.from_numpy(draw.normal(size=(n, 2, 25, 17))) for n in (5, 1, 29)]
    layer = fitted(word, sets)
    found = summarised(layer, sets)
    assert found.shape[1] <= 640
    assert np.isfinite(found).all()


def test_principal_axes_keep_the_variance():
    x = np.random.default_rng(2).normal(size=(503, 2)) @ np.random.default_rng(3).normal(size=(2, 67))
    axes = Axes()
    z = axes.fit(x, 31, seed=0)
    standardised = (x - x.mean(0)) / x.std(0)
    assert np.sum(z**2) == pytest.approx(np.sum(standardised**2))
    np.testing.assert_allclose(axes(torch.from_numpy(x)), z, atol=1e-9)


@pytest.mark.parametrize("word", FITTED)
def test_constant_elements_and_sets_of_one(word):
    sets = [torch.full((n, 3), 2.0) for n in (1, 3, 1)]
    for x in sets:
        x[:, 1] = torch.arange(len(x))
    assert np.isfinite(summarised(fitted(word, sets), sets)).all()
    same = [torch.ones(1, 2)] * 3
    assert np.isfinite(summarised(fitted(word, same), same)).all()


@pytest.mark.parametrize("word", FITTED)
def test_the_same_seed_draws_the_same(word):
    sets = sets_of(67)
    assert np.array_equal(summarised(fitted(word, sets), sets), summarised(fitted(word, sets), sets))


def test_large_sets_give_no_more_elements_than_others():
    batch = SetBatch.from_list([torch.full((n, 1), float(n)) for n in (3, 50_000, 70_000)])
    drawn, counts = np.unique(drawn_elements([batch, batch], seed=0), return_counts=True)
    assert drawn.tolist() == [3, 50_000, 70_000]
    assert counts.tolist() == [6, 6666, 6666]


def test_unknown_words_are_refused():
    with pytest.raises(InputError, match="a summary"):
        make_summary(("moments", "spread"))
