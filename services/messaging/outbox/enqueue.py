"""Putting calls into outboxes from outside a handler: broadcasts, admin commands, the API."""

from __future__ import annotations

from typing import Any, Final

from plugins.effects import Priority
from services.core import tracing
from services.core.logs import bound_ids
from services.messaging.outbox.outgoing import slot_of
from services.platform.platform import Platform
from services.platform.redis.jobs import DOORBELL_SECONDS, JobName, enqueue
from services.platform.redis.scripts import load
from services.platform.token_encryption import dump_sealed
from services.queueing.shards import outbox_keys

PUT: Final = load("enqueue_call")


def enqueue_call(
    platform: Platform,
    bot_id: int,
    method: str,
    params: dict[str, Any],
    priority: Priority = Priority.BULK,
    *,
    then: dict[str, Any] | None = None,
) -> None:
    """Have the Bot API `method` called for the bot, in order for its chat and no faster than allowed. Raises RedisError.

    `then` says which of the bot's plugins gets the answer (`call_answers.continuation_to`), or as {"reply"} under which name
    a program looks for it.
    """
    call = {"method": method, "params": params, **({"then": then} if then else {})}
    shard = bot_id % platform.settings.update_lanes
    waits_as, chat = slot_of(method, params, priority, str(params.get("chat_id", "0")))
    names = outbox_keys(bot_id, waits_as, shard)
    values = (
        bot_id,
        DOORBELL_SECONDS,
        chat,
        str(bound_ids().get("request_id") or tracing.begun(bot_id)),
        dump_sealed(platform.vault, call, bot_id),
    )
    if PUT(platform.redis, names, values):
        enqueue(platform.job_redis, JobName.DRAIN_OUTBOX, shard)
