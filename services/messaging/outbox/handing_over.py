"""Handing the answers of calls to those who wait for them, in the step that takes the calls out of their outboxes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from redis import Redis

from services.core.encryption import Vault
from services.messaging.broadcasts.brake import FEWEST, WINDOW
from services.messaging.broadcasts.outcomes import read_outcome
from services.messaging.outbox.outgoing import OutboxMessage
from services.platform.redis import broadcast_keys, keys, work_keys
from services.platform.redis.jobs import DOORBELL_SECONDS
from services.platform.redis.scripts import load
from services.platform.token_encryption import dump_sealed
from services.queueing.lanes import lane_of

HAND_OVER: Final = load("hand_over_answers")
OUTCOMES: Final = load("hand_over_outcomes")
HALTED_SECONDS: Final = 7 * 86_400  # longer than a message waits in an outbox
REPLY_SECONDS: Final = 60  # how long an answer is kept for the program that waits


def hand_over(redis: Redis, vault: Vault, messages: Sequence[OutboxMessage], lanes: int) -> list[int]:
    """Delete calls that were answered, and bring the answers to who waits for them: a program's own where it looks for them,
    a plugin's into its lane, a broadcast's into the stream of its ledger, each in one step; the lanes to ring. What is deleted already is handed over already.

    Raises RedisError, also when there is no room.
    """
    awaited = [message for message in messages if "reply" in message.call["then"]]
    if awaited:
        _reply(redis, vault, awaited)
    told = [message for message in messages if message.broadcast_id]
    if told:
        _to_ledgers(redis, told)
    rest = [each for each in messages if "reply" not in each.call["then"] and not each.broadcast_id]
    return _into_lanes(redis, vault, rest, lanes) if rest else []


def _reply(redis: Redis, vault: Vault, messages: Sequence[OutboxMessage]) -> None:
    with redis.pipeline(transaction=True) as pipe:
        for message in messages:
            key = work_keys.reply(message.bot_id, str(message.call["then"]["reply"]))
            pipe.set(key, dump_sealed(vault, message.answer, message.bot_id), ex=REPLY_SECONDS)
            pipe.xdel(keys.outbox(message.bot_id, keys.OUTBOX_PRIORITIES[message.rank]), message.entry_id)
        pipe.execute()


def _to_ledgers(redis: Redis, messages: Sequence[OutboxMessage]) -> None:
    names, values = [broadcast_keys.outcomes()], [str(HALTED_SECONDS), str(WINDOW), str(FEWEST)]
    for message in messages:
        broadcast_id, outcome = message.broadcast_id, json.dumps(_outcome(message))
        names += (
            keys.outbox(message.bot_id, keys.OUTBOX_PRIORITIES[message.rank]),
            broadcast_keys.brake(broadcast_id),
            broadcast_keys.last_outcomes(broadcast_id),
            broadcast_keys.halted(broadcast_id),
        )
        person, read = str(message.call["then"]["person"]), read_outcome(outcome)
        bad = str(int(read.is_bad)) if read.is_known else ""
        values += [message.entry_id, str(broadcast_id), person, outcome, bad]
    OUTCOMES(redis, names, values)


def _outcome(message: OutboxMessage) -> dict[str, Any]:
    """What the ledger wants to know of an answer: of a message that was sent its number alone."""
    answer = dict(message.answer or {})
    result = answer.pop("result", None)
    sent = {"message_id": result.get("message_id")} if isinstance(result, dict) else {}
    return {**answer, **sent, "method": message.method}


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
