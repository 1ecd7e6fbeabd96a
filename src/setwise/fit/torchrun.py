"""Say which of the processes that `torchrun` started this one is; without torch."""

import os


def num_processes() -> int:
    """Return the number of processes that fit together: those that `torchrun` started, else one."""
    return int(os.environ["WORLD_SIZE"]) if "TORCHELASTIC_RUN_ID" in os.environ else 1


def is_writer() -> bool:
    """Return whether this process is the one that writes files and tells people."""
    return num_processes() == 1 or os.environ["RANK"] == "0"
