"""How far a backup, or the trial of one, has come: told by the process that works, read by the panel's page.

A lease says that somebody works, this only how far; so what a process that died left behind is never shown.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO, Final

from redis import RedisError

from services.core.errors import Conflict
from services.operations.backup.reports import LEASE, VERIFY_LEASE
from services.platform.platform import Platform
from services.platform.redis import keys, upkeep_keys

logger = logging.getLogger(__name__)
EVERY_SECONDS: Final = 1.0  # at most so often: who looks does not see more, and Redis has other things to do
LIFE_SECONDS: Final = 3600  # no longer than a worker lets it work


class Work(StrEnum):
    CREATE = "create"
    VERIFY = "verify"


class Stage(StrEnum):
    COPYING = "copying"  # Redis, the database, plugins
    PACKING = "packing"
    UNPACKING = "unpacking"
    TRYING = "trying"  # the restored place is used


LEASES: Final = {Work.CREATE: LEASE, Work.VERIFY: VERIFY_LEASE}
FIRST: Final = {Work.CREATE: Stage.COPYING, Work.VERIFY: Stage.UNPACKING}


@dataclass(frozen=True)
class Progress:
    """What is being done now; `percent` of the stage, None where nobody knows how long it is."""

    work: Work
    stage: Stage
    percent: int | None = None


class Told:
    """Tells how far `work` is: a Meter. What Redis does not take is logged: the work is worth more than the word of it."""

    def __init__(self, platform: Platform, work: Work, every_seconds: float) -> None:
        self._platform, self._work, self._every_seconds = platform, work, every_seconds
        self._stage, self._total, self._done = FIRST[work], 0, 0
        self._told_at = 0.0

    def begin(self, stage: Stage, total: int = 0) -> None:
        """A stage begins, of `total` bytes; 0 for one that is not measured."""
        self._stage, self._total, self._done = stage, total, 0
        self._tell()

    def total(self, size: int) -> None:
        """So many bytes will be packed."""
        self.begin(Stage.PACKING, size)

    def done(self, size: int) -> None:
        """So many more have come."""
        self._done += size
        if time.monotonic() - self._told_at >= self._every_seconds:
            self._tell()

    def end(self) -> None:
        """Nothing more comes."""
        self._send(None)

    def _tell(self) -> None:
        self._told_at = time.monotonic()
        percent = min(100, self._done * 100 // self._total) if self._total else None
        self._send(json.dumps({"stage": self._stage, "percent": percent}))

    def _send(self, words: str | None) -> None:
        key = upkeep_keys.backup_progress(self._work)
        try:
            if words is None:
                self._platform.redis.delete(key)
            else:
                self._platform.redis.set(key, words, ex=LIFE_SECONDS)
        except RedisError as error:
            logger.warning("the progress of a backup was not told: %s", type(error).__name__)


class Counted:
    """A file that is read once, and tells how much of it was."""

    def __init__(self, file: BinaryIO, told: Told) -> None:
        self._file, self._told = file, told

    def read(self, size: int = -1) -> bytes:
        """As a file's."""
        data = self._file.read(size)
        self._told.done(len(data))
        return data


@contextmanager
def alone(platform: Platform, work: Work, every_seconds: float = EVERY_SECONDS) -> Iterator[Told]:
    """Be the only one that does `work`, and tell how far it is. Conflict `backup_running` or `verify_running`, RedisError."""
    lease = platform.leases.take(LEASES[work])
    if lease is None:
        raise running_already(work)
    told = Told(platform, work, every_seconds)
    try:
        told.begin(FIRST[work])
        yield told
    finally:
        told.end()
        lease.release()


def running_already(work: Work) -> Conflict:
    """What to say to whoever asks for what is being done."""
    if work is Work.VERIFY:
        return Conflict("A backup is being tried out already; wait for it", code="verify_running")
    return Conflict("A backup is being made already; wait for it", code="backup_running")


def is_running(platform: Platform, work: Work) -> bool:
    """Whether somebody does `work` now. Raises RedisError."""
    return bool(platform.redis.exists(keys.lease(LEASES[work])))


def running(platform: Platform) -> list[Progress]:
    """What is being done now, backups first. Raises RedisError."""
    found = []
    for work in Work:
        if is_running(platform, work):
            words: str | None = platform.redis.get(upkeep_keys.backup_progress(work))  # type: ignore[assignment]
            known = json.loads(words) if words else {}
            found.append(Progress(work, Stage(known.get("stage", FIRST[work])), known.get("percent")))
    return found
