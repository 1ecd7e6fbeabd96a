"""Data parallel: one fit by several processes that `torchrun` started, each with its share of every batch.

The sets of a batch, and so its gradient, are those of one process. Norms whose statistics cross sets (feature norm) are
refused: each process would have other statistics.
"""

import atexit
import os
from typing import TYPE_CHECKING

import torch

from setwise._checks import InputError
from setwise.fit.parts import Example
from setwise.fit.torchrun import num_processes
from setwise.models import Spec

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def check_norm(spec: Spec) -> None:
    """Refuse norms whose statistics cross the sets of a batch where several processes share it.

    Raises:
        InputError: such a norm.
    """
    crossing = spec.crosses_sets
    if num_processes() > 1 and crossing is not None:
        raise InputError(
            f"processes that share a batch need a norm that keeps to one set; got {crossing}, whose statistics are "
            f"of all sets of a batch and would differ between the {num_processes()} processes. Fit with one process, "
            "or use norm='set' (--norm set)."
        )


def fabric_choices(device: str) -> dict[str, object]:
    """Return what Fabric has to know of the processes.

    Raises:
        InputError: one device is named for several processes.
    """
    accelerator, _, number = device.partition(":")
    if num_processes() == 1:
        return {"accelerator": accelerator, "devices": [int(number)] if number else 1}
    if number:
        raise InputError(
            "device must be auto, cpu or cuda where torchrun starts several processes, one for each device; "
            f"got {device}."
        )
    here = int(os.environ["LOCAL_WORLD_SIZE"])
    return {
        "accelerator": accelerator,
        "devices": here,
        "num_nodes": num_processes() // here,
        "strategy": "ddp",
    }


def launch(fabric: "Fabric") -> None:
    """Start a fit's processes, or join those that `torchrun` started until this one exits.

    The group ends while Python still runs: a thread of gloo that lets go of a tensor after that aborts the process
    (pytorch issue 190489). Fabric ends groups of NCCL alone.
    """
    fabric.launch()
    if num_processes() > 1:
        atexit.register(_leave)


def _leave() -> None:
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def own_share(example: Example, rank: int, processes: int) -> tuple[Example, int]:
    """Return the sets of a batch that one process computes, and how many rows of targets (sets, or elements) count.

    Large and small sets are dealt in turn. A process that would have none takes a set that does not count.
    """
    if processes == 1:
        return example, len(example.encoded)
    dealt = torch.argsort(example.batch.sizes, descending=True, stable=True)
    own = dealt[rank::processes]
    count = len(own)
    own = own if count else dealt[:1]
    batch, rows = example.batch[own], own
    if len(example.encoded) != len(example.batch):  # a row per element
        starts = example.batch.layout.offsets[own]
        rows = torch.arange(batch.layout.num_elements) + (starts - batch.layout.offsets[:-1])[batch.layout.set_index]
        count = len(rows) if count else 0
    weights = None if example.weights is None else example.weights[rows]
    return Example(batch, example.encoded[rows], weights), count
