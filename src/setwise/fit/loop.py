"""Fit a model's weights by the only loop of this library, on Lightning Fabric (device and precision)."""

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

from setwise._checks import InputError
from setwise.batch import rows_of
from setwise.fit.cuda_graph import CudaGraphSteps, graph_on
from setwise.fit.joint_model import JointModel
from setwise.fit.observers import Observer
from setwise.fit.parts import EvaluationPart, Example, TrainingPart
from setwise.fit.processes import fabric_choices, launch, own_share
from setwise.layers.penalties import collected
from setwise.runs.checkpoints import Checkpoints, Progress, State, Weights
from setwise.runs.config import FitConfig
from setwise.runs.history import EpochRecord
from setwise.runs.outputs import outputs_of
from setwise.targets.metrics import score
from setwise.targets.objectives import Objective

if TYPE_CHECKING:  # it costs seconds, which fits without epochs do not wait for
    from lightning_fabric import Fabric

Status = Literal["finished", "stopped early", "interrupted"]
_STEPS_BETWEEN_LOOKS = 50  # reading a loss back makes a GPU wait, so it is not done at every step


class DivergedError(InputError):
    """Raised where the loss or the gradient became NaN or infinite: the choices do not suit the data."""


@dataclass(frozen=True)
class Fitted:
    """The result of a fit.

    Attributes:
        weights: of the kept epoch, on the CPU.
        progress: where the fit stands.
        status: ``"finished"`` (all epochs), ``"stopped early"`` (patience, or time) or ``"interrupted"`` (Ctrl-C).
        seconds: wall time of all epochs, or of a fit without epochs.
    """

    weights: Weights
    progress: Progress
    status: Status
    seconds: float


def fit(
    model: nn.Module,
    objective: Objective,
    *,
    train: TrainingPart,
    validation: EvaluationPart | None,
    config: FitConfig,
    checkpoints: Checkpoints | None = None,
    resume: bool = False,
    observers: Sequence[Observer] = (),
    until: float | None = None,
) -> Fitted:
    """Fit a model's weights, in place.

    The weights kept are those of the epoch with the lowest validation loss, or of the last one without a validation
    part. The state of torch's random generators is left as it was found. Ctrl-C ends the fit at once and keeps
    the best weights so far.

    Args:
        model: ``model(SetBatch) -> (B, K)``, or a `SetBatch` of ``(N, K)`` where elements are predicted, on the CPU;
            afterwards it has the kept weights and is on the CPU.
        objective: what is predicted.
        train: training sets.
        validation: sets that decide which epoch is kept and when to stop, or none.
        config: how to fit.
        checkpoints: where to keep each epoch, or none to keep nothing on disk.
        resume: go on from the last checkpoint, if there is one.
        observers: who looks on.
        until: the moment (`time.perf_counter`) after which no further epoch is begun, but the first.

    Raises:
        DivergedError: the loss became NaN or infinite, with the epoch and what to try.
        InputError: a checkpoint that is damaged or of another fit; a full disk.
    """
    fabric = _fabric(config)
    with seeded(config.seed, fabric.device):
        running = _Fit(fabric, model, objective, config)
        progress, kept, found = Progress(), None, None
        if checkpoints is not None:
            found = checkpoints.load() if resume else None
            if found is None:
                checkpoints.start()
        found = fabric.broadcast(found)  # of the process that has the checkpoints
        if found is not None:
            progress, state, kept = found
            running.restore(state)
        status: Status = "finished"
        try:
            while progress.epochs < config.epochs:
                late = until is not None and progress.epochs > 0 and time.perf_counter() > until
                if late or _out_of_patience(progress, config):
                    status = "stopped early"
                    break
                record = running.epoch(progress.epochs, train, validation, observers)
                better = progress.improved_by(record)
                progress, kept = progress.after(record), _copy(model) if better else kept
                if checkpoints is not None:
                    checkpoints.save(progress, running.state(), kept if better else None)
                for observer in observers:
                    observer.epoch(record, progress.best_epoch)
        except KeyboardInterrupt:
            status = "interrupted"
        weights = _copy(model) if kept is None else kept
        model.cpu().load_state_dict(weights)
        model.eval()
    return Fitted(weights, progress, status, sum(record.seconds for record in progress.history))


class _Fit:
    """The moving parts of a fit: the model, its optimizer, and an epoch of training and validation."""

    def __init__(self, fabric: "Fabric", model: nn.Module, objective: Objective, config: FitConfig) -> None:
        self.fabric, self.objective, self.config, self.bare = fabric, objective, config, model
        kind = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}[config.optimizer]
        model = model.to(fabric.device)
        self.bare_optimizer = kind(
            model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        self.model, self.optimizer = fabric.setup(model, self.bare_optimizer)
        graph = graph_on(fabric.device) if config.capture and fabric.world_size == 1 else None
        self.step: Callable[[Sequence[Example], float], tuple[Tensor, Tensor]] = self._step
        if graph is not None:
            self.step = CudaGraphSteps(self._step, self.bare_optimizer, graph, fabric.device)

    def epoch(
        self,
        epoch: int,
        train: TrainingPart,
        validation: EvaluationPart | None,
        observers: Sequence[Observer],
    ) -> EpochRecord:
        """Pass once over the training sets, then over the validation part."""
        started = time.perf_counter()
        self.model.train()
        steps = math.ceil(train.num_batches(epoch) / self.config.accumulate)
        losses, largest, rows, rate = torch.zeros((), device=self.fabric.device), None, 0, 0.0
        for step, group in enumerate(_groups(train.epoch(epoch), self.config.accumulate)):
            rate = self.config.learning_rate_at(epoch + (step + 0.5) / steps)
            loss, norm = self.step(group, rate)
            count = sum(len(example.encoded) for example in group)
            losses, rows = losses + loss * count, rows + count
            largest = norm if largest is None else torch.maximum(largest, norm)
            if step % _STEPS_BETWEEN_LOOKS == 0:
                _check_finite(losses, largest, epoch)
            for observer in observers:
                observer.step(epoch + (step + 1) / steps)
        assert largest is not None, "a part without batches"
        _check_finite(losses, largest, epoch)
        losses = self._sum(losses)
        loss, metrics = (None, {}) if validation is None else self._validate(validation, epoch)
        return EpochRecord(
            epoch=epoch + 1,
            train_loss=losses.item() / rows,
            gradient_norm=largest.item(),
            learning_rate=rate,
            seconds=time.perf_counter() - started,
            validation_loss=loss,
            validation=metrics,
        )

    def _step(self, group: Sequence[Example], rate: float | Tensor) -> tuple[Tensor, Tensor]:
        """Do one step of the optimizer; return this process's part of the mean loss over rows, and the gradient's norm.

        Nothing is read back from the device, so a graph can hold all of it.
        """
        for parameters in self.optimizer.param_groups:
            parameters["lr"] = rate
        self.optimizer.zero_grad()
        total = sum(len(example.encoded) for example in group)
        sum_of_losses = torch.zeros((), device=self.fabric.device)
        for example in group:
            (batch, encoded, weights), count = own_share(example, self.fabric.global_rank, self.fabric.world_size)
            with _outputs_as_weights(self.config), collected() as penalties:
                outputs = rows_of(self.model(batch.to(self.fabric.device, non_blocking=True)))
            targets, weights = self._moved(encoded), None if weights is None else self._moved(weights)
            loss = self.objective.loss(outputs, targets, weights)
            loss = loss * (count / total)
            sum_of_losses = sum_of_losses + loss.detach()
            for penalty in penalties:
                loss = loss + penalty() * (count / total)
            self.fabric.backward(loss * self.fabric.world_size)  # gradients are averaged over processes
        norm = self._clipped(math.inf if self.config.clip is None else self.config.clip)
        self.optimizer.step()
        return sum_of_losses, norm.detach().float()

    def _clipped(self, most: float) -> Tensor:
        """Clip the gradient, and return its norm before it."""
        if isinstance(self.bare, JointModel):
            return self.bare.clip_gradients(most)
        norm = self.fabric.clip_gradients(
            self.model,
            self.optimizer,
            max_norm=most,
            error_if_nonfinite=False,  # the epoch's check says what to try
        )
        assert norm is not None
        return norm

    def _validate(self, part: EvaluationPart, epoch: int) -> tuple[float, dict[str, float]]:
        with _outputs_as_weights(self.config):
            outputs = outputs_of(self.model, part.batches(), device=self.fabric.device)
        loss = self.objective.loss(outputs.double(), part.encoded, part.weights)
        _check_finite(loss, loss, epoch)
        sizes = getattr(part, "sizes", None)
        found = loss.item(), score(self.objective, self.objective.predict(outputs), part.truth, sizes=sizes)
        return self.fabric.broadcast(found)  # so that all processes stop at one epoch, whatever their rounding

    def _moved(self, x: Tensor) -> Tensor:
        return x.to(self.fabric.device, non_blocking=True)

    def _sum(self, value: Tensor) -> Tensor:
        """Sum over processes."""
        total = self.fabric.all_reduce(value, reduce_op="sum")
        assert isinstance(total, Tensor)
        return total

    def state(self) -> State:
        """Return what an exact resume needs, beside the number of epochs."""
        state = {
            "model": self.bare.state_dict(),
            "optimizer": self.bare_optimizer.state_dict(),
            "random": torch.get_rng_state(),
        }
        if self.fabric.device.type == "cuda":
            state["random_cuda"] = torch.cuda.get_rng_state(self.fabric.device)
        return state

    def restore(self, state: State) -> None:
        """Go back to a `state`."""
        self.bare.load_state_dict(state["model"])
        self.bare_optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])
        if self.fabric.device.type == "cuda" and "random_cuda" in state:
            torch.cuda.set_rng_state(state["random_cuda"], self.fabric.device)


@contextmanager
def seeded(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Start torch's random generators from a seed inside the block, and restore them after it."""
    cuda = [device] if device is not None and device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda):
        torch.manual_seed(seed)
        yield


def _fabric(config: FitConfig) -> "Fabric":
    """Make Fabric for devices and processes: one each, or as `torchrun` started them; without its own messages."""
    from lightning_fabric import Fabric

    choices = fabric_choices(config.device)
    log = logging.getLogger("lightning_fabric")
    level = log.level
    log.setLevel(logging.WARNING)
    try:
        fabric = Fabric(precision=config.precision, **choices)  # pyright: ignore[reportArgumentType] of several types
        launch(fabric)
        return fabric
    finally:
        log.setLevel(level)


@contextmanager
def _outputs_as_weights(config: FitConfig) -> Iterator[None]:
    """Keep outputs of a float64 model as they are, which Fabric would round to torch's default dtype."""
    if config.precision != "64-true":
        yield
        return
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(default)


def _groups(examples: Iterator[Example], size: int) -> Iterator[list[Example]]:
    while group := list(islice(examples, size)):
        yield group


def _out_of_patience(progress: Progress, config: FitConfig) -> bool:
    return config.patience is not None and progress.epochs - progress.best_epoch >= config.patience


def _check_finite(loss: Tensor, norm: Tensor, epoch: int) -> None:
    """Refuse to go on from NaN or infinity; both numbers keep what they ever were."""
    if math.isfinite(loss.item()) and math.isfinite(norm.item()):
        return
    raise DivergedError(
        f"the loss or its gradient is no longer a finite number in epoch {epoch + 1}. Try a learning rate ten times "
        "smaller, a longer warm-up, a smaller clip, or a model with norms; look for extreme values with "
        "`setwise inspect`. Checkpoints of earlier epochs are kept."
    )


def _copy(model: nn.Module) -> Weights:
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
