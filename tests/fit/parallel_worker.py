"""A small fit, by as many processes as `torchrun` starts.

Usage: parallel_worker.py DIRECTORY OUT EPOCHS, where EPOCHS is after how many to be interrupted; OUT gets the losses.
"""

import atexit
import json
import os
import sys
from pathlib import Path

import numpy as np
import torch

from setwise import SetBatch, models
from setwise.fit.loop import fit
from setwise.fit.parts import Example
from setwise.fit.torchrun import is_writer
from setwise.runs.checkpoints import Checkpoints
from setwise.runs.config import FitConfig
from setwise.targets import Number, Objective


class Part:
    """13 sets, in batches of 5, 5 and 3."""

    def __init__(self, seed):
        draw = np.random.default_rng(seed)
        self.sets = SetBatch.from_list([draw.normal(size=(n, 3)) for n in draw.integers(1, 23, 13)])
        self.truth = np.array([[x.mean()] for x in self.sets.to_list()])
        self.encoded = torch.tensor(self.truth)
        self.weights = None

    def num_batches(self, epoch):  # noqa: ARG002 - the protocol's
        return 3

    def epoch(self, epoch):
        for rows in torch.from_numpy(np.random.default_rng(epoch).permutation(13)).split(5):
            yield Example(self.sets[rows], self.encoded[rows])

    def batches(self):
        yield self.sets


class Interrupter:
    def __init__(self, epochs):
        self.epochs = epochs

    def step(self, epochs):
        pass

    def epoch(self, record, best_epoch):  # noqa: ARG002 - what observers are told
        if record.epoch == self.epochs:
            raise KeyboardInterrupt


def check_group_is_left():
    if torch.distributed.is_initialized():
        print("the group of processes must be left before Python ends, or its threads may abort it")
        sys.stdout.flush()
        os._exit(1)


def main():
    atexit.register(check_group_is_left)  # first in, last out
    directory, out, epochs = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    model = models.build("deep-sets++", in_features=3, out_features=1, depth=2, width=8, pool="mean")
    config = FitConfig(epochs=6, device="cpu", accumulate=2, precision="64-true")
    directory.mkdir(exist_ok=True)
    fitted = fit(
        model,
        Objective.join(Number(target="mean")),
        train=Part(0),
        validation=Part(1),
        config=config,
        checkpoints=Checkpoints(directory, {}) if is_writer() else None,
        resume=True,
        observers=[Interrupter(epochs)],
    )
    if is_writer():
        losses = [[r.train_loss, r.validation_loss, r.gradient_norm] for r in fitted.progress.history]
        out.write_text(json.dumps(losses))


if __name__ == "__main__":
    main()
