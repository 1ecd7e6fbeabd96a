"""Doubtful targets and names are told before anybody trains."""

import numpy as np
import pyarrow as pa
import pytest

from setwise.store.inspect import summarise
from setwise.store.inspect_targets import alike
from setwise.store.store import SetStore


def _problems(target=None, ids=None, **columns):
    count = len(next(iter(columns.values())))
    table = pa.table({"set_id": ids or [f"s{n}x" for n in range(count)], **columns})
    store = SetStore(np.random.default_rng(0).normal(size=(3 * count, 2)), [3] * count, table, features=["a", "b"])
    return " ".join(summarise(store, targets=[target] if target else []).problems)


@pytest.mark.parametrize(
    ("texts", "pairs"),
    [
        (["ill", "Ill", "well"], [["ill", "Ill"]]),
        (["stage 1", "stage_01", "stage 10", "stage 2"], [["stage 1", "stage_01"]]),
        (["p1", "p01", "p001", "p10", "p100"], [["p1", "p01", "p001"]]),
        (["0", "00", "10"], [["0", "00"]]),
        (["A+", "A-", "B"], []),
    ],
)
def test_texts_that_differ_in_spelling_alone(texts, pairs):
    assert alike(texts) == pairs


def test_classes_and_names_that_are_spelled_in_two_ways():
    assert "classes 'Yes', 'yes' differ in spelling alone" in _problems("y", y=["Yes", "yes", "no", "no"] * 5)
    assert "spelling" not in _problems("y", y=["yes", "no"] * 10)
    names = [f"P{n:02}" for n in range(19)] + ["P1"]
    assert "'P01' and 'P1'" in _problems(ids=names, y=list(range(20)))


def test_a_target_over_decades_is_told():
    values = np.logspace(0, 4, 20)
    assert "spans 3.6 decades" in _problems("titer", titer=values)
    assert "decades" not in _problems("titer", titer=values - 2)
    assert "decades" not in _problems("titer", titer=np.linspace(1, 50, 20))


def test_a_time_beside_its_event_is_told():
    died = [0, 1, 1, 0] * 5
    assert "--event died" in _problems("survival_days", survival_days=np.arange(20.0), died=died)
    assert "--event" not in _problems("survival_days", survival_days=np.arange(20.0), site=died)
    assert "--event" not in _problems("score", score=np.arange(20.0), died=died)
