"""How much memory is free: what the system has, and what this process is allowed."""

import re
from collections.abc import Iterator
from pathlib import Path

_SHARE = 0.8  # of the memory that is free, for one large thing
_CONTAINERS = (  # limit and use of the group of processes that this one is in: Linux, second and first version
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)
_LIMITS = {"Max data size": "VmData", "Max address space": "VmSize"}  # of a process, with what it has of them


def free_memory() -> int | None:
    """Bytes that one large thing may take of the memory that is free now, or none where the system does not tell.

    The least of what the machine has available, what is left of the limits of the container (or job) that the process
    runs in, and what is left of its own (``ulimit -d``, ``ulimit -v``).
    """
    left = list(_left())
    return int(max(0, min(left)) * _SHARE) if left else None


def _left() -> Iterator[int]:
    available = re.search(r"^MemAvailable:\s+(\d+) kB", _text("/proc/meminfo"), re.MULTILINE)
    if available:
        yield int(available[1]) * 1024
    for limit, used in _CONTAINERS:
        numbers = _text(limit).strip(), _text(used).strip()
        if all(number.isdigit() for number in numbers):  # "max" is none
            yield int(numbers[0]) - int(numbers[1])
    own, limits = _text("/proc/self/status"), _text("/proc/self/limits")
    for name, use in _LIMITS.items():
        limit = re.search(rf"^{name}\s+(\d+)", limits, re.MULTILINE)
        used = re.search(rf"^{use}:\s+(\d+) kB", own, re.MULTILINE)
        if limit and used:
            yield int(limit[1]) - int(used[1]) * 1024


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
