"""Memory in use: the machine's, or the container's where that has less."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.operations.machine_memory import machine_memory
from services.queueing.memory_guard import Memory

MEMINFO = "MemTotal:        1000 kB\nMemFree:          100 kB\nMemAvailable:     400 kB\n"


@pytest.fixture
def meminfo(tmp_path: Path) -> Path:
    file = tmp_path / "meminfo"
    file.write_text(MEMINFO)
    return file


def contained(folder: Path, limit: str) -> Path:
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text("300000\n")
    (folder / "memory.stat").write_text("anon 100000\ninactive_file 50000\n")
    return folder


def test_without_a_container_the_machine_counts(meminfo: Path, tmp_path: Path) -> None:
    assert machine_memory(tmp_path / "none", meminfo) == Memory(600 * 1024, 1000 * 1024)


def test_a_containers_limit_counts_and_what_it_caches_does_not(meminfo: Path, tmp_path: Path) -> None:
    assert machine_memory(contained(tmp_path, "500000"), meminfo) == Memory(250_000, 500_000)


@pytest.mark.parametrize("limit", ["max", "9223372036854771712"])
def test_a_limit_above_the_machine_is_none(meminfo: Path, tmp_path: Path, limit: str) -> None:
    assert machine_memory(contained(tmp_path, limit), meminfo) == Memory(600 * 1024, 1000 * 1024)
