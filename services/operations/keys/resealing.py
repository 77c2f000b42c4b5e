"""Sealing anew, under the newest key, what an older one sealed: in small transactions, beside everybody else's writes.

A row is replaced only while it holds what was read (compare and swap): who writes meanwhile wins, and writes under the
newest key already. Running twice at once, being killed and beginning anew do no harm. How far it came stands in Redis,
so that a killed run is gone on with; what that forgets is gone over again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from services.core.errors import ConfigurationError
from services.operations.keys.sealed_columns import SEALED_COLUMNS, Key, SealedColumn
from services.platform.platform import Platform
from services.platform.redis import upkeep_keys
from services.platform.redis.jobs import JobName, enqueue

BATCH: Final = 200  # rows of one transaction, some milliseconds of SQLite's only writer
PAUSE_SECONDS: Final = 0.02  # between batches that wrote, so that other writers get their turn
LONGEST_RUN_SECONDS: Final = 90.0  # the job's time is 120 s
POSITION_SECONDS: Final = 86_400
Told = Callable[["Progress"], None]


@dataclass(frozen=True)
class Progress:
    """What a run has done: rows looked at, sealed anew, written by others meanwhile, and opened by no listed key."""

    seen: int = 0
    resealed: int = 0
    overtaken: int = 0
    lost: int = 0
    finished: bool = False


def reseal(
    platform: Platform,
    told: Told = lambda _: None,
    *,
    dry_run: bool = False,
    seconds: float | None = None,
) -> Progress:
    """Go on where the last unfinished run stopped, to the end or for `seconds`. A dry run begins at the beginning and
    changes nothing. Raises Unavailable, RedisError.
    """
    platform.vault.look()
    deadline = None if seconds is None else time.monotonic() + seconds
    number, after = (0, None) if dry_run else _position(platform)
    progress = Progress()
    for index in range(number, len(SEALED_COLUMNS)):
        while found := _read(platform, SEALED_COLUMNS[index], after):
            after = found[-1][0]
            progress = _batch(platform, SEALED_COLUMNS[index], found, progress, dry_run=dry_run)
            told(progress)
            if not dry_run:
                _remember(platform, index, after)
            if deadline is not None and time.monotonic() > deadline:
                return progress
        after = None
    if not dry_run:
        platform.redis.delete(upkeep_keys.reseal_position())
    return replace(progress, finished=True)


def start_resealing(platform: Platform) -> None:
    """Have it done in the background, from the beginning. Raises RedisError."""
    platform.redis.delete(upkeep_keys.reseal_position())
    enqueue(platform.job_redis, JobName.RESEAL)


def go_on_resealing(platform: Platform) -> Progress:
    """One run in the background; what it leaves is queued again. Raises Unavailable, RedisError."""
    progress = reseal(platform, seconds=LONGEST_RUN_SECONDS)
    if not progress.finished:
        enqueue(platform.job_redis, JobName.RESEAL)
    return progress


def _read(platform: Platform, column: SealedColumn, after: Key | None) -> list[tuple[Key, str]]:
    with platform.database.reading() as session:
        return list(column.batch(session, after, BATCH))


def _batch(
    platform: Platform,
    column: SealedColumn,
    found: list[tuple[Key, str]],
    progress: Progress,
    *,
    dry_run: bool,
) -> Progress:
    wanted, lost = [], 0
    for key, old in found:
        if platform.vault.sealed_by(old) == 0:
            continue
        try:
            wanted.append((key, old, platform.vault.resealed(old)))
        except ConfigurationError:
            lost += 1  # of a key that is not listed: told, and left as it is
    done = len(wanted) if dry_run else _write(platform, column, wanted)
    return Progress(
        progress.seen + len(found),
        progress.resealed + done,
        progress.overtaken + len(wanted) - done,
        progress.lost + lost,
    )


def _write(platform: Platform, column: SealedColumn, wanted: list[tuple[Key, str, str]]) -> int:
    if not wanted:
        return 0
    with platform.database.transaction() as session:
        done = sum(column.swap(session, key, old, new) for key, old, new in wanted)
    time.sleep(PAUSE_SECONDS)
    return done


def _position(platform: Platform) -> tuple[int, Key | None]:
    """The number of the column and the last row that was done; of other keys or columns than today's it counts for nothing."""
    kept = platform.redis.get(upkeep_keys.reseal_position())
    if kept is None:
        return 0, None
    told = json.loads(str(kept))
    if told["key"] != platform.vault.fingerprints[0] or told["columns"] != len(SEALED_COLUMNS):
        return 0, None
    return int(told["column"]), tuple(told["after"])


def _remember(platform: Platform, column: int, after: Key) -> None:
    place = {
        "key": platform.vault.fingerprints[0],
        "columns": len(SEALED_COLUMNS),
        "column": column,
        "after": list(after),
    }
    platform.redis.set(upkeep_keys.reseal_position(), json.dumps(place), ex=POSITION_SECONDS)
