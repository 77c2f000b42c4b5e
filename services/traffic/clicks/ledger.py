"""How far the click stream has come into the tables: written with the rows, so it is never ahead and never behind.

A stream counts its entries itself (`entries-added`), including deleted ones; what was accepted is therefore known
without any cost for `/go`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

from redis import Redis
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import ClickLedger
from services.platform.platform import Platform
from services.platform.redis import keys


@dataclass(frozen=True, slots=True)
class Batch:
    """The entries of a batch: of which life of the stream, their ids, and how many became no row for good reason."""

    life: str
    entries: Sequence[str]
    unreadable: int = 0


def open_ledger(platform: Platform) -> str:
    """The present life of the stream; opens its ledger when it is new. Only under the flusher's lease. RedisError."""
    redis = platform.redis
    redis.set(keys.click_life(), token_hex(8), nx=True)
    life = str(redis.get(keys.click_life()))
    with platform.database.reading() as session:
        if session.get(ClickLedger, life) is not None:
            return life
    before = entries_added(redis) - int(redis.xlen(keys.click_stream()))
    with platform.database.transaction() as session:
        if session.get(ClickLedger, life) is None:
            session.add(ClickLedger(life=life, before=before, entries=0, rows=0, dropped=0))
    return life


def entries_added(redis: Redis) -> int:
    """Entries the click stream has ever held. The stream must exist. Raises RedisError."""
    answer: Any = redis.xinfo_stream(keys.click_stream())
    return int(answer["entries-added"])


def write_position(session: Session, batch: Batch, *, new: int, dropped: int) -> None:
    """Write a batch down in the transaction that stores it; what was written down before adds nothing."""
    ledger = session.scalars(
        select(ClickLedger).where(ClickLedger.life == batch.life).with_for_update()
    ).one()
    done = order(ledger.last_entry)
    fresh = [entry for entry in batch.entries if order(entry) > done]
    if fresh:
        ledger.entries += len(fresh)
        ledger.rows += new
        ledger.dropped += min(dropped + batch.unreadable, len(fresh) - new)
        ledger.last_entry = max(fresh, key=order)


def order(entry: str) -> tuple[int, int]:
    """An entry id as numbers that compare as the stream orders them."""
    ms, _, number = entry.partition("-")
    return int(ms), int(number or 0)
