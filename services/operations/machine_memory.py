"""How much of its memory this machine uses, or the container that this process is in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from services.queueing.memory_guard import Memory

CGROUP: Final = Path("/sys/fs/cgroup")
MEMINFO: Final = Path("/proc/meminfo")
LINE: Final = re.compile(r"^(\w+):\s+(\d+) kB$", re.MULTILINE)


def machine_memory(cgroup: Path = CGROUP, meminfo: Path = MEMINFO) -> Memory:
    """Used and whole, in bytes; what the system would give back at once (file caches) is not used. Raises OSError.

    A container's limit counts (control groups, version 2) where it is below the machine's memory.
    """
    kilobytes = {name: int(size) for name, size in LINE.findall(meminfo.read_text())}
    whole = kilobytes["MemTotal"] * 1024
    limit = _limit(cgroup)
    if limit is not None and limit < whole:
        return Memory(_used(cgroup), limit)
    return Memory(whole - kilobytes["MemAvailable"] * 1024, whole)


def _limit(cgroup: Path) -> int | None:
    """The container's limit in bytes; None where there is none."""
    try:
        text = (cgroup / "memory.max").read_text().strip()
    except FileNotFoundError:
        return None
    return int(text) if text.isdecimal() else None


def _used(cgroup: Path) -> int:
    statistics = dict(line.split(" ", 1) for line in (cgroup / "memory.stat").read_text().splitlines())
    current = int((cgroup / "memory.current").read_text())
    return max(0, current - int(statistics["inactive_file"]))
