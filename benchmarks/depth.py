"""Depth: loss, gradients, memory and time of Deep Sets++ from 2 to 1,000 layers: ``python -m benchmarks depth``."""

import csv
import json
import time
from pathlib import Path
from typing import Annotated, Any

import matplotlib as mpl
import torch
import typer
from matplotlib.figure import Figure
from torch import nn

import setwise as sw
from benchmarks.measure import in_own_process, peak_allocated
from benchmarks.rows import Row, append, conditions
from setwise.fit.study import Study
from setwise.fit.train import train
from setwise.models.memory import MEMORY
from setwise.readers.read import read
from setwise.report.drawing import STYLES
from setwise.runs.config import FitConfig
from setwise.store.store import SetStore
from setwise.tasks.digits import digit_sets

RESULTS = Path(__file__).parent / "depth.csv"
FIGURE = Path("docs/figures/depth.svg")
_COLUMNS = (
    *("date", "commit", "device", "threads", "torch", "setwise", "dtype"),
    *("depth", "width", "memory", "elements", "seconds", "peak_bytes", "gradient_first", "gradient_last", "losses"),
)
_WIDTH, _BATCH = 128, 32


def depth(
    depths: Annotated[str, typer.Option(help="Numbers of layers, separated by commas.")] = "2,10,50,200,1000",
    elements: Annotated[int, typer.Option(help="In the step whose time and memory are measured.")] = 1024,
    sets: Annotated[int, typer.Option(help="Of digits, to fit.")] = 512,
    epochs: Annotated[int, typer.Option(help="Of the fit; 0 for none.")] = 4,
) -> None:
    """Measure depths, add rows to the file of results, draw the figure."""
    for number in map(int, depths.split(",")):
        for memory in MEMORY:
            case = {"depth": str(number), "memory": memory, "width": str(_WIDTH), "elements": str(elements)}
            found = in_own_process("depth-step", number, memory, elements)
            if memory == "low":
                found |= in_own_process("depth-fit", number, sets, epochs)
            append([conditions() | case | {k: str(v) for k, v in found.items()}], RESULTS, _COLUMNS)
            print(number, memory, found, flush=True)
    draw(FIGURE)


def depth_step(number: int, memory: str, elements: int) -> None:
    """Print time and memory of one training step, in a process of its own."""
    torch.manual_seed(0)
    model = sw.models.build("deep-sets++", 2, 1, depth=number, width=_WIDTH)
    model.memory = memory
    batch = sw.SetBatch.from_packed(torch.randn(elements, 2), [elements // 4] * 4)

    def step() -> None:
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter.grad.zero_()
        model(batch).square().mean().backward()

    step()  # compiles, and makes room for the gradients
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - began)
    print(json.dumps({"peak_bytes": peak_allocated(step), "seconds": f"{sorted(seconds)[1]:.4g}"}))


def depth_fit(number: int, sets: int, epochs: int) -> None:
    """Print gradients at the start and the loss of each epoch on real digits, in a process of its own."""
    store = _digits(sets)
    torch.manual_seed(0)
    model = sw.models.build("deep-sets++", store.shape[0], 1, depth=number, width=_WIDTH, pool="mean")
    assert isinstance(model, sw.models.SetModel)
    batch = store.batch(range(_BATCH))
    values = torch.tensor(store.sets["mean"].to_pylist()[:_BATCH])[:, None]
    target = (values - values.mean()) / values.std()
    scaled = batch.with_elements((batch.elements - batch.elements.mean()) / batch.elements.std())
    (model(scaled) - target).square().mean().backward()
    grads = [m.weight.grad for m in model.encoder.modules() if isinstance(m, nn.Linear)]
    norms = [float(grad.norm()) for grad in grads if grad is not None]
    found = {"gradient_first": f"{norms[0]:.4g}", "gradient_last": f"{norms[-1]:.4g}"}
    if epochs:
        config = FitConfig(epochs=epochs, batch_size=_BATCH, ensemble=1, memory="low", patience=None)
        choices = {"depth": number, "width": _WIDTH}
        study = Study(targets="mean", model_choices=choices, config=config)
        run = train(store, study, baselines=False, intervals=False)
        found["losses"] = " ".join(f"{record.train_loss:.4g}" for record in run.history)
    print(json.dumps(found))


def _digits(sets: int) -> SetStore:
    """Draw sets of 6 to 10 images of digits, with the mean of the digits that they show."""
    drawn = digit_sets(train=sets, validation=16, test=16)
    means = drawn.digits.group_by("set_id", use_threads=False).aggregate([("digit", "mean")])
    by_name = dict(zip(means["set_id"].to_pylist(), means["digit_mean"].to_pylist(), strict=True))
    table = drawn.sets.append_column("mean", [[by_name[name] for name in drawn.sets["set_id"].to_pylist()]])
    return read(drawn.elements, sets=table)


def draw(path: Path, results: Path = RESULTS) -> None:
    """Draw loss, gradients, memory and time of the newest row of each depth and memory."""
    with results.open(newline="", encoding="utf-8") as file:
        newest: dict[tuple[int, str], Row] = {(int(row["depth"]), row["memory"]): row for row in csv.DictReader(file)}
    depths = sorted({number for number, _ in newest})
    style: dict[Any, Any] = {
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "svg.hashsalt": "setwise",
    }
    with mpl.rc_context(style):
        figure = Figure(figsize=(7.2, 5.2), layout="constrained")
        (losses, gradients), (memory, seconds) = figure.subplots(2, 2)
        for number, (colour, dashes) in zip(depths, STYLES, strict=False):
            row = newest.get((number, "low"), {})
            values = [float(loss) for loss in row.get("losses", "").split()]
            if values:
                line = losses.plot(range(1, len(values) + 1), values, color=colour, label=f"{number:,} layers")[0]
                line.set_linestyle(dashes)
        losses.xaxis.get_major_locator().set_params(integer=True)
        losses.set(title="loss on digits", xlabel="epoch", ylabel="mean squared error / variance")
        losses.legend(frameon=False)
        fitted = [number for number in depths if newest.get((number, "low"), {}).get("gradient_first")]
        ratios = [_ratio(newest[number, "low"]) for number in fitted]
        gradients.plot(fitted, ratios, "o-", color=STYLES[0][0])
        gradients.set(title="gradients at the start", ylabel="norm, first layer / last layer", ylim=(0.005, 200))
        for way, (colour, dashes), marker in zip(MEMORY, STYLES, "os", strict=False):
            rows = [(number, newest[number, way]) for number in depths if (number, way) in newest]
            for ax, column, unit in ((memory, "peak_bytes", 2**20), (seconds, "seconds", 1)):
                points = [float(row[column]) / unit for _, row in rows]
                line = ax.plot([number for number, _ in rows], points, color=colour, marker=marker, label=way)[0]
                line.set_linestyle(dashes)
        memory.set(title="memory of a training step", ylabel="MiB of tensors, peak")
        seconds.set(title="time of a training step", ylabel="seconds")
        memory.legend(title="memory=", frameon=False)
        for ax in (gradients, memory, seconds):
            ax.set(xscale="log", yscale="log", xlabel="layers")
            ax.set_xticks(depths, [f"{number:,}" for number in depths])
            ax.minorticks_off()
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None})


def _ratio(row: Row) -> float:
    return float(row["gradient_first"]) / float(row["gradient_last"])
