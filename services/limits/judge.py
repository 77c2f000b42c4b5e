"""One round trip that judges many acts: sliding window, token bucket, cooldown, single use, kept payloads (G1, G2, G4).

The window is an exact log, a sorted set of update ids: no more than `limit` entries count, and an update that comes
again (after a crash, or out of the dead letters) finds itself there, so it is neither charged twice nor refused.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis import Redis

from services.limits.callback_data import Opened
from services.limits.limits import RateLimit
from services.limits.verdicts import Refusal, Verdict
from services.redis import keys

NONE = RateLimit(limit=1, window=1)

# KEYS, six per act: log of uses, bucket, notice, cooldown, used button, kept payload. ARGV, nine per act: update id;
# when the person acted, ms; window's limit (0: neither window nor bucket), window ms; bucket's step ms (0: no bucket)
# and burst; cooldown ms (0: none) ; life of the used mark, ms (0: not single-use); 1 when a payload is kept.
# Answer per act: word ("ok" or a Refusal), moment in ms from which to try again, 1 to tell the person, payload.
# The bucket is the moment it will be full again (GCRA): one number. What is refused is charged nowhere. Uses stay two
# minutes longer than the window, for whatever comes again after a crash; those up to 5 s later count too, since acts of
# one moment come from several processes in any order.
JUDGE = """#!lua
local function judge(keys, id, at, limit, window, step, burst, pause, lives, kept)
  local log, bucket, notice, cool, used, payload = unpack(keys)
  local function tell()
    return (redis.call('SET', notice, id, 'NX', 'PX', window) or redis.call('GET', notice) == id) and 1 or 0
  end
  local charge = limit > 0 and not redis.call('ZSCORE', log, id)
  local full = at
  if charge then
    local from = string.format('(%.0f', at - window)
    if redis.call('ZCOUNT', log, from, at + 5000) >= limit then
      local first = redis.call('ZRANGE', log, from, at + 5000, 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')
      return {'window', tonumber(first[2]) + window, tell(), ''}
    end
    full = math.max(tonumber(redis.call('GET', bucket) or 0), at) + step
    if step > 0 and full - at > burst * step then
      return {'bucket', full - burst * step, tell(), ''}
    end
  end
  if lives > 0 then
    local user = redis.call('GET', used)
    if user and user ~= id then return {'replayed', 0, 1, ''} end
  end
  if pause > 0 then
    local former, since, told = string.match(redis.call('GET', cool) or '', '^(%d+):(%d+):(%d*)$')
    if former and former ~= id and at - since < pause then
      if told == '' then redis.call('SET', cool, former .. ':' .. since .. ':' .. id, 'KEEPTTL') end
      return {'cooldown', since + pause, (told == '' or told == id) and 1 or 0, ''}
    end
  end
  local text = ''
  if kept then
    text = redis.call('GET', payload)
    if not text then return {'lost', 0, 1, ''} end
  end
  if charge then
    redis.call('ZREMRANGEBYSCORE', log, '-inf', at - window - 120000)
    redis.call('ZADD', log, at, id)
    redis.call('PEXPIRE', log, window + 120000)
    if step > 0 then redis.call('SET', bucket, string.format('%.0f', full), 'PX', math.max(1, full - at)) end
  end
  if lives > 0 then redis.call('SET', used, id, 'PX', lives) end
  if pause > 0 then redis.call('SET', cool, id .. ':' .. at .. ':', 'PX', pause) end
  return {'ok', 0, 0, text}
end
local verdicts = {}
for i = 0, #KEYS / 6 - 1 do
  local v = {unpack(ARGV, i * 9 + 1, i * 9 + 9)}
  for n = 2, 9 do v[n] = tonumber(v[n]) end
  verdicts[i + 1] = judge({unpack(KEYS, i * 6 + 1, i * 6 + 6)},
    v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9] == 1)
end
return verdicts
"""


@dataclass(frozen=True)
class Act:
    """What a person did, as far as limits are concerned. `at` is in ms; `cooling` names what is to cool down, if anything.

    `refusal` is what is known without Redis: such an act only counts towards the limits.
    """

    bot_id: int
    user: str
    action: str
    update_id: int
    at: int
    cooling: str = ""
    opened: Opened | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True)
class Rates:
    """The limits of one act: `window` None means neither window nor bucket; seconds otherwise."""

    window: RateLimit | None
    per_minute: float
    burst: int
    cooldown: float


class Judge:
    """Judges acts in Redis."""

    def __init__(self, redis: Redis) -> None:
        self._script = redis.register_script(JUDGE)

    def judge(self, acts: Sequence[tuple[Act, Rates]]) -> list[Verdict]:
        """The verdict of each act, in order, in one round trip. RedisError when they could not be judged."""
        names: list[str] = []
        values: list[str | int] = []
        for act, rates in acts:
            names += _keys_of(act)
            values += _values_of(act, rates)
        answers = self._script(keys=names, args=values)
        now = time.time()
        return [_verdict(act, answer, now) for (act, _), answer in zip(acts, answers, strict=True)]


def _keys_of(act: Act) -> tuple[str, ...]:
    opened = act.opened
    return (
        keys.used_actions(act.bot_id, act.user, act.action),
        keys.user_bucket(act.bot_id, act.user),
        keys.limit_notice(act.bot_id, act.user),
        keys.cooldown(act.bot_id, act.user, act.cooling),
        keys.used_button(act.bot_id, opened.signature if opened else ""),
        keys.button_payload(act.bot_id, opened.payload if opened and opened.kept else ""),
    )


def _values_of(act: Act, rates: Rates) -> tuple[int, ...]:
    window = rates.window or NONE
    opened = act.opened
    lives = max(1000, (opened.expires_at + 60) * 1000 - act.at) if opened and opened.once else 0
    return (
        act.update_id,
        act.at,
        window.limit if rates.window else 0,
        window.window * 1000,
        math.ceil(60_000 / rates.per_minute) if rates.per_minute else 0,
        rates.burst,
        int(rates.cooldown * 1000) if act.cooling else 0,
        lives,
        int(bool(opened and opened.kept)),
    )


def _verdict(act: Act, answer: Sequence[Any], now: float) -> Verdict:
    word, until, tell, payload = answer
    if word != "ok":
        wait = max(1, math.ceil(float(until) / 1000 - now))
        return Verdict(Refusal(word), bool(tell), wait)
    if act.refusal is not None or act.opened is None:
        return Verdict(act.refusal)
    text = payload if act.opened.kept else act.opened.payload
    return Verdict(None, action=act.opened.action, payload=text)
