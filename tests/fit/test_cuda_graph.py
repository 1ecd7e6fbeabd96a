"""Captured steps: everything but the recording itself on the CPU, by a graph that repeats its work when replayed."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import setwise as sw
from setwise.batch import SetBatch
from setwise.fit import cuda_graph, loop
from setwise.fit.cuda_graph import CudaGraph, CudaGraphSteps
from setwise.fit.loop import fit
from setwise.fit.parts import Example
from setwise.runs.checkpoints import Checkpoints
from setwise.runs.config import FitConfig
from setwise.targets import Classes, Objective

RATE = 2.0**-6  # the same number as a float32 tensor
CONFIG = FitConfig(epochs=3, learning_rate=RATE, schedule="constant", warmup=0, patience=None, device="cpu")
SETS, SIZE = 23, 7  # batches of 5: four full ones an epoch, then one of 3
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="capturing needs CUDA, and there is no GPU here")


class Repeating:
    """A graph of the CPU: what is recorded is done when it is replayed, its results always lie in one place."""

    def __init__(self):
        self.prepared, self.replayed = 0, 0
        self.work: Callable[[], tuple[torch.Tensor, torch.Tensor]] | None = None
        self.results = torch.zeros(()), torch.zeros(())

    def prepare(self, work):
        self.prepared += 1
        return work()

    def record(self, work):
        self.work = work
        return self.results

    def replay(self):
        self.replayed += 1
        assert self.work is not None
        for place, value in zip(self.results, self.work(), strict=True):
            place.copy_(value)


class _NothingRead(TorchDispatchMode):
    """Refuses what makes a host wait for a device: values read back, and values brought there."""

    refused = ("aten._local_scalar_dense", "aten.nonzero", "aten.lift_fresh", "aten.unique", "aten.masked_select")

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        assert not str(func).startswith(self.refused), f"{func} makes the host wait"
        return func(*args, **(kwargs or {}))


class Watched(Repeating):
    """A graph whose replays must not read a value."""

    def replay(self):
        with _NothingRead():
            super().replay()


class Failing(Repeating):
    """A graph that cannot be recorded, as of a model that looks at values."""

    def record(self, work):  # noqa: ARG002 - the protocol's
        raise RuntimeError("operation not permitted when stream is capturing\nand more")


@pytest.fixture
def part(regression, part_of):
    part = part_of(SETS, objective=regression)
    part.sets = SetBatch.from_list(list(np.random.default_rng(0).normal(size=(SETS, SIZE, 3))))
    part.weights = torch.rand(SETS) + 0.5
    return part


@pytest.fixture
def fitted(monkeypatch, regression, mean_model, part):
    def run(graph, config=CONFIG, part=part):
        monkeypatch.setattr(loop, "graph_on", lambda _: graph)
        return fit(mean_model(), regression, train=part, validation=None, config=config)

    return run


def _losses(fitted):
    return [record.train_loss for record in fitted.progress.history]


@pytest.mark.parametrize("accumulate", [1, 2])
def test_the_same_bits(fitted, accumulate):
    graph, config = Repeating(), CONFIG.model_copy(update={"accumulate": accumulate})
    plain, replayed = fitted(None, config), fitted(graph, config)
    assert _losses(plain) == _losses(replayed)
    assert all(torch.equal(plain.weights[name], replayed.weights[name]) for name in plain.weights)
    full = 3 * (4 // accumulate)
    assert graph.replayed == full - cuda_graph._AS_USUAL


@pytest.mark.parametrize("model", ["deep-sets++", "set-transformer++"])
def test_a_step_reads_nothing_back(monkeypatch, part, model):
    objective = Objective.join(Classes(target="y", classes=("a", "b"), weights=(0.5, 1.5)))
    part.encoded = objective.encode(["a", "b"] * 11 + ["a"])
    graph = Watched()
    monkeypatch.setattr(loop, "graph_on", lambda _: graph)
    fit(
        sw.models.build(model, 3, 2, depth=2, width=8),
        objective,
        train=part,
        validation=None,
        config=CONFIG.model_copy(update={"clip": 1.0}),
    )
    assert graph.replayed > 0
    with pytest.raises(AssertionError, match="makes the host wait"), _NothingRead():
        torch.ones(3).sum().item()


def test_off(fitted):
    graph = Repeating()
    fitted(graph, CONFIG.model_copy(update={"capture": False}))
    assert graph.prepared == 0


def test_sets_of_several_sizes_and_large_batches_are_left_alone(monkeypatch, fitted, regression, part_of, part):
    graph = Repeating()
    fitted(graph, part=part_of(SETS, objective=regression))
    monkeypatch.setattr(cuda_graph, "_LARGEST", 5 * SIZE - 1)
    part.batch_size = 5
    part.sets, part.encoded, part.weights = part.sets[:20], part.encoded[:20], None  # without a smaller last batch
    fitted(graph, part=part)
    assert (graph.prepared, graph.replayed) == (0, 0)


def test_a_recording_that_fails(fitted):
    with pytest.warns(UserWarning, match="steps are not captured, only slower: operation not permitted"):
        failed = fitted(Failing())
    assert _losses(failed) == _losses(fitted(None))


def test_the_rate_is_read_at_each_step(fitted):
    config = CONFIG.model_copy(update={"schedule": "cosine", "epochs": 5})
    np.testing.assert_allclose(_losses(fitted(Repeating(), config)), _losses(fitted(None, config)), rtol=1e-5)


def test_a_resumed_fit_has_the_same_bits(fitted, monkeypatch, regression, mean_model, part, tmp_path):
    whole = fitted(Repeating())
    for epochs in (2, 3):
        monkeypatch.setattr(loop, "graph_on", lambda _: Repeating())
        config = CONFIG.model_copy(update={"epochs": epochs})
        resumed = fit(
            mean_model(),
            regression,
            train=part,
            validation=None,
            config=config,
            checkpoints=Checkpoints(tmp_path / "kept", {}),
            resume=True,
        )
    assert all(torch.equal(whole.weights[name], resumed.weights[name]) for name in whole.weights)


@needs_cuda
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("model", ["deep-sets++", "set-transformer++"])
def test_on_a_gpu(regression, part, precision, model):
    config = CONFIG.model_copy(update={"device": "cuda", "precision": precision, "epochs": 5})
    losses = []
    for capture in (False, True):
        torch.manual_seed(0)
        network = sw.models.build(model, 3, 1, depth=2, width=16)
        chosen = config.model_copy(update={"capture": capture})
        losses.append(_losses(fit(network, regression, train=part, validation=None, config=chosen)))
    np.testing.assert_allclose(*losses, rtol=1e-4 if precision == "32-true" else 2e-2)


@needs_cuda
def test_a_model_that_looks_at_values_on_a_gpu(regression, part):
    class Looking(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(3, 1)

        def forward(self, batch):
            y = self.linear(batch.elements).view(len(batch), -1).mean(1, keepdim=True)
            return y if y.sum().item() > 0 else y * 1

    config = CONFIG.model_copy(update={"device": "cuda"})
    with pytest.warns(UserWarning, match="steps are not captured"):
        fit(Looking(), regression, train=part, validation=None, config=config)


@needs_cuda
def test_recording_computes_nothing():
    x = torch.zeros(3, device="cuda")
    graph = CudaGraph(x.device)
    graph.prepare(lambda: (x.add_(1), x))
    graph.record(lambda: (x.add_(1), x))
    assert x.tolist() == [1, 1, 1]
    graph.replay()
    assert x.tolist() == [2, 2, 2]


def test_steps_by_themselves():
    """The learning rate is a number again after each step, and results are the caller's own."""
    weight = nn.Parameter(torch.zeros(()))
    optimizer = torch.optim.Adam([weight], lr=1.0, fused=True)
    seen = []

    def step(group, rate):
        optimizer.param_groups[0]["lr"] = rate
        seen.append(float(rate))
        loss = group[0].batch.elements.sum()
        return loss, loss.detach()

    steps = CudaGraphSteps(step, optimizer, Repeating(), torch.device("cpu"))
    results = []
    for i in range(6):
        batch = SetBatch.from_list([torch.full((2, 1), float(i)), torch.full((2, 1), float(i))])
        results.append(steps([Example(batch, torch.zeros(2, 1))], 0.5 * i)[0])
        assert optimizer.param_groups[0]["lr"] == 0.5 * i
    assert [float(r) for r in results] == [4.0 * i for i in range(6)]
    assert seen == [0.5 * i for i in range(6)]
