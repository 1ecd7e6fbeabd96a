import pytest

from experiments.claims import Claim, Summary, claim_of, holds, relation_of


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
        (Claim("worse", "x"), _ours(1.05), _ours(1.0), False),
        (Claim("like", "x"), _ours(1.0), _ours(1.05), True),
        (Claim("like", "x"), _ours(1.0), _ours(1.5), False),
        (Claim("like", "x"), _ours(1.0, 0.3), _ours(1.5, 0.3), True),
        (Claim("like", "constant"), _ours(5.4), _ours(5.5), True),
        (Claim("like", "constant"), _ours(3.0), _ours(5.5), False),
        (Claim("better", "constant"), _ours(3.0), _ours(5.5), True),
        (Claim("like", "constant"), _ours(None), _ours(5.5), True),
        (Claim("worse", "x"), _ours(None), _ours(1.0), True),
        (Claim("better", "x"), _ours(None), _ours(1.0), False),
        (Claim("like", "x"), _ours(None), _ours(None), True),
        (Claim("like", "x"), _ours(1.0), _ours(None), False),
        (Claim("better", "x"), _ours(1.0), _ours(None), True),
    ],
)
def test_verdicts(claim, ours, against, verdict):
    assert holds(claim, ours, against, higher=False) == verdict


@pytest.mark.parametrize(
    ("ours", "against", "higher", "relation"),
    [
        (_ours(1.0), _ours(1.05), False, "like"),
        (_ours(1.0), _ours(1.5), False, "better"),
        (_ours(1.0), _ours(1.5), True, "worse"),
        (_ours(1.0, 0.3), _ours(1.5, 0.3), False, "like"),
        (_ours(None), _ours(1.5), False, "worse"),
        (_ours(1.0), _ours(None), True, "better"),
    ],
)
def test_rows_are_told_apart_beyond_their_spreads_and_a_tenth(ours, against, higher, relation):
    assert relation_of(ours, against, higher=higher) == relation


def test_more_is_better_for_accuracies():
    assert holds(Claim("better", "x"), _ours(0.6), _ours(0.5), higher=True)
    assert holds(Claim("like", "constant"), _ours(0.1005), _ours(0.1), higher=True)
    assert not holds(Claim("like", "constant"), _ours(0.3), _ours(0.1), higher=True)


@pytest.mark.parametrize(
    ("summary", "about"),
    [
        (Summary(1.02, None, 1, 0), True),
        (Summary(1.2, None, 1, 0), False),
        (Summary(1.2, 0.16, 3, 0), True),
        (Summary(1.2, None, 1, 0, 0.08), True),
        (Summary(None, None, 1, 1), False),
    ],
)
def test_a_number_is_about_another_within_spreads_and_two_standard_errors(summary, about):
    assert summary.is_about(1.0, 0.05) == about
