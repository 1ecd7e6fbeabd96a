"""Free memory: what the system has, and what this process is allowed."""

import re
from collections.abc import Iterator
from pathlib import Path

_SHARE = 0.8  # of the memory that is free, for one large thing
_GROUPS = Path("/sys/fs/cgroup")
_NAMES = (  # limit and use of a group of processes: Linux, second and first version
    ("memory.max", "memory.current"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes"),
)
_LIMITS = {"Max data size": "VmData", "Max address space": "VmSize"}  # of a process, with what it has of them


def free_memory() -> int | None:
    """Return the bytes that one large thing may take of the free memory, or none where the system does not tell.

    The least of what the machine has available, what is left of the limits of the container, service or job that the
    process runs in, pages of files not counted, and what is left of its own (``ulimit -d``, ``ulimit -v``).
    """
    left = list(_left())
    return int(max(0, min(left)) * _SHARE) if left else None


def _left() -> Iterator[int]:
    available = re.search(r"^MemAvailable:\s+(\d+) kB", _text("/proc/meminfo"), re.MULTILINE)
    if available:
        yield int(available[1]) * 1024
    for group in _groups():
        for names in _NAMES:
            limit, used = (_text(group / name).strip() for name in names)
            if limit.isdigit() and used.isdigit():  # "max" is none
                files = re.findall(r"^(?:in)?active_file (\d+)", _text(group / "memory.stat"), re.MULTILINE)
                yield int(limit) - int(used) + sum(map(int, files))
    own, limits = _text("/proc/self/status"), _text("/proc/self/limits")
    for name, use in _LIMITS.items():
        limit = re.search(rf"^{name}\s+(\d+)", limits, re.MULTILINE)
        used = re.search(rf"^{use}:\s+(\d+) kB", own, re.MULTILINE)
        if limit and used:
            yield int(limit[1]) - int(used[1]) * 1024


def _groups() -> Iterator[Path]:
    """Yield folders of the groups of processes that this one is in, from its own to the outermost that can be seen."""
    for line in _text("/proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        root = _GROUPS / "memory" if "memory" in controllers.split(",") else _GROUPS
        if root != _GROUPS or not controllers:
            own = root / path.lstrip("/")
            yield from (own, *(folder for folder in own.parents if folder.is_relative_to(root)))


def _text(path: str | Path) -> str:
    try:
        return Path(path).read_text(errors="replace")  # the name of a process may end within a character
    except OSError:
        return ""
