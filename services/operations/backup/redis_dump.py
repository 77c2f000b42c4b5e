"""What Redis holds, as a file: any server's, by SCAN, DUMP and RESTORE, with the moments at which keys end.

Nobody stops meanwhile, so the order makes it whole (docs/backup.md): first what comes in (lanes, the click stream), then all
other keys, then the database, last what goes out. What moved on between two looks is then in both, never in neither, and the
database knows clicks and updates that it has had.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

from redis import Redis, ResponseError

from services.core.errors import InvalidInput
from services.platform.redis import keys, upkeep_keys
from services.platform.redis.keys import PREFIX

BATCH: Final = 256
RECORD: Final = struct.Struct(">IQI")  # lengths of key and value around the moment of its end in ms, 0 = none
INCOMING: Final = (f"{PREFIX}:lane:*", keys.intake_dead(), "*_outgoing", keys.click_stream())
OUTGOING: Final = (f"{PREFIX}:outbox:*", "*_incoming")
OTHERS: Final = (f"{PREFIX}:*", "*_workers")
ELSEWHERE: Final = (f"{PREFIX}:lane:".encode(), f"{PREFIX}:outbox:".encode())  # in one of the other two looks
CAME_IN: Final = (keys.intake_dead().encode(), keys.click_stream().encode())
# Of processes that run now, or found anew by those of tomorrow; `reconciled`: a moved installation sets its webhooks again.
LEFT_OUT: Final = tuple(
    name.encode()
    for name in (
        f"{PREFIX}:lease:",
        f"{PREFIX}:doorbell:",
        f"{PREFIX}:process:",
        keys.processes(),
        upkeep_keys.backup_report(),
        upkeep_keys.write_probe(),
        keys.reconciled(),
    )
)


def dump_incoming_and_rest(redis: Redis, file: BinaryIO) -> int:
    """Before the database's copy; how many keys. `redis` answers undecoded. Raises RedisError."""
    count = sum(_dump(redis, file, pattern) for pattern in INCOMING)
    return count + sum(_dump(redis, file, pattern, but=ELSEWHERE) for pattern in OTHERS)


def dump_outgoing(redis: Redis, file: BinaryIO) -> int:
    """After the database's copy; how many keys. Raises RedisError."""
    return sum(_dump(redis, file, pattern) for pattern in OUTGOING)


def load_dump(redis: Redis, path: Path) -> int:
    """Write every key of the file that has not ended meanwhile; how many. `redis` answers undecoded.

    Raises InvalidInput for a server too old for them ("restore_redis_refused"), RedisError.
    """
    count, now = 0, int(time.time() * 1000)
    with path.open("rb") as file:
        for records in _batches(_records(file)):
            with redis.pipeline(transaction=False) as pipe:
                for key, ends, value in records:
                    if not 0 < ends <= now:
                        pipe.restore(key, ends, value, replace=True, absttl=bool(ends))
                        count += 1
                try:
                    pipe.execute()
                except ResponseError as error:
                    if "payload" in str(error):
                        raise InvalidInput(
                            "Redis here is older than the one the backup was made with; use as new a one",
                            code="restore_redis_refused",
                        ) from None
                    raise
    return count


def check_loadable(redis: Redis, path: Path) -> None:
    """Raise InvalidInput when this server would refuse the file's values; one key is tried under another name."""
    with path.open("rb") as file:
        for _, _, value in _records(file):
            try:
                redis.restore(upkeep_keys.write_probe(), 1000, value, replace=True)
            except ResponseError:
                raise InvalidInput(
                    "Redis here is older than the one the backup was made with; use as new a one",
                    code="restore_redis_refused",
                ) from None
            redis.delete(upkeep_keys.write_probe())
            return


def has_data(redis: Redis) -> bool:
    """Whether keys of an installation are there that a backup would hold. Raises RedisError."""
    return any(batch for pattern in (*INCOMING, *OTHERS) for batch in _wanted(redis, pattern))


def clear(redis: Redis) -> None:
    """Delete every key of ours and RQ's, nobody else's. Raises RedisError."""
    for pattern in (*INCOMING, *OUTGOING, *OTHERS, "rq:*"):
        for found in _batches(redis.scan_iter(pattern, count=BATCH)):
            redis.unlink(*found)


def _dump(redis: Redis, file: BinaryIO, pattern: str, but: tuple[bytes, ...] = ()) -> int:
    count = 0
    for batch in _wanted(redis, pattern):
        names = [name for name in batch if not (but and (name.startswith(but) or name in CAME_IN))]
        with redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.pexpiretime(name)  # type: ignore[arg-type]  # bytes pass too
                pipe.dump(name)
            answers: list[Any] = pipe.execute()
        for name, ends, value in zip(names, answers[::2], answers[1::2], strict=True):
            if value is not None:
                file.write(RECORD.pack(len(name), max(0, ends), len(value)))
                file.write(name)
                file.write(value)
                count += 1
    return count


def _wanted(redis: Redis, pattern: str) -> Iterator[list[bytes]]:
    for batch in _batches(redis.scan_iter(pattern, count=BATCH)):
        names = [name for name in batch if not name.startswith(LEFT_OUT)]
        if names:
            yield names


def _records(file: BinaryIO) -> Iterator[tuple[bytes, int, bytes]]:
    while head := file.read(RECORD.size):
        key, ends, value = RECORD.unpack(head)
        yield file.read(key), ends, file.read(value)


def _batches(items: Iterator[Any]) -> Iterator[Sequence[Any]]:
    batch: list[Any] = []
    for item in items:
        batch.append(item)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
