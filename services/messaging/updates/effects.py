"""Making a handled update's wishes real: acknowledgement, messages and state in one fenced step in Redis.

An update's effects count only if its entry was still in the lane, so repeating a commit whose answer was lost adds
nothing, and a holder that slept through its lease does no harm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from redis import Redis

from plugins.context import STATE_TTL_SECONDS
from services.messaging.updates.update_processor import HandlerResult, Send
from services.platform.redis import keys
from services.platform.redis.jobs import DOORBELL_SECONDS

# KEYS[1] lease, KEYS[2] lane, KEYS[3] attempts, KEYS[4] suspects, then per `send` the bot's outbox, the shard's active
# bots, wake stream, lease and doorbell, per `state` the conversation or the
# kept payload. ARGV[1] token of the lease, ARGV[2] doorbell TTL
# in s, then operations: `ack` entry id, marked (1 when counters of it may exist) · `send` bot, shard, chat, request id,
# call · `state` value ("" ends it), TTL in s. Sends and states belong to the `ack` before them.
# Answer: the shards to ring, or false when the lease is not ours.
COMMIT = """#!lua
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end
local k, a, real = 5, 3, false
local rings = {}
while a <= #ARGV do
  local op = ARGV[a]
  if op == 'ack' then
    real = redis.call('XDEL', KEYS[2], ARGV[a + 1]) == 1
    if ARGV[a + 2] == '1' then
      redis.call('HDEL', KEYS[3], ARGV[a + 1])
      redis.call('HDEL', KEYS[4], ARGV[a + 1])
    end
    a = a + 3
  elseif op == 'send' then
    if real then
      redis.call('XADD', KEYS[k], '*', 'chat', ARGV[a + 3], 'request', ARGV[a + 4], 'call', ARGV[a + 5])
      if redis.call('ZADD', KEYS[k + 1], 'LT', 'CH', 0, ARGV[a + 1]) == 1 then
        redis.call('XADD', KEYS[k + 2], 'MAXLEN', '~', 1000, '*', 'bot', ARGV[a + 1])
      end
      if redis.call('EXISTS', KEYS[k + 3]) == 0
        and redis.call('SET', KEYS[k + 4], '1', 'NX', 'EX', ARGV[2]) then
        rings[#rings + 1] = tonumber(ARGV[a + 2])
      end
    end
    k, a = k + 5, a + 6
  else
    if real then
      if ARGV[a + 1] == '' then
        redis.call('DEL', KEYS[k])
      else
        redis.call('SET', KEYS[k], ARGV[a + 1], 'EX', ARGV[a + 2])
      end
    end
    k, a = k + 1, a + 3
  end
end
return rings
"""

# KEYS[1] lease, KEYS[2] lane, KEYS[3] suspects; ARGV[1] token. Leaves unless there is more: 1 when left, 0 to go on.
LEAVE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 1 end
if redis.call('XLEN', KEYS[2]) > 0 then return 0 end
redis.call('DEL', KEYS[1], KEYS[3])
return 1
"""


@dataclass(frozen=True)
class Settled:
    """A handled update: which entry it was, and what its handler wants. `marked` when it failed or was suspected."""

    entry_id: str
    bot_id: int
    request_id: str
    handled: HandlerResult
    marked: bool = False


class Committer:
    """Writes settled updates of one lane under its lease."""

    def __init__(self, redis: Redis, lane: int, lanes: int, token: str) -> None:
        self._script = redis.register_script(COMMIT)
        self._leave = redis.register_script(LEAVE)
        self._lanes = lanes
        self._token = token
        self._own_keys = [
            keys.lease(f"lane:{lane}"),
            keys.update_lane(lane),
            keys.update_attempts(lane),
            keys.update_suspects(lane),
        ]

    def commit(self, batch: Sequence[Settled]) -> list[int] | None:
        """Write the batch in one round trip; the outbox shards to ring, or None when the lease was lost."""
        names = list(self._own_keys)
        values: list[str | int] = [self._token, DOORBELL_SECONDS]
        for settled in batch:
            values += ("ack", settled.entry_id, int(settled.marked))
            for send in settled.handled.sends:
                self._send(settled, send, names, values)
            if settled.handled.conversation is not None:
                names.append(settled.handled.conversation_key)
                values += ("state", settled.handled.conversation, STATE_TTL_SECONDS)
            for key, value, seconds in settled.handled.kept:
                names.append(key)
                values += ("state", value, seconds)
        answer = self._script(keys=names, args=values)
        return None if answer is None else [int(shard) for shard in answer]

    def leave(self) -> bool:
        """Give the lane back if nothing is left in it, in one step, so that no update falls between."""
        lease, lane, _, suspects = self._own_keys
        return bool(self._leave(keys=[lease, lane, suspects], args=[self._token]))

    def _send(self, settled: Settled, send: Send, names: list[str], values: list[str | int]) -> None:
        shard = settled.bot_id % self._lanes
        names += (
            keys.outbox(settled.bot_id, send.priority),
            keys.outbox_active(shard),
            keys.outbox_wake(shard),
            keys.lease(f"outbox:{shard}"),
            keys.wakeup("outbox", shard),
        )
        values += ("send", settled.bot_id, shard, send.chat, settled.request_id, send.call)
