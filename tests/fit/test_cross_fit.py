"""Ensembles whose members leave out parts of few training sets: who sees what, and what temperatures come of it."""

import numpy as np
import pyarrow as pa
import pytest
import torch

import setwise as sw
from setwise._checks import InputError
from setwise.fit.cross_fit import out_of_fold_rows
from setwise.metrics.calibration import fit_temperature, negative_log_likelihood
from setwise.readers.read import read
from setwise.runs.config import FitConfig
from setwise.runs.ensemble import members_of
from setwise.runs.outputs import outputs_for
from setwise.store.folds import parts_of
from setwise.store.splits import Split
from setwise.targets import Classes
from setwise.targets.problem import define
from tests.fixtures.training import train

QUICK = FitConfig(epochs=4, ensemble=5, standardise=False, learning_rate=1e-2)


def store_of(count, *, moved=(), groups=None):
    """Draw sets whose class shifts their elements a little; those in some rows are moved far away."""
    draw = np.random.default_rng(0)
    sets = [draw.normal(0.3 * (i % 2), 1.0, (5 + i % 3, 2)) + 10.0 * (i in moved) for i in range(count)]
    columns = {"kind": ["low", "high"] * (count // 2), "y": np.arange(count) / 3}
    return read(sets, sets=pa.table(columns | ({} if groups is None else {"group": groups})))


def fitted(store, **choices):
    split = Split(*np.split(np.arange(len(store)), [16, 16]))
    return train(
        store,
        model_choices={"depth": 2, "width": 8},
        baselines=False,
        **{"targets": "kind", "config": QUICK, "split": split, **choices},
    )


def parts_left_out(store):
    return parts_of(16, 5, groups=None, classes=np.array(store.sets["kind"].to_pylist())[:16], seed=QUICK.seed)


@pytest.mark.parametrize("groups", [None, np.array([f"p{i // 3}" for i in range(30)])])
def test_parts_are_disjoint_whole_and_stratified(groups):
    classes = np.array(["a", "b", "b"] * 10)
    parts = parts_of(30, 5, groups=groups, classes=classes, seed=3)
    assert len(parts) == 5
    assert sorted(np.concatenate(parts).tolist()) == list(range(30))
    for part in parts:
        rest = np.setdiff1d(np.arange(30), part)
        assert set(classes[rest]) == {"a", "b"}
        if groups is not None:
            assert not set(groups[part]) & set(groups[rest])


@pytest.mark.parametrize(
    ("num_sets", "groups", "classes"),
    [
        (6, None, np.array(["a"] * 5 + ["b"])),
        (6, np.array(["p"] * 6), None),
        (6, np.array(list("pppqqq")), np.array(list("aaabbb"))),
    ],
    ids=["a class of one set", "one group", "each group a class"],
)
def test_no_parts_where_a_class_would_be_lacking(num_sets, groups, classes):
    assert parts_of(num_sets, 5, groups=groups, classes=classes, seed=0) == []


def test_a_member_does_not_see_what_it_leaves_out():
    first = parts_left_out(store_of(24))[0]
    plain, moved = (fitted(store_of(24, moved=rows)) for rows in ((), first))
    same = [
        all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
        for one, other in zip(members_of(plain.model), members_of(moved.model), strict=True)
    ]
    assert same == [True, False, False, False, False]


def test_temperatures_are_of_what_members_say_of_the_sets_left_out():
    store = store_of(24)
    run, plain = fitted(store), fitted(store, calibrate=False)
    head, untouched = run.objective.targets[0], plain.objective.targets[0]
    assert isinstance(head, Classes)
    assert isinstance(untouched, Classes)
    assert untouched.temperature == 1
    parts = parts_left_out(store)
    outputs = [
        outputs_for(run, store, rows).numpy()[:, member] for member, rows in enumerate(parts)
    ]  # of the ensemble, of which each member has its own
    truth = [head.classes.index(store.sets["kind"][int(row)].as_py()) for row in np.concatenate(parts)]
    assert head.temperature == pytest.approx(fit_temperature(np.concatenate(outputs), np.array(truth)), rel=1e-4)
    assert [list(member.left_out) for member in run.record.members] == [
        [store.set_ids[row] for row in rows] for rows in parts
    ]
    assert "each of the 5 models left out another" in run.record.notes[0]
    assert "by the models that left them out" in run.record.notes[1]


def test_only_where_there_is_an_ensemble_of_classes_and_nothing_else_to_calibrate_on():
    store = store_of(24)
    spared = Split(np.arange(16), np.arange(16, 24), np.arange(0))
    for choices in (
        {"targets": "y"},
        {"config": QUICK.model_copy(update={"ensemble": 1})},
        {"split": spared},
        {"calibrate": False},
    ):
        assert not any("left out" in note for note in fitted(store, **choices).record.notes), choices


def test_groups_are_left_out_whole():
    run = fitted(store_of(24, groups=[f"p{i // 4}" for i in range(24)]))
    assert "each of the 5 models left out another 4 or so" in run.record.notes[0]  # of four groups of four


def test_models_of_elements_leave_out_whole_sets():
    store = store_of(24)
    labels = np.concatenate([store.elements(row)[:, 0] > 0 for row in range(24)])
    run = fitted(store.with_labels({"above": np.where(labels, "yes", "no")}), targets="above", of="elements")
    assert "each of the 5 models left out another 3 or so" in run.record.notes[0]
    (head,) = run.objective.targets
    assert isinstance(head, Classes)
    assert head.temperature != 1
    assert f"{store.sizes[:16].sum()} elements of training sets" in run.record.notes[1]


@pytest.mark.slow
def test_few_sets_get_probabilities_that_can_be_believed():
    draw = np.random.default_rng(1)

    def made(count):
        labels = np.arange(count) % 2
        return [draw.normal(0, 1.0, (20, 10)) + draw.normal(0.35 * y, 0.6, 10) for y in labels], labels

    (sets, labels), (new, truth) = made(24), made(300)
    found = {}
    for calibrate in (None, False):
        classifier = sw.SetClassifier(depth=2, width=32, epochs=40, random_state=0, calibrate=calibrate)
        shares = classifier.fit(sets, labels).predict_proba(new)
        found[calibrate] = negative_log_likelihood(np.log(shares), truth), (shares.argmax(1) == truth).mean()
    assert found[None][0] < 0.8 * found[False][0]  # cross entropy
    assert found[None][1] > found[False][1] - 0.05  # accuracy


def test_says_that_a_class_of_one_set_leaves_probabilities_as_they_are():
    store = store_of(24)
    kinds = ["third", *store.sets["kind"].to_pylist()[1:]]
    store = store.with_sets(store.sets.drop_columns("kind").append_column("kind", [kinds]))
    alone = fitted(store, split=Split(np.arange(24), np.arange(0), np.arange(0)))
    (head,) = alone.objective.targets
    assert isinstance(head, Classes)
    assert head.temperature == 1
    assert any("not tempered" in note for note in alone.record.notes)


@pytest.mark.parametrize(
    ("choices", "groups", "words"),
    [
        ({"targets": "y"}, None, "no target of classes"),
        ({"config": QUICK.model_copy(update={"ensemble": 1})}, None, "no validation part"),
        ({}, list("ab" * 12), "sets of every class"),
    ],
    ids=["numbers", "one model", "each group a class"],
)
def test_temperatures_that_nothing_could_be_fitted_on_are_refused_before_the_fit(tmp_path, choices, groups, words):
    everything = Split(np.arange(24), np.arange(0), np.arange(0))
    with pytest.raises(InputError, match=words):
        fitted(store_of(24, groups=groups), calibrate=True, split=everything, out=tmp_path / "run", **choices)
    assert not (tmp_path / "run").exists()


def test_a_set_under_two_names_is_left_out_whole():
    draw = np.random.default_rng(0)
    sets = [draw.normal(size=(40, 2)) for _ in range(12)]
    store = read([*sets, *sets], sets={"kind": ["low", "high"] * 12})
    problem = define(
        store,
        ["kind"],
        task=None,
        orders=None,
        class_weights=None,
        weight_column=None,
        group=None,
        split=Split(np.arange(24), np.arange(0), np.arange(0)),
        shares=(0.0, 0.0),
        standardise=True,
        seed=0,
    )
    rows_left_out, notes = out_of_fold_rows(problem, QUICK, calibrate=None)
    assert notes == ()
    for rows in rows_left_out:
        assert set(rows % 12) == set(rows[rows < 12])


def test_a_class_that_a_model_has_not_seen_does_not_heat_it():
    """One set alone has elements of a third class: whoever leaves it out could not be sure of them."""
    store = store_of(24)
    labels = np.where(np.concatenate([store.elements(row)[:, 0] > 0 for row in range(24)]), "yes", "no").astype(object)
    alone = store.positions(np.array([3]))
    labels[alone] = "third"
    everything = Split(np.arange(24), np.arange(0), np.arange(0))
    run = fitted(store.with_labels({"above": labels}), targets="above", of="elements", split=everything)
    assert f"{store.num_elements - len(alone)} elements of training sets" in run.record.notes[1]


def test_a_run_is_not_gone_on_with_where_its_models_left_out_other_sets(tmp_path):
    store, alone = store_of(24), QUICK.model_copy(update={"ensemble": 1})
    fitted(store, out=tmp_path / "alone", config=alone)
    fitted(store, out=tmp_path / "several")
    with pytest.raises(InputError, match=r"leaves out \(ensemble, calibrate\) was \[\] and is now \['"):
        fitted(store, out=tmp_path / "alone", resume=True)
    with pytest.raises(InputError, match=r"leaves out \(ensemble, calibrate\) was \['"):
        fitted(store, out=tmp_path / "several", calibrate=False, resume=True)
    more = QUICK.model_copy(update={"ensemble": 7})
    assert len(fitted(store, out=tmp_path / "several", config=more, resume=True).members) == 7
