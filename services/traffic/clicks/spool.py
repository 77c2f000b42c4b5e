"""Clicks on disk while Redis is away, and their way back into the stream.

A process appends to a file of its own and holds a lock on it; the kernel drops the lock when the process dies. So
whoever can lock a file may replay it. A replay that dies half way is simply repeated: the rows' keys make a second
copy harmless.
"""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from redis import Redis

from services.core.drafts import draft_of
from services.platform.redis import keys

logger = logging.getLogger(__name__)
BATCH: Final = 500
LARGEST_FILE: Final = (
    2**21
)  # bytes, some 4,000 clicks: what is replayed as a whole, when there is room in Redis for it
PROBE: Final = b"x" * 4096  # a block


class Spool:
    """The folder of spooled clicks; one line of JSON per click: the fields of its stream entry."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: int | None = None
        self._size = 0
        self._broken: set[Path] = set()
        self._lock = threading.Lock()

    def append(self, entries: Sequence[dict[str, str]]) -> None:
        """Append entries in one write. They outlive this process at once, a power loss like any file.

        Raises OSError when the disk does not take them; then none is in the file.
        """
        text = "".join(json.dumps(entry, separators=(",", ":")) + "\n" for entry in entries)
        data = text.encode()
        with self._lock:
            file = self._open()
            if os.write(file, data) != len(data):
                # Else the next entry would continue a torn line, and be lost with it.
                os.ftruncate(file, self._size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._size += len(data)
            if self._size >= LARGEST_FILE:
                self._close()

    def seal(self) -> None:
        """Close the present file, so that it may be replayed; the next click opens another."""
        with self._lock:
            self._close()

    def check_writable(self) -> None:
        """Write a block and delete it. Raises OSError when the disk would not take clicks."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = draft_of(self._folder / "probe")
        try:
            path.write_bytes(PROBE)
        finally:
            path.unlink(missing_ok=True)

    def replay(self, redis: Redis, has_room: Callable[[], bool] = lambda: True) -> int:
        """Bring every file that nobody writes into the click stream, while it `has_room`; how many clicks. Raises RedisError.

        A file that the disk does not give, or does not let go, is left to the next process and stops no other.
        """
        count = 0
        for path in sorted(self._folder.glob("*.jsonl")):
            if not has_room():
                break
            count += self._replay_if_possible(path, redis)
        return count

    def waiting_bytes(self) -> int:
        """Size of all spooled clicks of this folder."""
        return sum(path.stat().st_size for path in self._folder.glob("*.jsonl") if path.exists())

    def _open(self) -> int:
        if self._file is None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._folder / f"{os.getpid()}-{time.time_ns()}.jsonl"
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
            self._size = 0
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return self._file

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _replay_if_possible(self, path: Path, redis: Redis) -> int:
        if path in self._broken:
            return 0
        try:
            return self._replay_file(path, redis)
        except OSError:
            logger.exception("spooled clicks cannot be replayed", extra={"file": path.name})
            self._broken.add(path)
            return 0

    def _replay_file(self, path: Path, redis: Redis) -> int:
        try:
            file = path.open("rb")
        except FileNotFoundError:  # another process was quicker
            return 0
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:  # still being written, or being replayed by another
                return 0
            if not path.exists():
                return 0
            count = 0
            for batch in _batches(file.read().splitlines()):
                with redis.pipeline(transaction=True) as pipe:
                    for entry in batch:
                        pipe.xadd(keys.click_stream(), entry)  # type: ignore[arg-type]
                    pipe.execute()
                count += len(batch)
            path.unlink()
        logger.info("spooled clicks replayed", extra={"clicks": count, "file": path.name})
        return count


def _batches(lines: Sequence[bytes]) -> Iterator[list[dict[str, str]]]:
    for start in range(0, len(lines), BATCH):
        yield [entry for line in lines[start : start + BATCH] if (entry := _entry(line))]


def _entry(line: bytes) -> dict[str, str] | None:
    """The entry in a line; None for the torn last line of a process that died while writing it (never answered)."""
    try:
        entry: dict[str, str] = json.loads(line)
    except ValueError:
        logger.warning("a torn line in the spool was left out")
        return None
    return entry
