"""Signs of life: each process says every five seconds that it is there, with its figures.

All times are Redis' own: machines whose clocks disagree would strike each other off the list.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from redis import RedisError

from services.core.idle_series import IdleSeries
from services.core.metrics import REGISTRY
from services.core.ticks import until_tick
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.process_identity import is_dead, process_identity
from services.platform.redis.scripts import load

logger = logging.getLogger(__name__)
BEAT_SECONDS = 5.0
ALIVE_SECONDS = 15.0  # three missed beats
FORGET_SECONDS = 60  # after so long a silent process and its figures are gone

BEAT: Final = load("beat")

Figures = Mapping[str, Any]
Sample = tuple[str, dict[str, str], float]


@dataclass(frozen=True)
class Process:
    """The last sign of life of a process; times in epoch seconds of Redis' clock. `name` is "<service>@<host>:<pid>",
    `identity` what tells on its own machine whether it lives ("" where nothing does).
    """

    name: str
    service: str
    at: float
    started_at: float
    age_seconds: float  # since the beat
    figures: dict[str, Any]
    samples: dict[str, list[Sample]]  # Prometheus family -> its samples
    identity: str

    @property
    def is_alive(self) -> bool:
        """Whether it beat within the last three periods."""
        return self.age_seconds <= ALIVE_SECONDS


def process_name(service: str, process_id: int = 0) -> str:
    """The name under which this process beats, or another one of this host."""
    return f"{service}@{socket.gethostname()}:{process_id or os.getpid()}"


def beat(platform: Platform, process: str, figures: Figures | None = None) -> None:
    """Say that `process` ("worker@host:12") is alive; `figures` is anything JSON can hold. Raises RedisError."""
    told = {"bearer": process_identity(), "figures": dict(figures or {}), "samples": own_samples()}
    lived = time.monotonic() - _first_beat(os.getpid())
    BEAT(
        platform.redis,
        [keys.heartbeat(process), keys.processes()],
        [process, lived, FORGET_SECONDS, json.dumps(told)],
    )


@cache
def _first_beat(_process_id: int) -> float:
    """When this process, which may be a forked child, was alive for the first time; on the monotonic clock."""
    return time.monotonic()


def farewell(platform: Platform, process: str) -> None:
    """Take an ending process off the list, so that nobody waits for its beats. Raises RedisError."""
    with platform.redis.pipeline(transaction=True) as pipe:
        pipe.delete(keys.heartbeat(process))
        pipe.zrem(keys.processes(), process)
        pipe.execute()


def processes(platform: Platform) -> list[Process]:
    """All processes heard of within the last minute but the dead of this machine, by name. Raises RedisError."""
    names = [str(name) for name in platform.redis.zrange(keys.processes(), 0, -1)]
    if not names:
        return []
    with platform.redis.pipeline(transaction=False) as pipe:
        pipe.mget([keys.heartbeat(name) for name in names])
        pipe.time()
        bodies, (seconds, microseconds) = pipe.execute()
    now = float(seconds) + float(microseconds) / 1e6
    found = [_parsed(name, str(body), now) for name, body in zip(names, bodies, strict=True) if body]
    return sorted((process for process in found if process is not None), key=lambda process: process.name)


def lives(platform: Platform, service: str) -> bool:
    """Whether a process of a service ("programs") beat lately. Raises RedisError."""
    return any(process.service == service and process.is_alive for process in processes(platform))


def own_samples() -> dict[str, list[Sample]]:
    """This process's counted figures; families that never moved and times of creation are left out."""
    found: dict[str, list[Sample]] = {}
    for family in REGISTRY.collect():
        samples: list[Sample] = [
            (sample.name, dict(sample.labels), sample.value)
            for sample in family.samples
            if not sample.name.endswith("_created")
        ]
        # Whole families: a histogram without its empty buckets would be read wrongly.
        if any(value for _, _, value in samples):
            found[family.name] = samples
    return found


class Heartbeats:
    """Beats for this process in a daemon thread until stopped; a missing Redis is waited for.

    `former` is the process that it replaces, 0 for none, and is taken off the list: in a container nobody else sees that it is dead,
    and who shares lanes with us would count it for three beats yet.
    """

    def __init__(
        self,
        platform: Platform,
        service: str,
        figures: Callable[[], Figures] | None = None,
        former: int = 0,
    ) -> None:
        self.process = process_name(service)
        self._former = process_name(service, former) if former else ""
        self._platform = platform
        self._figures = figures or dict
        self._stopped = threading.Event()
        self._due = threading.Event()
        self._idle = IdleSeries()

    def start(self) -> None:
        """Begin; returns at once."""
        threading.Thread(target=self._run, daemon=True, name="heartbeats").start()

    def beat_now(self) -> None:
        """The figures have changed: have the next beat at once."""
        self._due.set()

    def stop(self) -> None:
        """End, and take the process off the list if Redis can be reached."""
        self._stopped.set()
        self._due.set()
        try:
            farewell(self._platform, self.process)
        except RedisError:
            logger.debug("no farewell: Redis is away; the beat expires by itself")

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._due.clear()
            self._idle.drop()
            try:
                beat(self._platform, self.process, self._figures())
                self._take_off_former()
            except RedisError:
                logger.debug("no beat: Redis is away")
            self._due.wait(until_tick(BEAT_SECONDS))

    def _take_off_former(self) -> None:
        if self._former:
            farewell(self._platform, self._former)
            self._former = ""


def _parsed(name: str, body: str, now: float) -> Process | None:
    fields = json.loads(body)
    identity = fields.get("bearer", "")  # an older release's has none
    if is_dead(identity):
        return None
    samples = {
        family: [(str(sample), labels, float(value)) for sample, labels, value in entries]
        for family, entries in fields["samples"].items()
    }
    service, age = name.partition("@")[0], max(0.0, now - fields["at"])
    return Process(
        name, service, fields["at"], fields["started_at"], age, fields["figures"], samples, identity
    )
