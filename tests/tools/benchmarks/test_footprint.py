"""The footprint counts a process with its descendants, each once, and only what they used since."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tools.benchmarks.footprint import Footprint, Size, _size
from tools.benchmarks.load import Load
from tools.benchmarks.servers import cpu_seconds
from tools.servers.process_tree import family
from tools.servers.sandbox import wait_until

CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'kept = bytes(range(256)) * 80_000; input()'])"


@pytest.fixture
def parent() -> Iterator[int]:
    """A process whose child holds 20 MB and waits."""
    with subprocess.Popen([sys.executable, "-c", CHILD], stdin=subprocess.PIPE) as running:
        yield running.pid


def test_memory_is_that_of_the_process_and_its_child_and_the_share_is_less(parent: int) -> None:
    wait_until(lambda: _size(parent, {}, 1.0).pss_mb > 20)  # the child has taken all of it
    found = _size(parent, {}, 1.0)
    assert 20 < found.pss_mb < found.rss_mb
    assert len(family(parent)) == 2


def test_cpu_that_was_used_before_does_not_count(parent: int) -> None:
    wait_until(lambda: len(family(parent)) == 2 and _size(parent, {}, 1.0).cpu_milli > 0)
    before = {pid: cpu_seconds(pid) + 1 for pid in family(parent)}
    assert _size(parent, before, 2.0).cpu_milli < 0  # as though each had used a second more before


def test_the_total_has_the_stores_in_it_and_is_what_is_judged() -> None:
    sizes = {"web": Size(300, 200, 50), "valkey": Size(20, 10, 5), "postgresql": Size(900, 100, 9)}
    found = Footprint(1000, sizes, Load(1, 1), 1, 1, 0.5)
    assert found.total() == Size(1220, 310, 64)
    assert (found.figure().value, found.figure().verdict) == (310, "aim")
    assert "our own processes 200 MB" in found.figure().detail
