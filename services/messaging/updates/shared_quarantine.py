"""What the consumers of a process share, so that one suspect runs alone at a time and nothing beside a trial."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from services.platform.redis.lease_renewer import HeldLease


class Lane(Protocol):
    """What a trial needs of the other lanes of its process."""

    @property
    def running(self) -> int: ...

    def wake(self) -> None: ...


class SharedQuarantine:
    """Whoever runs a suspect alone holds `alone`. While a trial is held it is closed: no lane takes up anything. `stays` are the leases
    under which this process had each lane last.
    """

    def __init__(self) -> None:
        self.alone = threading.Lock()
        self.stays: dict[int, HeldLease] = {}
        self.is_open = True
        self._lanes: list[Lane] = []

    @property
    def running(self) -> int:
        """Updates at work or waiting to be settled, in all lanes of the process."""
        return sum(lane.running for lane in self._lanes)

    def close(self) -> None:
        """Let no lane begin anything."""
        self.is_open = False

    def open(self) -> None:
        """Let all go on."""
        self.is_open = True
        for lane in list(self._lanes):
            lane.wake()

    @contextmanager
    def includes(self, lane: Lane) -> Iterator[None]:
        """While the block runs the lane is one of those that a trial keeps quiet."""
        self._lanes.append(lane)
        try:
            yield
        finally:
            self._lanes.remove(lane)
