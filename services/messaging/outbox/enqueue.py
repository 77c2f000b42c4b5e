"""Putting calls into outboxes from outside a handler: broadcasts, admin commands, the API."""

from __future__ import annotations

from typing import Any

from plugins.context import Priority
from services.core.logs import bound_ids, new_request_id
from services.messaging.outbox.outgoing import slot_of
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.jobs import DOORBELL_SECONDS, JobName, enqueue
from services.platform.token_encryption import dump_sealed

# KEYS: the bot's outbox, the shard's active bots, wake stream, lease and doorbell; ARGV: bot, doorbell TTL in s, chat,
# request id, call. 1 when the doorbell is to be rung.
PUT = """#!lua
redis.call('XADD', KEYS[1], '*', 'chat', ARGV[3], 'request', ARGV[4], 'call', ARGV[5])
if redis.call('ZADD', KEYS[2], 'LT', 'CH', 0, ARGV[1]) == 1 then
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', 1000, '*', 'bot', ARGV[1])
end
if redis.call('EXISTS', KEYS[4]) == 0 and redis.call('SET', KEYS[5], '1', 'NX', 'EX', ARGV[2]) then return 1 end
return 0
"""


def enqueue_call(
    platform: Platform, bot_id: int, method: str, params: dict[str, Any], priority: Priority = Priority.BULK
) -> None:
    """Have the Bot API `method` called for the bot, in order for its chat and no faster than allowed. Raises RedisError."""
    shard = bot_id % platform.settings.update_lanes
    waits_as, chat = slot_of(method, params, priority, str(params.get("chat_id", "0")))
    names = (
        keys.outbox(bot_id, waits_as),
        keys.outbox_active(shard),
        keys.outbox_wake(shard),
        keys.lease(f"outbox:{shard}"),
        keys.wakeup("outbox", shard),
    )
    values = (
        bot_id,
        DOORBELL_SECONDS,
        chat,
        str(bound_ids().get("request_id") or new_request_id()),
        dump_sealed(platform.vault, {"method": method, "params": params}, bot_id),
    )
    if platform.redis.eval(PUT, len(names), *names, *values):
        enqueue(platform.job_redis, JobName.DRAIN_OUTBOX, shard)
