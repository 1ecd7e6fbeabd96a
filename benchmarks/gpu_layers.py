"""Sections of `benchmarks.gpu` on layers: the residual block and its bound, the trial of fused layers, attention."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

import setwise as sw
from benchmarks.gpu_measure import BlockWork, Ceilings, Work, as_graph, time_on
from benchmarks.gpu_plan import Plan
from benchmarks.rows import Row, timed
from setwise.layers import ResidualBlock
from setwise.ops import set_norm
from setwise.ops.gpu_attention import gpu_attention, padded_attention

_WORTH_IT = 1.2  # a fused layer's gain from which it would be built
_INDUCING, _HEADS = 32, 4


def name_of(dtype: torch.dtype) -> str:
    """Return the name of a dtype without its module."""
    return str(dtype).removeprefix("torch.")


def blocks(plan: Plan) -> Iterator[Row]:
    """Measure residual blocks of Deep Sets++: time of one, its bound, the share reached."""
    for dtype in plan.dtypes:
        top = Ceilings.measured(plan.device, dtype, copied=plan.copied, side=plan.side, seconds=plan.seconds)
        print(f"{name_of(dtype)}: copy {top.bandwidth / 1e12:.3g} TB/s, product {top.rate / 1e12:.4g} TFLOP/s")
        for batch, sizes in plan.batches.items():
            yield from _blocks(plan, dtype, top, batch, sizes)


def _blocks(plan: Plan, dtype: torch.dtype, top: Ceilings, batch: str, sizes: list[int]) -> Iterator[Row]:
    width, layout = plan.widths[0], sw.SetLayout.from_sizes(sizes).to(plan.device)
    chain = torch.nn.Sequential(*(ResidualBlock(width, device=plan.device, dtype=dtype) for _ in range(plan.blocks)))
    x = torch.randn(sum(sizes), width, device=plan.device).to(dtype).requires_grad_()
    g, inputs = torch.randn_like(x), [x, *chain.parameters()]
    least = BlockWork(len(x), width, x.element_size())

    def forward() -> Tensor:
        with torch.no_grad():
            return chain(sw.SetBatch(x, layout)).elements

    def training() -> tuple[Tensor, ...]:
        return torch.autograd.grad(chain(sw.SetBatch(x, layout)).elements, inputs, g)

    for way, work in (("inference", forward), ("training", training)):
        bound = top.bound(least.moved(training=way == "training"), least.operations(training=way == "training"))
        case = {"model": "residual block", "batch": batch, "pass": way, "dtype": name_of(dtype)}
        print(f"{batch}, {name_of(dtype)}, {way}: bound {1e6 * bound:.1f} us", end="")
        for variant, done in (("eager", work), ("graph", as_graph(plan.device, work))):
            timing = time_on(plan.device, done, seconds=plan.seconds).over(plan.blocks)
            print(f"; {variant} {1e6 * timing.median:.1f} us, {100 * bound / timing.median:.0f} % of the bound", end="")
            yield case | timed(variant, timing, floor=bound)
        print(flush=True)


def fused_layers(plan: Plan) -> Iterator[Row]:
    """Measure the trial: norm and statistics inside the product, against the norm's kernels and torch's product."""
    from benchmarks.fused_layer import FusedLayers

    dtype, gains = plan.dtypes[0], []
    for width in plan.widths:
        for batch, sizes in plan.batches.items():
            layout = sw.SetLayout.from_sizes(sizes).to(plan.device)
            x = torch.randn(sum(sizes), width, device=plan.device).to(dtype)
            norm = torch.rand(width, device=plan.device) + 0.5, torch.randn(width, device=plan.device)
            matrix = (torch.randn(width, width, device=plan.device) / width**0.5).to(dtype)
            fused, layers = FusedLayers(layout.offsets, layout.largest, len(x)), 2 * plan.blocks

            def by_kernels(x=x, layout=layout, norm=norm, matrix=matrix) -> Tensor:
                for _ in range(plan.blocks):
                    h = F.linear(set_norm(x, layout, *norm, eps=1e-5, relu=True), matrix)
                    h = set_norm(h, layout, *norm, eps=1e-5, relu=True)
                    x = torch.addmm(x, h, matrix.t())
                return x

            def by_fused(x=x, fused=fused, norm=norm, matrix=matrix) -> Tensor:
                stats = fused.statistics(x)
                for _ in range(plan.blocks):
                    h, stats = fused.layer(x, norm, matrix, stats, None)
                    x, stats = fused.layer(h, norm, matrix, stats, x)
                return x

            with torch.no_grad():
                error = _difference(by_fused(), by_kernels())
                works: dict[str, Work] = {"kernels": by_kernels, "fused": by_fused}
                timings = {
                    name: time_on(plan.device, as_graph(plan.device, work), seconds=plan.seconds).over(layers)
                    for name, work in works.items()
                }
            gains.append(timings["kernels"].median / timings["fused"].median)
            print(
                f"{batch}, width {width}: fused {1e6 * timings['fused'].median:.1f} us a layer, {gains[-1]:.2f} ",
                end="",
            )
            print(f"times as fast; they differ by {error:.1e}", flush=True)
            case = {"model": f"layer of {width}", "batch": batch, "pass": "inference", "dtype": name_of(dtype)}
            for name, timing in timings.items():
                yield case | timed(name, timing, floor=timings["kernels"].median) | {"difference": f"{error:.2g}"}
    verdict = "worth building" if min(gains) >= _WORTH_IT else "not worth building"
    print(f"gains of {min(gains):.2f} to {max(gains):.2f}, {_WORTH_IT} asked: {verdict}")


def attention(plan: Plan) -> Iterator[Row]:
    """Measure attention within ragged sets: as it is used (flash), padded to the largest set, grouped by size."""
    width, dtype = plan.widths[0], plan.dtypes[0]
    batch, sizes = list(plan.batches.items())[-1]
    ragged = sw.SetLayout.from_sizes(sizes).to(plan.device)
    points = sw.SetLayout.uniform(len(sizes), _INDUCING, plan.device)
    for way, (queries, keys) in {"to inducing points": (points, ragged), "to elements": (ragged, points)}.items():
        q, k, v = (
            torch.randn(n, width, device=plan.device).to(dtype).requires_grad_()
            for n in (queries.num_elements, keys.num_elements, keys.num_elements)
        )
        g, choices = torch.randn_like(q), {"heads": _HEADS, "scale": width**-0.5}

        def grouped(q, k, v, queries, keys, *, heads, scale) -> Tensor:
            return torch.ops.setwise.ragged_attention(q, k, v, queries.offsets, keys.offsets, heads, scale)

        ways = {"as used": gpu_attention, "padded": padded_attention, "in groups": grouped}
        outputs = {name: attend(q, k, v, queries, keys, **choices) for name, attend in ways.items()}
        for name, attend in ways.items():

            def work(attend=attend, q=q, k=k, v=v, queries=queries, keys=keys, g=g, choices=choices) -> object:
                return torch.autograd.grad(attend(q, k, v, queries, keys, **choices), (q, k, v), g)

            output, expected = outputs[name], outputs["in groups"]
            if output is None or expected is None:
                print(f"{name}: not for these sets")
                continue
            error, timing = _difference(output, expected), time_on(plan.device, work, seconds=plan.seconds)
            print(f"{way}, {batch}, {name}: {1e6 * timing.median:.1f} us, differs by {error:.1e}", flush=True)
            case = {"model": f"attention {way}", "batch": batch, "pass": "training", "dtype": name_of(dtype)}
            yield case | timed(name, timing) | {"difference": f"{error:.2g}"}


def _difference(y: Tensor, expected: Tensor) -> float:
    """Compute the difference relative to the norm; infinite where something is not a number."""
    error = ((y.double() - expected.double()).norm() / expected.double().norm()).item()
    return error if error == error else float("inf")
