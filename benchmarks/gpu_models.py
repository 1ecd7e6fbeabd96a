"""Sections of `benchmarks.gpu` on models: waits of the host, ratios to the textbook, steps of a fit as CUDA graphs."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from statistics import median

import numpy as np
import torch
from torch import Tensor

import setwise as sw
from benchmarks.cases import FEATURES
from benchmarks.gpu_layers import name_of
from benchmarks.gpu_measure import Work, as_graph, time_on
from benchmarks.gpu_plan import Plan
from benchmarks.measure import timing_of
from benchmarks.rows import Row, timed
from benchmarks.textbook import Textbook

_AGREE = {torch.float32: 1e-3, torch.float16: 5e-2, torch.bfloat16: 2e-1}  # of the largest output, after many layers
_EPOCHS = 6


def no_wait(plan: Plan) -> Iterator[Row]:
    """Check that a training step never waits for the device (torch's synchronisation debug mode)."""
    if plan.device.type != "cuda":
        print("not on a CPU")
        return
    yield from ()
    for family in ("deep-sets++", "set-transformer++"):
        for dtype in plan.dtypes:
            for batch, sizes in plan.batches.items():
                step = _step(_model(plan, family), _batch(plan, sizes), dtype)
                step()
                torch.cuda.synchronize()
                torch.cuda.set_sync_debug_mode("error")
                try:
                    step()
                    found = "no wait"
                except RuntimeError as error:
                    found = f"WAITS: {error}"
                finally:
                    torch.cuda.set_sync_debug_mode("default")
                print(f"{family}, {batch}, {name_of(dtype)}: {found}", flush=True)


def models(plan: Plan) -> Iterator[Row]:
    """Measure training steps of Deep Sets++: ours, ours as a graph, the textbook, the textbook compiled."""
    for dtype in plan.dtypes:
        for batch, sizes in plan.batches.items():
            model, data = _model(plan, "deep-sets++"), _batch(plan, sizes)
            textbook, (padded, counts) = Textbook(model), data.to_padded()
            mask = torch.arange(padded.shape[1], device=plan.device) < counts[:, None]
            ours = _step(model, data, dtype)
            works: dict[str, Work] = {"ours": ours, "ours, graph": ours}
            works["textbook"] = _step_of(lambda t=textbook, x=padded, m=mask: t(x, m), model, padded, dtype)
            if dtype == plan.dtypes[0]:  # compiling takes a minute each time
                fast = torch.compile(textbook, dynamic=False)
                works["textbook, compiled"] = _step_of(lambda t=fast, x=padded, m=mask: t(x, m), model, padded, dtype)
            with torch.no_grad(), _autocast(padded, dtype):
                expected = textbook(padded, mask).float()
                error = ((model(data).float() - expected).abs().max() / expected.abs().max()).item()
            if not error < _AGREE[dtype]:
                print(f"{batch}, {name_of(dtype)}: ours differs from the textbook by {error:.1e}; no speed is told")
                continue
            case = {"model": f"deep-sets++ {plan.depth}", "batch": batch, "pass": "training", "dtype": name_of(dtype)}
            yield from _compared(plan, works, case, error)


def _compared(plan: Plan, works: dict[str, Work], case: Row, error: float) -> Iterator[Row]:
    """Yield rows of variants, the first of which is ours; one that fails (a compiler that is not there) is named."""
    first = None
    for name, work in works.items():
        try:
            ready = as_graph(plan.device, work) if name.endswith("graph") else work
            timing = time_on(plan.device, ready, seconds=plan.seconds)
        except Exception as failure:  # whatever a compiler raises
            print(f"{case['batch']}, {case['dtype']}, {name}: fails, {str(failure).splitlines()[0]}")
            continue
        first = first or timing
        ratio = timing.median / first.median
        print(
            f"{case['batch']}, {case['dtype']}, {name}: {1e3 * timing.median:.3g} ms, {ratio:.2f} times ours",
            flush=True,
        )
        yield case | timed(name, timing) | {"difference": f"{error:.2g}"}


def captured_steps(plan: Plan) -> Iterator[Row]:
    """Measure steps of a fit on small batches of one size, as a CUDA graph and not."""
    try:
        from setwise.fit.loop import fit
        from setwise.fit.parts import Example
        from setwise.runs.config import FitConfig
        from setwise.targets import Number, Objective
    except ImportError as error:
        print(f"the fit loop cannot be imported here: {error}")
        return
    sets, size = plan.small

    class Part:
        """A part with as many batches an epoch as make its time tell."""

        batches, elements = 100, torch.randn(sets * size, FEATURES, device=plan.device)
        layout, targets = sw.SetLayout.uniform(sets, size, plan.device), torch.randn(sets, 1, device=plan.device)

        def num_batches(self, epoch: int) -> int:  # noqa: ARG002 - the protocol's
            return self.batches if plan.device.type == "cuda" else 5

        def epoch(self, epoch: int) -> Iterator[Example]:
            for _ in range(self.num_batches(epoch)):
                yield Example(sw.SetBatch(self.elements, self.layout), self.targets.double())

    for precision in ("32-true", "bf16-mixed"):
        for capture in (False, True):
            config = FitConfig.checked(
                epochs=_EPOCHS, device=plan.device.type, capture=capture, precision=precision, patience=None
            )
            objective = Objective.join(Number(target="y"))
            fitted = fit(_model(plan, "deep-sets++"), objective, train=Part(), validation=None, config=config)
            steps = Part().num_batches(0)
            times = [record.seconds / steps for record in fitted.progress.history[1:]]  # the first records the graph
            name, loss = "captured" if capture else "not captured", fitted.progress.history[-1].train_loss
            print(f"{sets} sets of {size}, {precision}, {name}: {1e3 * median(times):.3g} ms a step, loss {loss:.6g}")
            case = {"model": f"deep-sets++ {plan.depth}", "batch": f"tiny {sets}x{size}", "pass": "fit"}
            yield case | {"dtype": precision} | timed(name, timing_of(times))


def _model(plan: Plan, family: str) -> sw.models.SetModel:
    torch.manual_seed(0)
    depth = plan.depth if family.startswith("deep-sets") else 2
    model = sw.models.build(family, FEATURES, 1, depth=depth, width=plan.widths[0])
    assert isinstance(model, sw.models.SetModel)
    return model.to(plan.device)


def _batch(plan: Plan, sizes: list[int]) -> sw.SetBatch:
    elements = np.random.default_rng(0).normal(size=(sum(sizes), FEATURES))
    return sw.SetBatch.from_packed(elements, sizes).to(plan.device)


def _step(model: sw.models.SetModel, batch: sw.SetBatch, dtype: torch.dtype) -> Work:
    return _step_of(lambda: model(batch), model, batch.elements, dtype)


def _step_of(forward, model: torch.nn.Module, like: Tensor, dtype: torch.dtype) -> Work:
    """Run forward and backward passes with weights in float32, products in ``dtype``."""
    parameters = list(model.parameters())

    def step() -> tuple[Tensor, ...]:
        with _autocast(like, dtype):
            loss = forward().float().square().mean()
        return torch.autograd.grad(loss, parameters)

    return step


def _autocast(like: Tensor, dtype: torch.dtype) -> AbstractContextManager[object]:
    return nullcontext() if dtype == torch.float32 else torch.autocast(like.device.type, dtype=dtype)
