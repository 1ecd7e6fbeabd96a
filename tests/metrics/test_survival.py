"""Times to an event against naive formulas, arithmetic by hand and published numbers."""

import numpy as np
import pytest
import scipy.optimize
import torch

from setwise.metrics import survival
from setwise.models.cox import fit_cox
from setwise.ops.efron import efron_losses

# Remission of leukaemia in weeks, 6-MP against placebo: Freireich et al. 1963, Blood 21; censored below zero.
TREATED = [6, 6, 6, -6, 7, -9, 10, -10, -11, 13, 16, -17, -19, -20, 22, 23, -25, -32, -32, -34, -35]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
TIMES, EVENTS = np.abs(np.array(TREATED + PLACEBO, float)), np.array(TREATED + PLACEBO) > 0
ARM = np.repeat([0.0, 1.0], 21)


def _drawn(count, seed=0):
    generator = np.random.default_rng(seed)
    times = generator.integers(1, count // 3 + 2, count).astype(float)
    return np.round(generator.normal(size=count), 1), times, generator.random(count) < 0.6


def _naive_efron(risk, times, events):
    total = 0.0
    for moment in np.unique(times[events]):
        tied = (times == moment) & events
        everyone, of_tied = np.exp(risk[times >= moment]).sum(), np.exp(risk[tied]).sum()
        count = int(tied.sum())
        total += sum(np.log(everyone - place / count * of_tied) for place in range(count)) - risk[tied].sum()
    return total


def _naive_concordance(risk, times, events):
    right, pairs = 0.0, 0
    for i in np.flatnonzero(events):
        for j in range(len(risk)):
            if times[j] > times[i] or (times[j] == times[i] and not events[j]):
                pairs += 1
                right += 1.0 if risk[i] > risk[j] else 0.5 if risk[i] == risk[j] else 0.0
    return right / pairs


@pytest.mark.parametrize("count", [2, 7, 31])
def test_the_partial_likelihood_is_the_plain_formula(count):
    risk, times, events = _drawn(count)
    events[0] = True
    losses = efron_losses(*map(torch.from_numpy, (risk, times, events)))
    assert losses.sum().item() == pytest.approx(_naive_efron(risk, times, events), rel=1e-12)
    assert (losses[torch.from_numpy(~events)] == 0).all()
    shifted = survival.partial_likelihood(risk + 300, times, events)
    assert shifted == pytest.approx(survival.partial_likelihood(risk, times, events))


def test_gradients_are_right_and_nothing_is_lost_without_an_event():
    risk, times, events = _drawn(13, seed=1)
    own = torch.from_numpy(risk).requires_grad_()

    def total(risk):
        return efron_losses(risk, torch.from_numpy(times), torch.from_numpy(events)).sum()

    assert torch.autograd.gradcheck(total, (own,))
    none = efron_losses(own, torch.from_numpy(times), torch.zeros(13, dtype=torch.bool)).sum()
    none.backward()
    assert none.item() == 0
    assert (own.grad == 0).all()


def test_cox_regression_gives_the_coefficient_that_makes_the_plain_formula_least():
    # 1.5721 is what R's coxph says with Efron's ties; these data and that call are the example of MASS::gehan
    found = fit_cox(ARM[:, None], TIMES, EVENTS, np.ones(42), 0.0)
    least = scipy.optimize.minimize(lambda coefficient: _naive_efron(coefficient[0] * ARM, TIMES, EVENTS), [1.0])
    assert found[0] == pytest.approx(least.x[0], rel=1e-5)
    assert found[0] == pytest.approx(1.5721, abs=2e-4)


def test_kaplan_meier_gives_the_published_curve():
    at, left = survival.kaplan_meier(TIMES[:21], EVENTS[:21])
    assert at.tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert left == pytest.approx([0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448], abs=5e-4)


def test_baseline_hazards_without_risks_are_those_of_nelson_and_aalen():
    at = np.array([0.5, 6.0, 7.0, 100.0])
    found = survival.baseline_hazards(np.ones(21), TIMES[:21], EVENTS[:21], at)
    steps = np.array([3 / 21, 1 / 17, 1 / 15, 1 / 12, 1 / 11, 1 / 7, 1 / 6])
    assert found == pytest.approx([0.0, steps[0], steps[:2].sum(), steps.sum()])


@pytest.mark.parametrize("count", [5, 11, 200, 1300])
def test_concordance_is_the_share_of_the_pairs(count):
    risk, times, events = _drawn(count, seed=2)
    events[np.argmin(times)] = True
    assert survival.concordance(risk, times, events) == pytest.approx(_naive_concordance(risk, times, events))


def test_nothing_is_said_of_no_events_and_no_pairs():
    assert survival.concordance(np.zeros(3), np.arange(1.0, 4), np.zeros(3, bool)) is None
    assert survival.partial_likelihood(np.zeros(3), np.arange(1.0, 4), np.zeros(3, bool)) is None
    assert survival.concordance(np.zeros(1), np.ones(1), np.ones(1, bool)) is None


@pytest.mark.parametrize("features", [7, 250])
def test_regression_on_few_or_many_features_ranks_new_rows(features):
    generator = np.random.default_rng(3)
    x = generator.normal(size=(260, 7)) @ generator.normal(size=(7, features))  # as many directions, whatever they are
    times = generator.exponential(np.exp(-x[:, 0]))
    events = generator.random(260) < 0.7
    own, new = survival.cox_regression(x[:200], times[:200], events[:200], np.ones(200), x[200:], seed=0)
    assert own.mean() == pytest.approx(0, abs=1e-8)
    found = survival.concordance(new, times[200:], np.ones(60, bool))
    assert found is not None
    assert found > 0.75


def test_misordered_pairs_of_rows_add_up_to_what_concordance_lacks():
    risk, times, events = _drawn(61)
    wrong, pairs = np.zeros(61), np.zeros(61)
    for i in np.flatnonzero(events):
        for j in range(61):
            if times[j] > times[i] or (times[j] == times[i] and not events[j]):
                pairs[[i, j]] += 1
                wrong[[i, j]] += 1.0 if risk[j] > risk[i] else 0.5 if risk[j] == risk[i] else 0.0
    found = survival.misordered(risk, times, events)
    assert found == pytest.approx(wrong / np.maximum(pairs, 1))
    concordance = survival.concordance(risk, times, events)
    assert concordance is not None
    assert wrong.sum() / pairs.sum() == pytest.approx(1 - concordance)
