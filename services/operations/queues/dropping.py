"""Emptying a bot's outbox without losing a message: each becomes a dead letter before it leaves, the newest first.

A sender may have read the oldest of them into its memory, where nobody reaches them. So a letter is first written as one
that may have arrived, and is called certain only when its entry was deleted at a moment at which no sender could have held
it: a sender reads each outbox in order and holds so many at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import update
from typing_extensions import TypedDict

from models import Bot, DeadLetter
from services.alerts.dead_letters.replay_id import replay_of
from services.core.errors import Uncertain
from services.messaging.outbox.message_letters import MessageLetters
from services.messaging.outbox.outgoing import OutboxMessage
from services.messaging.outbox.shard_window import WINDOW
from services.messaging.outbox.store import READ_AT_ONCE, UNCERTAIN
from services.platform.accounts.principal import Principal, audit, get_owned
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.schema_version import is_newer
from services.platform.token_encryption import open_tokens

AT_ONCE = 200  # of one call: each is a transaction of its own, and a person waits
HELD_AT_MOST = (
    WINDOW + READ_AT_ONCE
)  # by a sender, of one priority: a window that has room is read into once more
DROPPED = "dropped"


class DropView(TypedDict):
    """How many messages became dead letters, how many of them may have been sent all the same, and how many still wait."""

    dropped: int
    uncertain: int
    left: int


@dataclass(frozen=True)
class Batch:
    """Messages of one outbox."""

    outbox: str
    messages: Sequence[OutboxMessage]


def drop_outbox(
    platform: Platform, caller: Principal, bot_id: int | str, *, held_at_most: int = HELD_AT_MOST
) -> DropView:
    """Make dead letters of the newest AT_ONCE messages of a bot; call it again while some are `left`.

    Bulk messages go first, then replies, then answers. NotFound for somebody else's bot; Unavailable, RedisError. Whatever
    happens on the way, a message is in the outbox, a dead letter, or both.
    """
    with platform.database.transaction() as session:
        bot = get_owned(session, caller, Bot, bot_id)
        before = _waiting(platform, bot.id)
        if before:
            audit(
                session,
                caller,
                "bot_outbox_dropped",
                account_id=bot.account_id,
                bot_id=bot.id,
                messages=before,
            )
    dropped = uncertain = 0
    for priority in reversed(keys.OUTBOX_PRIORITIES):
        batch = _read(platform, bot.id, priority, AT_ONCE - dropped)
        if batch.messages:
            uncertain += _drop(platform, bot.id, batch, held_at_most)
            dropped += len(batch.messages)
    return {"dropped": dropped, "uncertain": uncertain, "left": _waiting(platform, bot.id)}


def _waiting(platform: Platform, bot_id: int) -> int:
    with platform.redis.pipeline(transaction=False) as pipe:
        for priority in keys.OUTBOX_PRIORITIES:
            pipe.xlen(keys.outbox(bot_id, priority))
        return sum(pipe.execute())


def _read(platform: Platform, bot_id: int, priority: str, count: int) -> Batch:
    outbox = keys.outbox(bot_id, priority)
    if count <= 0:
        return Batch(outbox, ())
    entries: Any = platform.redis.xrevrange(outbox, count=count)
    rank = keys.OUTBOX_PRIORITIES.index(priority)
    return Batch(outbox, [_message(platform, bot_id, rank, name, fields) for name, fields in entries])


def _message(platform: Platform, bot_id: int, rank: int, name: str, fields: dict[str, str]) -> OutboxMessage:
    return OutboxMessage(
        entry_id=name,
        bot_id=bot_id,
        chat=fields["chat"],
        rank=rank,
        request_id=fields.get("request") or name,
        text=open_tokens(platform.vault, fields.get("call", ""), bot_id),
        newer=is_newer(fields),
    )


def _drop(platform: Platform, bot_id: int, batch: Batch, held_at_most: int) -> int:
    """Write the letters, delete the entries, then say which are certain; how many are not."""
    letters = MessageLetters(platform)
    for message in batch.messages:
        letters.store(message, Uncertain("The outbox was emptied before this was sent", code=DROPPED))
    doubtful = _delete(platform, bot_id, batch, held_at_most)
    certain = [
        source_of(message)
        for message in batch.messages
        if message.entry_id not in doubtful and replay_of(message.request_id, "send") is None
    ]
    if certain:
        with platform.database.transaction() as session:
            session.execute(
                update(DeadLetter).where(DeadLetter.source_id.in_(certain)).values(is_uncertain=False)
            )
    return len(batch.messages) - len(certain)


def source_of(message: OutboxMessage) -> str:
    """What `MessageLetters` calls a message's letter."""
    return f"send:{message.bot_id}:{message.flight_id}"


def _delete(platform: Platform, bot_id: int, batch: Batch, held_at_most: int) -> set[str]:
    """Delete the entries in one step; which of them a sender may hold, or has tried with an unknown outcome."""
    shard = bot_id % platform.settings.update_lanes
    with platform.redis.pipeline(transaction=True) as pipe:
        pipe.get(keys.lease(f"outbox:{shard}"))
        pipe.xrange(batch.outbox, count=held_at_most)
        pipe.hkeys(keys.outbox_attempts(bot_id))
        pipe.hkeys(keys.outbox_flying(bot_id))
        for message in batch.messages:
            pipe.xdel(batch.outbox, message.entry_id)
        holder, oldest, attempts, flying, *deleted = pipe.execute()
    tried = {name.removeprefix(UNCERTAIN) for name in attempts if name.startswith(UNCERTAIN)} | set(flying)
    held = {str(name) for name, _ in oldest} if holder else set()
    return {
        message.entry_id
        for message, was_there in zip(batch.messages, deleted, strict=True)
        if not was_there or message.entry_id in held or message.flight_id in tried
    }
