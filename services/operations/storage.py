"""Does what must be written find a place? Each store is written to, for one that is full answers reads all the same.

Redis is asked each time, by one key. The database and the disk are asked once in five seconds and process: a commit is
dearer, and `/health/ready` is open to everybody.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from typing import Final, cast

from redis import Redis
from redis.exceptions import OutOfMemoryError, ResponseError

from services.core.errors import Unavailable
from services.core.i18n import Text
from services.operations.findings import Finding
from services.platform.platform import Platform
from services.platform.redis.connection import check_writable
from services.queueing.memory_guard import Memory
from services.traffic.clicks.spool import Spool

CHECK_SECONDS: Final = 5.0
EXTENSION: Final = "flotilla.storage"


class Storage:
    """The database and the disk of one process, as they were in the last five seconds."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._lock = threading.Lock()
        self._checked_at = float("-inf")
        self._findings: tuple[Finding, ...] = ()

    def findings(self) -> tuple[Finding, ...]:
        """What takes no writes, or soon will not."""
        with self._lock:
            if time.monotonic() - self._checked_at >= CHECK_SECONDS:
                self._findings = (*_database(self._platform), *_disk(self._platform))
                self._checked_at = time.monotonic()
            return self._findings


def storage_findings(platform: Platform) -> tuple[Finding, ...]:
    """Of the database and the disk, five seconds old at most."""
    known = platform.app.extensions.get(EXTENSION)
    if known is None:
        known = platform.app.extensions.setdefault(EXTENSION, Storage(platform))
    return cast(Storage, known).findings()


def redis_findings(redis: Redis, memory: Memory) -> Iterator[Finding]:
    """Of Redis, which uses so much memory. Raises RedisError when it does not answer."""
    try:
        check_writable(redis)
    except OutOfMemoryError:
        words = Text(
            "Redis is full: links keep redirecting and clicks are kept on disk, but nothing else is taken. Raise its maxmemory."
        )
        yield Finding("redis_full", words, fatal=True)
        return
    except ResponseError:  # MISCONF: its disk; READONLY: a replica
        words = Text(
            "Redis takes no writes: see its log and its disk. Links keep redirecting and clicks are kept on disk, but nothing else is taken."
        )
        yield Finding("redis_unwritable", words, fatal=True)
    if memory.is_low:
        words = Text(
            "Redis is short of memory: above nine tenths of it updates wait at Telegram and clicks on disk."
        )
        yield Finding("redis_memory", words)


def free_bytes(platform: Platform) -> int:
    """Free space on the disk of DATA_DIR. Raises OSError."""
    return shutil.disk_usage(platform.settings.data_dir).free


def disk_is_low(platform: Platform) -> bool:
    """Whether less is free than DISK_FREE_MB. Raises OSError."""
    return free_bytes(platform) < platform.settings.disk_free_mb * 2**20


def _database(platform: Platform) -> Iterator[Finding]:
    try:
        platform.database.check_writable()
    except Unavailable:
        words = Text(
            "The database takes no writes: see its disk. Links keep redirecting, but nothing can be changed."
        )
        yield Finding("database_unwritable", words, fatal=True)


def _disk(platform: Platform) -> Iterator[Finding]:
    try:
        Spool(platform.settings.data_dir / "spool").check_writable()
        low = disk_is_low(platform)
    except OSError:
        words = Text(
            "This server's disk takes no clicks: should Redis fail too, they are lost. See DATA_DIR and its space."
        )
        yield Finding("spool_unwritable", words)
        return
    if low:
        yield Finding("disk_low", Text("This server's disk is nearly full: make room."))
