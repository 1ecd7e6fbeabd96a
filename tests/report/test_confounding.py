"""Columns that go along with the target, against arithmetic by hand and scipy."""

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import spearmanr

from setwise.report.caveats import sentences
from setwise.report.confounding import SIZE, Association, associations
from setwise.store.store import SetStore


def _store(columns: dict[str, list], sizes: list[int] | None = None) -> SetStore:
    count = len(next(iter(columns.values())))
    sizes = [3] * count if sizes is None else sizes
    table = pa.table({"set_id": [f"s{i}" for i in range(count)], **columns})
    return SetStore(np.zeros((sum(sizes), 2), np.float32), sizes, table, features=["a", "b"])


def test_a_class_that_is_its_batch():
    found = associations(_store({"y": ["a", "b"] * 11, "batch": [1.0, 2.0] * 11, "age": list(range(22))}), ("y",))
    by_name = {a.column: a for a in found}
    assert by_name["batch"].strength == pytest.approx(1.0)
    assert by_name["batch"].p_value == pytest.approx(0.001)
    assert by_name["age"].adjusted > 0.05
    assert SIZE not in by_name  # all sets have one size
    said = sentences(found, held_out=5)
    assert "20%" in said[0]
    assert said[1].startswith("y goes along with batch. If such")


def test_each_target_is_named_with_its_columns():
    batch = [1.0, 2.0] * 22
    store = _store({"y": ["a", "b"] * 22, "z": [0.0, 0.0, 5.0, 5.0] * 11, "batch": batch, "day": [1, 1, 2, 2] * 11})
    said = sentences(associations(store, ("y", "z")), held_out=30)[0]
    assert "y goes along with batch" in said
    assert "z goes along with day" in said


def test_cramers_v_by_hand():
    """A table of 3, 1 / 1, 3: chi squared is 2, so V = sqrt(2 / 8)."""
    found = associations(_store({"y": list("aaaabbbb"), "site": list("uuuvuvvv")}), ("y",))
    assert found[0].strength == pytest.approx(0.5)


def test_two_numbers_are_compared_by_ranks():
    rng = np.random.default_rng(0)
    y = rng.normal(size=29)
    age = y + rng.normal(size=29)
    found = associations(_store({"y": y.tolist(), "age": age.tolist()}), ("y",))
    assert found[0].strength == pytest.approx(abs(np.asarray(spearmanr(y, age))[0]))
    assert found[0].adjusted < 0.05


def test_the_size_of_a_set_can_give_the_class_away():
    sizes = [2] * 7 + [5] * 7 + [11] * 3
    found = associations(_store({"y": ["a"] * 7 + ["b"] * 10}, sizes), ("y",))
    assert found[0].column == SIZE
    assert found[0].strength > 0.9


def test_names_missing_values_and_constants_are_passed_over():
    columns = {
        "y": ["a", "b", None] * 5,
        "name": [f"patient {i}" for i in range(15)],
        "lab": ["x"] * 15,
        "known for few": [1.0] * 3 + [None] * 12,
    }
    assert associations(_store(columns), ("y",)) == ()
    assert "no other columns" in sentences((), held_out=100)[0]


def test_p_values_are_adjusted_stepwise():
    rng = np.random.default_rng(1)
    columns = {f"c{i}": rng.normal(size=23).tolist() for i in range(5)}
    found = associations(_store({"y": rng.normal(size=23).tolist(), **columns}), ("y",))
    order = sorted(found, key=lambda a: a.p_value)
    expected = np.minimum(1, np.maximum.accumulate([a.p_value * (5 - i) for i, a in enumerate(order)]))
    np.testing.assert_allclose([a.adjusted for a in order], expected)


def test_what_explains_too_little_is_no_caveat_however_sure_it_is():
    weak = Association("lot", "y", 4800, 0.058, 0.001, 0.002)
    said = sentences((weak,), held_out=800)[0]
    assert "too weakly to explain a share of it worth naming: the strongest, lot, with a strength of 0.06, 0.3%" in said
    strong = Association("batch", "y", 4800, 0.5, 0.001, 0.002)
    assert sentences((strong, weak), held_out=800)[0].endswith("explain: batch 25%.")
