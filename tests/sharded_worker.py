"""One of several processes that hold parts of the same sets: compares with the whole sets in one process.

Usage: python sharded_worker.py RANK PROCESSES FILE, where FILE is new and shared.
"""

import sys

import pytest
import torch
import torch.distributed as dist

from setwise import SetBatch, models
from setwise._checks import InputError
from setwise.parallel import SetParallel, shard, share
from setwise.testing import assert_close
from setwise.variants import NORMS

SIZES = (53, 1, 7, 211, 2)
DEEP_SETS = [{"norm": norm} for norm in NORMS]
DEEP_SETS += [{"path": "non-clean"}, {"residual": "mean"}, {"residual": "max"}, {"pool": "sum"}, {"pool": "std"}]
DEEP_SETS += [{"pool": "max"}, {"pool": "attention"}]
TRANSFORMERS = [{}, {"norm": "layer"}, {"norm": "feature-by-element"}, {"path": "non-clean"}, {"residual": "max"}]


def gradients(model, elements, output, reduce):
    loss = (output.square() * torch.arange(1.0, 11.0, dtype=output.dtype).view(5, 2)).sum()
    loss.backward()
    reduce()
    return loss.detach(), gradient_of(elements), {name: gradient_of(p) for name, p in model.named_parameters()}


def gradient_of(tensor):
    assert tensor.grad is not None
    return tensor.grad


def check(name, dtype, tolerance, *, memory="normal", **choices):
    torch.manual_seed(0)
    one = models.build(name, in_features=3, out_features=2, depth=2, width=8, covariates=1, **choices).to(dtype).train()
    many = models.build_from_spec(one.spec).to(dtype).train()
    many.load_state_dict(one.state_dict())
    many.memory = memory
    batch = SetBatch.from_list([torch.randn(n, 3, dtype=dtype) * 2 + 3 for n in SIZES], torch.randn(5, 1, dtype=dtype))
    part = share(batch)
    whole, own = batch.elements.requires_grad_(), part.elements.detach().requires_grad_()
    want = one(batch)
    parallel = SetParallel(many)
    got = parallel(part.with_elements(own))
    case = f"{name} {choices} {dtype} {memory}"
    assert_close(got, want, f"{case}: output", tolerance)
    loss, of_elements, of_parameters = gradients(one, whole, want, lambda: None)
    same, of_own, of_copies = gradients(many, own, got, parallel.reduce_gradients)
    assert_close(same, loss, f"{case}: loss", tolerance)
    mine = share(batch.with_elements(of_elements)).elements
    scale = float(of_elements.abs().max())
    assert float((of_own - mine).abs().max()) <= tolerance * scale, f"{case}: gradient of the elements"
    largest = max(float(g.abs().max()) for g in of_parameters.values())
    for key, gradient in of_parameters.items():
        error = float((of_copies[key] - gradient).abs().max())
        assert error <= tolerance * largest, f"{case}: gradient of {key} off by {error / largest:.1e} of the largest"
    for (key, kept), (_, found) in zip(one.named_buffers(), many.named_buffers(), strict=True):
        assert_close(found, kept, f"{case}: {key}", tolerance)


def check_refusals(rank):
    def refused(text, call):
        with pytest.raises(InputError, match=text):
            call()

    x = torch.ones(2, 3)
    refused("add up to the 2 elements", lambda: shard(x, [3]))
    refused("the same number of sets; got 1 to 2", lambda: shard(x, [2] if rank == 0 else [1, 1]))
    refused("set 1 has none", lambda: shard(x, [2, 0]))
    model = SetParallel(models.build("deep-sets", in_features=3, out_features=1))
    refused("must be sharded", lambda: model(SetBatch.from_list([x])))


def main():
    rank, processes, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{path}", rank=rank, world_size=processes)
    for choices in DEEP_SETS:
        check("deep-sets++", torch.float64, 1e-9, **choices)
    for choices in TRANSFORMERS:
        check("set-transformer++", torch.float64, 1e-9, inducing=5, **choices)
    for name in ("deep-sets++", "set-transformer++"):
        check(name, torch.float32, 1e-5)
        check(name, torch.float64, 1e-9, memory="low")
    check_refusals(rank)
    dist.destroy_process_group()
    print("equal")


if __name__ == "__main__":
    main()
