"""Summaries of a stack: each is fitted once, to all of its sets, and all parts use it."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch

import setwise as sw
from setwise.fit import members, summary_tables
from setwise.fit.study import Study
from setwise.fit.summary_tables import SummaryTables
from setwise.layers.summaries.codebook import Codebook
from setwise.models.family import Candidate
from setwise.models.stack_network import Stack
from setwise.models.summary_model import SummaryModel
from setwise.prepare.inputs import Inputs
from setwise.readers.read import read
from setwise.runs.config import FitConfig
from setwise.runs.ensemble import members_of
from setwise.runs.outputs import outputs_for, predictions_of
from setwise.runs.run import Run
from setwise.store.splits import Split
from setwise.targets.problem import define
from tests.fixtures.stacks import use_small

CONFIG = FitConfig(device="cpu", ensemble=3)
PARTS = (
    Candidate("linear", "kinds of elements", choices={"summary": "moments+codebook"}),
    Candidate("extra-trees", "kinds of elements", choices={"trees": 11, "summary": "codebook"}),
)


def store_of(count=41, *, first=None):
    draw = np.random.default_rng(0)
    kind = draw.integers(0, 2, count)
    sets = [draw.normal(kind[i], 1, (draw.integers(1, 17), 3)) for i in range(count)]
    sets[0] = sets[0] if first is None else np.full((7, 3), first)
    return read(sets, sets=pa.table({"kind": ["ab"[k] for k in kind], "age": draw.normal(50, 9, count)}))


def tables_of(store, rows, covariates=(), **choices):
    split = Split(rows[:-5], rows[-5:], np.setdiff1d(np.arange(len(store)), rows))
    problem = define(
        store,
        ["kind"],
        task=None,
        class_weights=None,
        weight_column=None,
        group=None,
        split=split,
        shares=(0.0, 0.0),
        standardise=True,
        seed=0,
    )
    inputs = Inputs.fit(store, split.train, covariates=covariates, standardise=True).standardised(store, split.train)
    return SummaryTables(problem, inputs, CONFIG.model_copy(update=choices), None), inputs


def test_rows_of_a_table_are_the_summaries_of_the_sets():
    store, rows = store_of(), np.arange(3, 38)
    tables, inputs = tables_of(store, rows, covariates=("age",))
    asked = np.array([17, 4, 37])
    (batch,) = inputs.batches(store, np.sort(asked))
    assert batch.covariates is not None
    want = torch.cat([tables.summary(("moments", "codebook"))(batch), batch.covariates], 1)
    found = tables.numbers(("moments", "codebook"), asked)
    torch.testing.assert_close(found[[1, 0, 2]], want, rtol=1e-6, atol=1e-6)


def test_sets_of_test_are_not_looked_at():
    rows = np.arange(3, 38)
    stores = store_of(), store_of(first=1e3)
    found = [tables_of(store, rows)[0].numbers(("codebook",), rows) for store in stores]
    torch.testing.assert_close(*found, rtol=0, atol=0)


def test_large_sets_are_drawn_from_for_the_fit_and_whole_in_the_table(monkeypatch):
    monkeypatch.setattr(summary_tables, "MOST_DRAWN", 70)
    seen = []
    monkeypatch.setattr(Codebook, "fit", lambda _, batches, **__: seen.extend(batches))
    monkeypatch.setattr(Codebook, "forward", lambda _, batch: batch.layout.sizes[:, None].double())
    store, rows = store_of(), np.arange(3, 38)
    tables, _ = tables_of(store, rows)
    np.testing.assert_array_equal(tables.numbers(("codebook",), rows)[:, 0].numpy(), store.sizes[rows])
    assert max(int(batch.layout.sizes.max()) for batch in seen) == 2


@pytest.fixture
def fits(monkeypatch):
    """Return the list of fits of codebooks."""
    use_small(monkeypatch)
    monkeypatch.setattr("tests.fixtures.stacks.SMALL", PARTS)
    found, fit = [], Codebook.fit

    def counted(self, batches, *, seed):
        found.append(len(batches))
        fit(self, batches, seed=seed)

    monkeypatch.setattr(Codebook, "fit", counted)
    return found


def fitted(store, out=None):
    return sw.train(
        store, Study(targets="kind", model="auto", config=CONFIG), baselines=False, intervals=False, out=out
    )


def test_a_summary_is_fitted_once(fits):
    fitted(store_of())
    assert len(fits) == 1


@pytest.mark.usefixtures("fits")
def test_parts_share_a_summary_before_and_after_they_are_kept(tmp_path):
    store, rows = store_of(), np.arange(41)
    run = fitted(store, out=tmp_path / "run")
    kept = Run.load(tmp_path / "run")
    np.testing.assert_array_equal(predictions_of(kept, store, rows), predictions_of(run, store, rows))
    for one in (run, kept):
        for member in members_of(one.model):
            assert isinstance(member, Stack)
            first, second = (part for part in member.parts if isinstance(part, SummaryModel))
            assert first.summary.parts["codebook"] is second.summary.parts["codebook"]


@pytest.mark.usefixtures("fits")
def test_parts_say_of_the_table_what_they_say_of_the_sets(monkeypatch):
    kept, fit_stack = [], members.fit_stack

    def keeping(*given, **choices):
        kept.append(fit_stack(*given, **choices))
        return kept[-1]

    monkeypatch.setattr(members, "fit_stack", keeping)
    store = store_of()
    run = fitted(store)
    (stacked,) = kept
    for part in stacked.parts:
        place = 0
        for (network, _, _), about in zip(part.members, run.record.members, strict=True):
            rows = np.array([store.set_ids.index(name) for name in about.left_out])
            found = part.outputs[place : place + len(rows)]
            want = outputs_for(replace(run, model=network), store, rows)
            torch.testing.assert_close(found, want.double(), rtol=1e-5, atol=1e-5)
            place += len(rows)
        assert place == len(stacked.rows) == len(part.outputs)
