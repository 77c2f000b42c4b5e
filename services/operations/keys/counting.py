"""How much each key seals: rows of every sealed column, and what waits in streams of Redis since before a moment."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import select

from models import Bot
from services.operations.keys.sealed_columns import SEALED_COLUMNS, Key, SealedColumn
from services.platform.platform import Platform
from services.platform.redis import keys, work_keys

BATCH: Final = 500  # rows read at once
CHUNK: Final = 500  # streams asked at once


@dataclass(frozen=True)
class Sealed:
    """Rows of one column by the index of their key (0 = newest); `lost` are those that no listed key opens."""

    column: SealedColumn
    rows: Counter[int] = field(default_factory=Counter)
    lost: int = 0

    @property
    def by_older(self) -> int:
        """Rows that another key than the newest has sealed."""
        return sum(self.rows.values()) - self.rows[0]


def count_sealed(platform: Platform) -> list[Sealed]:
    """Go over every sealed row and try the keys on it. Raises Unavailable."""
    return [_counted(platform, column) for column in SEALED_COLUMNS]


def _counted(platform: Platform, column: SealedColumn) -> Sealed:
    rows: Counter[int] = Counter()
    lost, after = 0, None
    while found := _batch(platform, column, after):
        after = found[-1][0]
        for _, sealed in found:
            index = platform.vault.sealed_by(sealed)
            if index is None:
                lost += 1
            else:
                rows[index] += 1
    return Sealed(column, rows, lost)


def _batch(platform: Platform, column: SealedColumn, after: Key | None) -> list[tuple[Key, str]]:
    with platform.database.reading() as session:
        return list(column.batch(session, after, BATCH))


def streams_older_than(platform: Platform, moment: datetime) -> int:
    """How many streams of updates and sends hold an entry from before `moment`, when another key sealed. RedisError."""
    with platform.database.reading() as session:
        bots = session.execute(select(Bot.id, Bot.public_id)).all()
    names = [keys.update_lane(number) for number in range(platform.settings.update_lanes)]
    names += [keys.outbox(bot_id, rank) for bot_id, _ in bots for rank in keys.OUTBOX_PRIORITIES]
    names += [name for _, public_id in bots for name in work_keys.streams(public_id)]
    latest = f"({int(moment.timestamp() * 1000)}-0"
    older = 0
    for start in range(0, len(names), CHUNK):
        with platform.redis.pipeline(transaction=False) as pipe:
            for name in names[start : start + CHUNK]:
                pipe.xrange(name, max=latest, count=1)
            older += sum(1 for entries in pipe.execute() if entries)
    return older
