import fcntl
import json
import math
import time
from dataclasses import replace
from statistics import median

import pytest
import torch

from experiments import records, rows
from experiments.controls import fit_and_measure
from experiments.grids import get_grid
from experiments.measuring import counted, summary
from experiments.planning import Settings, carry_out, pending, plan
from experiments.records import Record
from experiments.rows import Row
from experiments.running import Batches, BudgetSpentError, Deadline, Run, execute
from setwise._checks import InputError
from setwise.tasks import TaskData, get_task
from setwise.tasks.sets import TaskSets
from tests.experiments.conftest import TINY

CPU = torch.device("cpu")
NEVER = Deadline(None)


def _row(**choices):
    return Row("tiny", "tiny", "deep-sets", choices | {"width": 8, "depth": 2})


def _recorded(run, data, **choices) -> Record:
    """Do a run that nobody else is at, or go on with it."""
    record = execute(run, data, device=CPU, **choices)
    assert record is not None
    return record


def _data(name="normal-var"):
    run = Run(name, _row(), "small", 0)
    return get_task(name).load(None, run.protocol.extent)


def test_several_budgets_in_a_row_equal_one_long_run(places, tmp_path):
    run, data = Run("normal-var", _row(norm="set", residual="equivariant"), "small", 3), _data()
    whole = _recorded(run, data, work=tmp_path / "other", results=tmp_path / "r", deadline=NEVER)
    sittings = 0
    while True:
        sittings += 1
        try:
            parts = _recorded(run, data, deadline=Deadline(time.monotonic()), **places)
            break
        except BudgetSpentError:
            assert sittings <= run.protocol.epochs
    assert sittings == run.protocol.epochs + 1
    assert parts.losses == whole.losses
    assert parts.test == whole.test
    assert len(parts.losses) == run.protocol.epochs
    assert not list(places["work"].glob(f"{run.identity}/*"))


def test_a_finished_run_is_not_done_again(places):
    run, data = Run("normal-var", _row(), "small", 0), _data()
    assert pending([run], places["results"]) == [run]
    execute(run, data, device=CPU, deadline=NEVER, **places)
    assert pending([run], places["results"]) == []
    assert pending([Run("normal-var", _row(norm="set"), "small", 0)], places["results"]) != []


def test_the_record_says_everything(places):
    record = _recorded(Run("normal-var", _row(), "small", 2), _data(), deadline=NEVER, **places)
    (line,) = (places["results"] / "small-normal-var.jsonl").read_text().splitlines()
    known = json.loads(line)
    assert known["configuration"]["learning_rate"] == 1e-3
    assert (known["seed"], known["task"], known["scale"], known["metric"]) == (2, "normal-var", "small", "mse")
    assert known["versions"]["torch"] == torch.__version__
    assert record.ms_per_step is not None
    assert record.ms_per_step > 0
    assert records.read(places["results"]) == [record]


def test_a_seed_changes_the_first_weights_and_nothing_else():
    from experiments.building import build_row

    data, task = _data(), get_task("normal-var")
    first, again, other = (build_row(_row(), task, in_features=1, seed=seed) for seed in (0, 0, 1))
    pairs = list(zip(first.parameters(), again.parameters(), other.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b, _ in pairs)
    assert any(not torch.equal(a, c) for a, _, c in pairs)
    orders = [[e.encoded for e in Batches(data, 7).epoch(epoch)] for epoch in (0, 0, 1)]
    assert all(torch.equal(a, b) for a, b in zip(orders[0], orders[1], strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(orders[0], orders[2], strict=True))


def test_the_last_partial_batch_is_dropped():
    batches = Batches(_data(), 7)
    examples = list(batches.epoch(0))
    assert [len(e.batch) for e in examples] == [7, 7, 7]
    assert batches.num_batches(0) == 3
    assert len(torch.cat([e.encoded for e in examples]).unique()) == 21


def test_feature_norm_is_measured_in_both_ways(places):
    run = Run("normal-var", _row(norm="feature"), "small", 0)
    record = _recorded(run, _data(), deadline=NEVER, **places)
    ways = record.test["test"]
    assert set(ways) == {"value", "standard_error", "all_sets", "running_statistics"}
    assert ways["running_statistics"] != ways["all_sets"]


def test_the_standard_error_is_that_of_a_mean():
    values = torch.tensor([1.0, 3.0, 8.0, 0.0], dtype=torch.float64)
    found = summary(values, values[:2])
    assert (found["value"], found["all_sets"]) == (3.0, 2.0)
    assert found["standard_error"] == pytest.approx(((4 + 0 + 25 + 9) / 3 / 4) ** 0.5)
    assert summary(torch.tensor([1.0, torch.inf]), values)["value"] is None


def test_a_run_that_explodes_is_recorded_as_such(places):
    class Exploding:
        def step(self, epochs):
            pass

        def epoch(self, record, best_epoch):
            pass

    data = _data()
    data.train.targets.fill_(float("inf"))
    run = Run("normal-var", _row(), "small", 0)
    record = _recorded(run, data, deadline=NEVER, observers=[Exploding()], **places)
    assert record.status == "diverged"
    assert record.value is None


def test_a_run_that_another_process_does_is_left_to_it(places):
    run = Run("normal-var", _row(), "small", 0)
    places["work"].mkdir()
    with (places["work"] / f".{run.identity}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert execute(run, _data(), device=CPU, deadline=NEVER, **places) is None
    assert execute(run, _data(), device=CPU, deadline=NEVER, **places) is not None


def test_a_run_that_another_process_has_done_by_now_is_not_done_again(places):
    run, data = Run("normal-var", rows.CONSTANT, "small", 0), _data()

    class Meanwhile(list):
        """Records all, after the plan was made."""

        def append(self, text):
            if not self:
                execute(run, data, device=CPU, deadline=NEVER, **places)
            super().append(text)

    told = Meanwhile()
    settings = Settings(places["work"], places["results"], device="cpu")
    assert carry_out([run], settings, observers=[], say=told.append) == 0
    assert len((places["results"] / "small-normal-var.jsonl").read_text().splitlines()) == 1
    assert "has done it" in told[-1]


def test_a_run_does_not_go_on_with_other_data(places):
    run, data = Run("normal-var", _row(), "small", 0), _data()
    with pytest.raises(BudgetSpentError):
        execute(run, data, device=CPU, deadline=Deadline(time.monotonic()), **places)
    data.train.targets.mul_(2.0)
    with pytest.raises(InputError, match="data"):
        execute(run, data, device=CPU, deadline=NEVER, **places)


def test_a_damaged_checkpoint_ends_its_run_and_no_other(places):
    broken, whole = (Run("normal-var", _row(norm=norm), "small", 0) for norm in ("none", "set"))
    with pytest.raises(BudgetSpentError):
        execute(broken, _data(), device=CPU, deadline=Deadline(time.monotonic()), **places)
    (places["work"] / broken.identity / "checkpoints" / "last.pt").write_bytes(b"cut")
    told, settings = [], Settings(places["work"], places["results"], device="cpu")
    assert carry_out([broken, whole], settings, observers=[], say=told.append) == 1
    assert any(f"delete {places['work'] / broken.identity}" in line for line in told)


def test_however_short_the_budget_repeated_commands_get_on(places):
    runs = [Run("normal-var", row, "small", 0) for row in (rows.CONSTANT, _row())]
    settings = Settings(places["work"], places["results"], device="cpu", budget=0.0)
    done = [carry_out(runs, settings, observers=[], say=lambda _: None) for _ in range(1 + 4)]
    assert done == [1, 0, 0, 0, 1]  # the constant, three epochs, what is left to measure


def test_fresh_elements_are_another_run():
    one, fresh = (Run("point-cloud", _row(), "small", 0, fresh) for fresh in (False, True))
    assert one.identity != fresh.identity
    assert fresh.protocol.extent.fresh


@pytest.mark.parametrize(("accumulate", "steps"), [(1, 3), (2, 2), (3, 1)])
def test_a_step_of_the_optimizer_is_of_all_its_batches(places, monkeypatch, accumulate, steps):
    class Seconds(list):
        def step(self, epochs):
            pass

        def epoch(self, record, best_epoch):  # noqa: ARG002 - what observers are told
            self.append(record.seconds)

    monkeypatch.setattr("experiments.running.protocol", lambda *_: replace(TINY, accumulate=accumulate))
    run, seconds = Run("normal-var", _row(), "small", 0), Seconds()
    record = _recorded(run, _data(), deadline=NEVER, observers=[seconds], **places)
    assert record.ms_per_step == pytest.approx(1e3 * median(seconds) / steps, abs=1e-3)


@pytest.mark.parametrize(
    "line",
    [
        b"<<<<<<< HEAD",
        b'{"run": "a"}{"run": "b"}',
        b'{"run": "\xff"}',
        b'{"run": "a"}',
    ],
)
def test_lines_that_are_no_records_are_refused(places, line):
    places["results"].mkdir()
    (places["results"] / "small-x.jsonl").write_bytes(b"\n" + line + b"\n")
    with pytest.raises(InputError, match="line 2"):
        records.read(places["results"])


def test_a_number_that_is_none_is_refused(places):
    execute(Run("normal-var", rows.CONSTANT, "small", 0), _data(), device=CPU, deadline=NEVER, **places)
    path = places["results"] / "small-normal-var.jsonl"
    path.write_text(path.read_text().replace('"seconds":', '"seconds":NaN,"x":'))
    with pytest.raises(InputError, match="line 1"):
        records.read(places["results"])


def test_a_line_cut_short_harms_nothing_but_itself(places):
    execute(Run("normal-var", _row(), "small", 0), _data(), device=CPU, deadline=NEVER, **places)
    path = places["results"] / "small-normal-var.jsonl"
    with path.open("a") as file:
        file.write('{"run": "cut sho')
    assert len(records.read(places["results"])) == 1
    execute(Run("normal-var", _row(), "small", 1), _data(), device=CPU, deadline=NEVER, **places)
    assert [record.seed for record in records.read(places["results"])] == [0, 1]


def test_carrying_out_a_grid_tells_of_missing_data_and_goes_on(places, monkeypatch, tmp_path):
    monkeypatch.setenv("SETWISE_DATA", str(tmp_path / "nothing"))
    runs = plan([get_grid("table4")], tasks=[], patterns=["constant"], seeds=[0, 1], scale="small")
    told = []
    done = carry_out(runs, Settings(places["work"], places["results"], device="cpu"), observers=[], say=told.append)
    assert {record.task for record in records.read(places["results"])} == {"normal-var", "digits-var"}
    assert done == 2
    assert any("setwise data get mnist-var" in line for line in told)


@pytest.mark.parametrize("baseline", rows.SUMMARIES)
def test_baselines_on_moments_see_a_variance(places, baseline):
    from setwise.tasks import Extent

    data = get_task("normal-var").load(None, Extent(train=211, test=53, elements=11))
    constant = _recorded(Run("normal-var", rows.CONSTANT, "small", 0), data, deadline=NEVER, **places)
    record = _recorded(Run("normal-var", baseline, "small", 0), data, deadline=NEVER, **places)
    assert record.value is not None
    assert constant.value is not None
    assert record.value < 0.5 * constant.value
    errors = (data.tests["test"].targets - data.train.targets.mean()).square()
    assert constant.test["test"]["all_sets"] == pytest.approx(float(errors.mean()), rel=1e-5)
    assert constant.value == pytest.approx(float(errors[counted(data.tests["test"], 7)].mean()), rel=1e-5)


@pytest.mark.parametrize("baseline", [rows.CONSTANT, *rows.SUMMARIES])
def test_baselines_of_classes(baseline):
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(120) % 3

    def sets(rows):
        elements = torch.randn(len(rows), 9, 2, generator=generator) + labels[rows][:, None, None]
        return TaskSets.of(elements.flatten(0, 1), labels[rows], sizes=9)

    data = TaskData(sets(torch.arange(90)), {"test": sets(torch.arange(90, 120))})
    task = replace(get_task("point-cloud"), out_features=4)  # one class that no set has
    found = fit_and_measure(baseline.baseline, task, data, batch_size=7, seed=0)["test"]
    value = found["value"]
    assert value is not None
    assert value == pytest.approx(math.log(3)) if baseline is rows.CONSTANT else value < 0.9
