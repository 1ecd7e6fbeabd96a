import pytest

from experiments.claims import Claim, Summary, claim_of, holds


def _ours(mean, spread=None):
    return Summary(mean, spread, 3, 0 if mean is not None else 3)


@pytest.mark.parametrize(
    ("table", "row", "task", "claim"),
    [
        ("table1", "deep-sets-50", "mnist-var", Claim("like", "constant")),
        ("table1", "deep-sets-50-set", "mnist-var", Claim("better", "constant")),
        ("table1", "deep-sets-50-set", "normal-var", Claim("better", "constant")),
        ("table2", "deep-sets-50-clean-mean-set", "mnist-var", Claim("worse", "deep-sets++-50")),
        ("table2", "deep-sets-50-clean-mean-feature", "hematocrit", Claim("better", "deep-sets-50-clean-erc-feature")),
        ("table3", "set-transformer-16", "mnist-var", Claim("like", "constant")),
        ("table4", "deep-sets++-50", "mnist-var", Claim("better", "deep-sets++-3")),
        ("table4", "deep-sets-50", "celeba-anomaly", Claim("like", "constant")),
        ("table4", "set-transformer++-16", "celeba-anomaly", Claim("better", "set-transformer++-2")),
        ("table4", "set-transformer-16", "normal-var", Claim("like", "set-transformer-2")),
    ],
)
def test_claims_are_read_off_the_paper_s_numbers(table, row, task, claim):
    assert claim_of(table, row, task) == claim


def test_cells_without_a_number_claim_nothing():
    assert claim_of("table4", "deep-sets-50-he", "mnist-var") is None
    assert claim_of("appendix", "deep-sets-3", "weighted-average-real") is None


@pytest.mark.parametrize(
    ("claim", "ours", "against", "verdict"),
    [
        (Claim("better", "x"), _ours(1.0), _ours(2.0), True),
        (Claim("better", "x"), _ours(2.0), _ours(1.0), False),
        (Claim("worse", "x"), _ours(2.0), _ours(1.0), True),
        (Claim("like", "x"), _ours(1.0), _ours(1.05), True),
        (Claim("like", "x"), _ours(1.0), _ours(1.5), False),
        (Claim("like", "x"), _ours(1.0, 0.3), _ours(1.5, 0.3), True),
        (Claim("like", "constant"), _ours(5.4), _ours(5.5), True),
        (Claim("like", "constant"), _ours(3.0), _ours(5.5), False),
        (Claim("better", "constant"), _ours(3.0), _ours(5.5), True),
        (Claim("like", "constant"), _ours(None), _ours(5.5), True),
        (Claim("worse", "x"), _ours(None), _ours(1.0), True),
        (Claim("better", "x"), _ours(None), _ours(1.0), False),
        (Claim("better", "x"), None, _ours(1.0), None),
        (Claim("better", "x"), _ours(1.0), None, None),
    ],
)
def test_verdicts(claim, ours, against, verdict):
    assert holds(claim, ours, against, higher=False) == verdict


def test_more_is_better_for_accuracies():
    assert holds(Claim("better", "x"), _ours(0.6), _ours(0.5), higher=True)
    assert holds(Claim("like", "constant"), _ours(0.1005), _ours(0.1), higher=True)
    assert not holds(Claim("like", "constant"), _ours(0.3), _ours(0.1), higher=True)
