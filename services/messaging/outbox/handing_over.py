"""Handing the answers of calls to those who wait for them, in the step that takes the calls out of their outboxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from redis import Redis

from services.core.encryption import Vault
from services.messaging.outbox.outgoing import OutboxMessage
from services.platform.redis import keys, work_keys
from services.platform.redis.jobs import DOORBELL_SECONDS
from services.platform.redis.scripts import load
from services.platform.token_encryption import dump_sealed
from services.queueing.lanes import lane_of

HAND_OVER: Final = load("hand_over_answers")
REPLY_SECONDS: Final = 60  # how long an answer is kept for the program that waits


def hand_over(redis: Redis, vault: Vault, messages: Sequence[OutboxMessage], lanes: int) -> list[int]:
    """Delete calls that were answered, and bring the answers to who waits for them: a program's own where it looks for them,
    a plugin's into its lane, each in one step; the lanes to ring. What is deleted already is handed over already.

    Raises RedisError, also when there is no room.
    """
    awaited = [message for message in messages if "reply" in message.call["then"]]
    if awaited:
        _reply(redis, vault, awaited)
    rest = [message for message in messages if "reply" not in message.call["then"]]
    return _into_lanes(redis, vault, rest, lanes) if rest else []


def _reply(redis: Redis, vault: Vault, messages: Sequence[OutboxMessage]) -> None:
    with redis.pipeline(transaction=True) as pipe:
        for message in messages:
            key = work_keys.reply(message.bot_id, str(message.call["then"]["reply"]))
            pipe.set(key, dump_sealed(vault, message.answer, message.bot_id), ex=REPLY_SECONDS)
            pipe.xdel(keys.outbox(message.bot_id, keys.OUTBOX_PRIORITIES[message.rank]), message.entry_id)
        pipe.execute()


def _into_lanes(redis: Redis, vault: Vault, messages: Sequence[OutboxMessage], lanes: int) -> list[int]:
    names: list[str] = []
    values: list[str | int] = [DOORBELL_SECONDS]
    numbers: list[int] = []
    for message in messages:
        turn = str(message.call["then"].get("turn", message.chat))
        lane = lane_of(message.bot_id, turn, lanes)
        numbers.append(lane)
        outbox = keys.outbox(message.bot_id, keys.OUTBOX_PRIORITIES[message.rank])
        names += (outbox, keys.update_lane(lane), keys.lease(f"lane:{lane}"), keys.wakeup("lane", lane))
        update = dump_sealed(vault, message.answer_update(), message.bot_id)
        values += (message.entry_id, message.bot_id, turn, message.request_id, update)
    rings = HAND_OVER(redis, names, values)
    return [lane for lane, must_ring in zip(numbers, rings, strict=True) if int(must_ring)]
