import pytest

from experiments import paper
from experiments.grids import GRIDS, get_grid
from experiments.planning import plan, seconds_of
from experiments.rows import Row
from experiments.running import Run
from experiments.scales import SCALES, protocol
from setwise._checks import InputError
from setwise.models import make_spec
from setwise.models.spec import Spec
from setwise.tasks import TASKS


def test_every_number_of_the_paper_has_its_cell():
    for name, table in paper.NUMBERS.items():
        cells = {(task, row.key) for task, row in GRIDS[name].cells()}
        assert {(task, key) for key, tasks in table.items() for task in tasks} <= cells
        paper_rows = {row.key for section in GRIDS[name].sections for row in section.rows}
        assert set(table) == paper_rows


def test_the_paper_s_counts_of_numbers():
    counts = {name: sum(map(len, table.values())) for name, table in paper.NUMBERS.items()}
    assert counts == {"table1": 16, "table2": 48, "table3": 40, "table4": 40}
    assert paper.NUMBERS["table4"]["set-transformer-16"]["hematocrit"] == (18.7436, 0.0148)
    assert paper.NUMBERS["table3"]["set-transformer-16"]["hematocrit"] == (18.7982, 0.0086)
    assert paper.NUMBERS["table4"]["set-transformer++-16"]["celeba-anomaly"] == (0.6587, 0.0016)


def test_a_key_means_one_row_everywhere():
    rows = {}
    for grid in GRIDS.values():
        for _, row in grid.cells():
            assert rows.setdefault(row.key, row).choices == row.choices


def test_every_row_can_be_built_and_every_task_is_known():
    for grid in GRIDS.values():
        for task, row in grid.cells():
            if row.model is not None:
                make_spec(row.model, 3, TASKS[task].out_features, **row.choices)


def _spec(row: Row) -> Spec:
    assert row.model is not None
    return make_spec(row.model, 3, 1, **row.choices)


def test_rows_are_the_paper_s_models():
    keys = {row.key: row for grid in GRIDS.values() for _, row in grid.cells()}
    named = make_spec("deep-sets++", 3, 1)
    row = keys["deep-sets++-50"]
    assert _spec(row) == named
    row = keys["set-transformer++-16"]
    assert _spec(row) == make_spec("set-transformer++", 3, 1)
    row = keys["set-transformer-16"]
    assert _spec(row) == make_spec("set-transformer", 3, 1, depth=16)


def test_the_paper_s_protocol():
    config = protocol("mnist-var", "paper").fit_config(seed=2, device="cpu")
    assert (config.optimizer, config.learning_rate, config.weight_decay) == ("adam", 1e-4, 0.0)
    assert (config.epochs, config.batch_size, config.clip, config.patience) == (50, 64, None, None)
    assert {config.learning_rate_at(epoch) for epoch in (0.0, 0.5, 49.9)} == {1e-4}
    assert protocol("hematocrit", "paper").epochs == 30
    assert protocol("celeba-anomaly", "paper").batch_size == 32
    assert (protocol("weighted-average-real", "paper").accumulate) == 2


def test_batch_sizes_keep_the_number_of_steps():
    steps = set()
    for task, row in get_grid("appendix").cells(["normal-var-ood"]):
        if row.batch_size is not None:
            settings = protocol(task, "paper").of(row)
            assert settings.epochs == 15 * settings.batch_size
            steps.add(settings.epochs / settings.batch_size)
    assert steps == {15.0}


def test_the_configuration_is_the_identity():
    runs = plan([get_grid("table1")], tasks=["normal-var"], patterns=[], seeds=[0, 1], scale="paper")
    assert len({run.identity for run in runs}) == len(runs)
    first = runs[0]
    assert Run(first.task, first.row, "small", 0).identity != Run(first.task, first.row, "paper", 0).identity


def test_seeds_come_first_and_the_constant_once():
    runs = plan([get_grid("table1")], tasks=["normal-var"], patterns=["constant", "deep*"], seeds=[0, 1], scale="small")
    assert [run.seed for run in runs] == sorted(run.seed for run in runs)
    assert sum(run.row.key == "constant" for run in runs) == 1


def test_the_constant_is_one_run_whichever_seeds_are_asked_for():
    (run,) = plan([get_grid("table1")], tasks=["normal-var"], patterns=["constant"], seeds=[1, 2], scale="small")
    assert run.seed == 0


@pytest.mark.parametrize(("tasks", "patterns"), [(["celeba-anomaly"], []), ([], ["nothing*"])])
def test_refuses_what_a_grid_does_not_have(tasks, patterns):
    with pytest.raises(InputError):
        plan([get_grid("table1")], tasks=tasks, patterns=patterns, seeds=[0], scale="small")


@pytest.mark.parametrize(("text", "seconds"), [("90m", 5400), ("1h30m", 5400), ("45s", 45), ("0.5h", 1800)])
def test_budgets(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "90", "m", "1m1h", "soon"])
def test_refuses_other_budgets(text):
    with pytest.raises(InputError):
        seconds_of(text)


@pytest.mark.parametrize("scale", SCALES)
def test_every_task_has_a_protocol(scale):
    assert all(protocol(task, scale).epochs > 0 for task in TASKS)


def test_several_grids_leave_out_those_without_the_task():
    grids = list(GRIDS.values())
    runs = plan(grids, tasks=["digits-var"], patterns=["deep-sets*"], seeds=[0], scale="small")
    assert {run.task for run in runs} == {"digits-var"}
    assert len({run.identity for run in runs}) == len(runs)
    with pytest.raises(InputError):
        plan(grids, tasks=["nothing"], patterns=[], seeds=[0], scale="small")
