import math
import re
from pathlib import Path

import pytest

from experiments import probes
from experiments.claims import Summary
from experiments.figures import draw_all
from experiments.grids import GRIDS
from experiments.planning import plan
from experiments.records import Record, append
from experiments.report import report, shown, write_report
from setwise.tasks import TASKS

ROOT = Path(__file__).parents[2]
_SIZES = [(norm, size) for norm in ("feature", "set") for size in (4, 8, 16, 32, 64)]


def _record(run, value, losses=(3.0, 2.0, 1.0), **more):
    ways = {"value": value, "all_sets": value} | more
    return Record(
        run=run.identity,
        table_row=run.row.key,
        task=run.task,
        scale=run.scale,
        seed=run.seed,
        configuration=run.configuration,
        status="diverged" if value is None else "finished",
        metric=TASKS[run.task].metric,
        test={} if value is None else {"test": ways},
        losses=losses,
        seconds=1.0,
        ms_per_step=1.0,
        parameters=1,
        device="cpu",
        threads=1,
        versions={},
        commit=None,
        finished="2026-01-01T00:00:00+00:00",
    )


@pytest.fixture
def known():
    """Record three seeds of Table 1 on MNIST Var at the paper's protocol, where set norm fails, against the paper."""
    values = {"deep-sets-50": 5.5, "deep-sets-50-layer": None, "deep-sets-50-feature": 2.0, "deep-sets-50-set": 5.4}
    values |= {"constant": 5.6, "deep-sets-50-he": 1.0, "deep-sets-50-set-carried": 0.2}
    runs = plan([GRIDS["table1"]], tasks=["mnist-var"], patterns=[], seeds=[0, 1, 2], scale="paper")
    more = {"deep-sets-50-feature": {"running_statistics": 7.0}}
    found = []
    for run in runs:
        value = values[run.row.key]
        found.append(_record(run, None if value is None else value + 0.01 * run.seed, **more.get(run.row.key, {})))
    return found


def _line(page, start):
    (line,) = (line for line in page.splitlines() if line.startswith(start) and "5.5" in line[:60])
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_each_cell_has_the_paper_s_number_ours_and_the_verdict(known):
    page = report(known)
    cells = _line(page, "| no norm | 5.55")
    assert cells[1:4] == ["5.5545 ± 0.0014", "5.51 ± 0.01", "3"]
    assert cells[4:] == ["not run", "0", "no better than the constant", "yes, -"]
    lines = page.splitlines()
    table = lines[lines.index("**MNIST Var** (`mnist-var`; mean squared error)") :]
    rows = {line.split("|")[1].strip(): line for line in table[:12] if line.startswith("|")}
    assert "**no**" in rows["set norm"]
    assert "running statistics: 7" in rows["feature norm"]
    assert "failed" in rows["layer norm"]
    assert "yes" in rows["layer norm"]


def test_cells_without_data_say_so_with_the_command(known):
    page = report(known)
    assert "| no data |" in page
    assert "setwise data get hematocrit --from DIRECTORY" in page
    assert "python -m experiments run table1 --task mnist-var --scale small" in page
    assert "run table1 --task mnist-var --scale paper" not in page


def test_the_sentences_say_what_held_and_what_did_not(known):
    page = report(known)
    assert "MNIST Var, paper's protocol: 3 of 4 claims that were checked hold; these do not:" in page
    said = "*set norm* is better than the constant in the paper (0.2578 and 5.5), not in ours (5.41 and 5.6)."
    assert f"    - {said}" in page
    assert "- MNIST Var, *set norm*: 5.41, the paper's 0.2578 (a constant: 5.6, theirs about 5.5)." in page
    assert "MNIST Var, *feature norm*: 2.01" not in page  # within the paper's spread
    assert "carrying the two removed numbers to the decoder helps" in page


@pytest.mark.parametrize(
    ("he", "end"),
    [
        (1.0, "3 layers 1: the initialisation is at fault, not depth."),
        (3.0, "3 layers 1: the initialisation is at fault, and depth as well."),
        (5.5, "3 layers 1: He's initialisation does not help here."),
    ],
)
def test_whether_depth_or_initialisation_fails_is_said(he, end):
    values = {"deep-sets-3": 1.0, "deep-sets-50": 5.5, "deep-sets-50-he": he}
    runs = plan([GRIDS["table4"]], tasks=["mnist-var"], patterns=list(values), seeds=[0], scale="paper")
    said = f"50 plain layers 5.5, with He's initialisation {he:g}, {end}"
    assert said in report([_record(run, values[run.row.key]) for run in runs])


def _appendix(task, values):
    runs = plan([GRIDS["appendix"]], tasks=[task], patterns=list(values), seeds=[0], scale="small")
    return [_record(run, values[run.row.key]) for run in runs]


def test_the_page_says_whether_layer_norm_harms_weighted_averages():
    values = {"deep-sets-3": 0.4, "deep-sets-3-layer": 0.6, "set-transformer-2": 0.3, "set-transformer-2-layer": 0.1}
    page = report(_appendix("weighted-average-real", values))
    assert "layer norm harms in Deep Sets, 3 layers: 0.6 with it, 0.4 without." in page
    assert "layer norm helps in Set Transformer, 2 layers: 0.1 with it, 0.3 without." in page


@pytest.mark.parametrize(("value", "said"), [(None, "diverged in 1 of 1 runs."), (3.0, "did not diverge: 3.")])
def test_the_page_says_whether_sum_arc_explodes(value, said):
    page = report(_appendix("normal-var", {"deep-sets-50-clean-sum-set": value}))
    assert f"sum ARC {said}" in page


def test_layer_norm_that_fails_with_and_without_is_not_compared():
    values = {"deep-sets-3": None, "deep-sets-3-layer": None}
    assert "No question of the appendix has enough runs yet." in report(_appendix("weighted-average-real", values))


@pytest.fixture
def batch_sizes():
    """Record that feature norm beats the constant and explodes on other test sets; batches of 8 fail."""
    values = {f"deep-sets-25-{norm}-batch-{size}": 0.05 if norm == "feature" else 0.2 for norm, size in _SIZES}
    values |= {"deep-sets-25-feature-batch-8": None, "constant": 0.1}
    found = []
    for record in _appendix("normal-var-ood", values):
        value, far = values[record.table_row], {}
        if value is not None:
            far["value"] = 10 * value
            if "feature" in record.table_row:
                far["running_statistics"] = 700.0
        found.append(record.model_copy(update={"test": record.test | ({"out of distribution": far} if far else {})}))
    return found


def test_the_page_says_what_running_statistics_do_to_sets_unlike_the_training_sets(batch_sizes):
    page = report(batch_sizes)
    assert "4 of 10 rows (both norms, batches of 4 to 64) do better than the constant 0.1." in page
    assert "feature norm has 0.5 to 0.5 with the statistics of each test batch, 700 to 700 with running" in page
    assert "by batch size), the constant 1; 1 of 5 runs failed." in page


def test_too_few_batch_sizes_or_no_constant_to_compare_with_give_no_sentence(batch_sizes):
    assert "do better than the constant" not in report(batch_sizes[1:])
    near = [record.model_copy(update={"test": {"test": record.test["test"]}}) for record in batch_sizes if record.test]
    assert "out of distribution, feature norm" not in report(near)


def test_records_of_another_configuration_are_not_shown(known):
    old = [record.model_copy(update={"run": f"{record.run}-old"}) for record in known if record.table_row != "constant"]
    assert "5.51 ± 0.01" not in report(old)


def test_a_page_without_records_is_whole():
    page = report([])
    assert all(grid.title in page for grid in GRIDS.values())
    assert "Not run yet" in page


def test_the_same_records_give_the_same_bytes(known, tmp_path):
    for name in ("one", "two"):
        write_report(known, tmp_path / name / "page.md")
    assert (tmp_path / "one/page.md").read_bytes() == (tmp_path / "two/page.md").read_bytes()


@pytest.mark.parametrize(
    ("summary", "text"),
    [
        (None, "not run"),
        (Summary(0.34412, 0.0036, 3, 0), "0.3441 ± 0.0036"),
        (Summary(0.5, None, 1, 0), "0.5"),
        (Summary(0.5, 0.01, 3, 0, 0.021), "0.5 ± 0.01 [0.021]"),
        (Summary(None, None, 2, 2), "failed"),
        (Summary(1.0, None, 2, 1), "1 (1 of 2 failed)"),
    ],
)
def test_numbers(summary, text):
    assert shown(summary) == text


def test_figures_are_drawn_from_records_and_probes(known, tmp_path):
    results = tmp_path / "results"
    for record in known:
        append(record, results)
    probes.write_probes(results, deepest=4)
    names = [name for name, _ in draw_all(known, results, tmp_path / "figures")]
    assert names == ["loss-paper-mnist-var.svg", "gradients.svg", "spreads.svg"]
    assert all((tmp_path / "figures" / name).stat().st_size > 1000 for name in names)
    assert "not seen" in report(known, probes=probes.read_probes(results))


def test_what_each_norm_cannot_see():
    values = {(row["norm"], row["difference"]): row["value"] for row in probes.unseen(width=64)}
    common = "shift common to all features after the layer"
    blind = {key for key, value in values.items() if value < 1e-3}
    assert blind == {
        ("layer", "scale"),
        ("layer", "scale of one element"),
        ("layer", common),
        ("set", "scale"),
        ("set", common),
    }
    assert min(value for key, value in values.items() if key not in blind) > 0.1


def test_aggregated_residuals_make_elements_alike():
    last = {residual: probes.spreads(residual, depth=20)[-1]["value"] for residual in ("equivariant", "mean", "max")}
    assert last["equivariant"] > 3 * max(last["mean"], last["max"])


def test_plain_layers_lose_the_gradient_and_residuals_keep_it(monkeypatch):
    kinds = (("none", None, "none", "torch"), ("none", None, "none", "he"), ("equivariant", "clean", "set", "torch"))
    monkeypatch.setattr(probes, "_GRADIENTS", kinds)
    rows = {(row["residual"], row["initialisation"], row["depth"]): row["value"] for row in probes.gradients(32)}
    assert rows["none", "torch", 32] < 1e-6 * rows["none", "torch", 2]
    assert rows["none", "he", 32] > 1e-4 * rows["none", "he", 2]
    assert math.isclose(rows["equivariant", "torch", 32], rows["equivariant", "torch", 2], rel_tol=10.0)


def test_the_page_leads_with_the_answer_that_its_list_adds_up_to():
    text = (ROOT / "docs" / "reproduction.md").read_text(encoding="utf-8")
    lead, rest = text.split("## Which claims hold", 1)
    listed = rest.split("\n## ", 1)[0]
    for words in ("paper's protocol", "small scale"):
        counts = re.findall(rf", {words}: (\d+) of (\d+) claims that were checked hold", listed)
        held, known = (sum(int(pair[at]) for pair in counts) for at in (0, 1))
        assert f"{held} of {known} that were checked hold ({words})" in lead
