"""Skill that is a batch's is told from skill within batches."""

import numpy as np
import pyarrow as pa
import pytest

from setwise.readers.read import read
from setwise.report.within import within_sentences
from setwise.targets import Number, Objective

BATCHES = np.repeat(["a", "b", "c"], 31)
OBJECTIVE = Objective.join(Number(target="y"))


def said(predicted, truth, column="batch", **more):
    store = read([np.ones((2, 1))] * 93, sets=pa.table({"batch": BATCHES.tolist(), **more}))
    table = pa.table({"set_id": store.set_ids, "y": truth, "predicted_y": predicted})
    return within_sentences(store, OBJECTIVE, table, [(column, "y")])


@pytest.fixture
def draw():
    return np.random.default_rng(0)


def test_a_model_that_knows_the_batch_alone_has_no_skill_within(draw):
    shift = np.repeat([0.0, 10.0, 20.0], 31)
    truth = shift + draw.normal(size=93)
    (sentence,) = said(shift + draw.normal(size=93), truth)
    assert "More than half of its skill goes with batch" in sentence


def test_shares_are_those_of_a_loop_over_pairs(draw):
    truth = draw.normal(size=93)
    predicted = truth + draw.normal(size=93)
    pairs = [(i, j) for i in range(93) for j in range(93) if truth[i] > truth[j] and BATCHES[i] == BATCHES[j]]
    share = np.mean([predicted[i] > predicted[j] for i, j in pairs])
    (sentence,) = said(predicted, truth)
    assert f"orders {share:.0%} rightly by y ({len(pairs):,} pairs)" in sentence
    assert "More than half" not in sentence


def test_columns_of_numbers_are_cut_and_few_pairs_say_nothing(draw):
    truth = draw.normal(size=93)
    assert "rightly" in said(truth, truth, "age", age=draw.normal(size=93))[0]
    assert "cannot be said" in said(truth, truth, "name", name=[str(n) for n in range(93)])[0]
