"""Outboxes by bot: what waits to be sent, since when, and until when Telegram made it wait."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from typing_extensions import TypedDict

from models import Bot
from services.core.answer_types import Moment
from services.core.times import from_epoch, iso
from services.messaging.outbox.store import ALL_CHATS
from services.platform.accounts.principal import Principal, owned
from services.platform.platform import Platform
from services.platform.redis import keys

PRIORITIES = len(keys.OUTBOX_PRIORITIES)


class OutboxView(TypedDict):
    """What waits for one bot, by priority. `username` is empty for another account's bot, which an admin sees by its number
    alone: looking at it there stands in that account's trail. `paused_until` holds for the whole bot, `paused_chats` counts chats that wait
    for themselves; `oldest_at` is when the first entry came in.
    """

    bot_id: int
    username: str
    is_own: bool
    waiting: int
    answers: int
    replies: int
    bulk: int
    oldest_at: Moment | None
    paused_until: Moment | None
    paused_chats: int


def read_outboxes(platform: Platform, caller: Principal, limit: int) -> list[OutboxView]:
    """Outboxes with something in them, the fullest first: an admin's view of all bots, an owner's of the own.

    Two round trips and one query. Raises RedisError, Unavailable.
    """
    bots = _bots(platform, caller, _active(platform))
    found = [row for row in _rows(platform, caller, bots) if row["waiting"]]
    return sorted(found, key=lambda row: (-row["waiting"], row["bot_id"]))[:limit]


def _active(platform: Platform) -> list[int]:
    with platform.redis.pipeline(transaction=False) as pipe:
        for shard in range(platform.settings.update_lanes):
            pipe.zrange(keys.outbox_active(shard), 0, -1)
        shards = pipe.execute()
    return [int(bot) for shard in shards for bot in shard]


def _bots(platform: Platform, caller: Principal, active: Collection[int]) -> Mapping[int, tuple[str, bool]]:
    """Username and whether it is the caller's, of those that the caller may see."""
    if not active:
        return {}
    query = select(Bot) if caller.is_admin else owned(caller, Bot)
    with platform.database.reading() as session:
        rows = session.scalars(query.where(Bot.id.in_(active)))
        found = {bot.id: (bot.username, bot.account_id == caller.account_id) for bot in rows}
    return {bot_id: (name if is_own else "", is_own) for bot_id, (name, is_own) in found.items()}


def _rows(
    platform: Platform, caller: Principal, bots: Mapping[int, tuple[str, bool]]
) -> Sequence[OutboxView]:
    with platform.redis.pipeline(transaction=False) as pipe:
        for bot_id in bots:
            for priority in keys.OUTBOX_PRIORITIES:
                pipe.xlen(keys.outbox(bot_id, priority))
            for priority in keys.OUTBOX_PRIORITIES:
                pipe.xrange(keys.outbox(bot_id, priority), count=1)
            pipe.hgetall(keys.outbox_pauses(bot_id))
        answers = pipe.execute() if bots else []
    step = 2 * PRIORITIES + 1
    return [
        _view(bot_id, bots[bot_id], answers[at : at + step])
        for bot_id, at in zip(bots, range(0, len(answers), step), strict=True)
    ]


def _view(bot_id: int, bot: tuple[str, bool], row: list[Any]) -> OutboxView:
    sizes = [int(size) for size in row[:PRIORITIES]]
    firsts = [int(str(entries[0][0]).partition("-")[0]) for entries in row[PRIORITIES:-1] if entries]
    now = time.time() * 1000
    pauses = {chat: int(until) for chat, until in row[-1].items() if int(until) > now}
    whole = pauses.pop(ALL_CHATS, None)
    return {
        "bot_id": bot_id,
        "username": bot[0],
        "is_own": bot[1],
        "waiting": sum(sizes),
        "answers": sizes[0],
        "replies": sizes[1],
        "bulk": sizes[2],
        "oldest_at": iso(from_epoch(min(firsts) / 1000)) if firsts else None,
        "paused_until": iso(from_epoch(whole / 1000)) if whole else None,
        "paused_chats": len(pauses),
    }
