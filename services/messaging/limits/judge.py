"""One round trip that judges many acts: sliding window, token bucket, cooldown, single use, kept payloads.

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

from services.core.rate_limits import RateLimit
from services.messaging.buttons.callback_data import Opened
from services.messaging.limits.verdicts import Refusal, Verdict
from services.platform.redis import keys

NONE = RateLimit(limit=1, window=1)

# KEYS per act: log of uses, bucket, notice; with a cooldown its key; of a single-use button its mark; of a kept payload
# its key. ARGV, one per act, nine numbers: update id; when the person acted, ms; window's limit (0: neither window nor
# bucket), window ms; bucket's step ms (0: no bucket) and burst; cooldown ms (0: none); life of the used mark, ms (0: not
# single-use); 1 when a payload is kept.
# Answer per act: word ("ok" or a Refusal), moment in ms from which to try again, 1 to tell the person, payload.
# The bucket is the moment it will be full again (GCRA): one number. What is refused is charged nowhere. Uses stay two
# minutes longer than the window, for whatever comes again after a crash; those up to 5 s later count too, since acts of
# one moment come from several processes in any order.
JUDGE = """#!lua
local k = 0
local function key(wanted)
  if not wanted then return nil end
  k = k + 1
  return KEYS[k]
end
local function judge(id, ...)
  local at, limit, window, step, burst, pause, lives, kept = ...
  local log, bucket, notice = key(true), key(true), key(true)
  local cool, used, payload = key(pause > 0), key(lives > 0), key(kept == 1)
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
  if used then
    local user = redis.call('GET', used)
    if user and user ~= id then return {'replayed', 0, 1, ''} end
  end
  if cool then
    local former, since, told = string.match(redis.call('GET', cool) or '', '^(%d+):(%d+):(%d*)$')
    if former and former ~= id and at - since < pause then
      if told == '' then redis.call('SET', cool, former .. ':' .. since .. ':' .. id, 'KEEPTTL') end
      return {'cooldown', since + pause, (told == '' or told == id) and 1 or 0, ''}
    end
  end
  local text = ''
  if payload then
    text = redis.call('GET', payload)
    if not text then return {'lost', 0, 1, ''} end
  end
  if charge then
    redis.call('ZREMRANGEBYSCORE', log, '-inf', at - window - 120000)
    redis.call('ZADD', log, at, id)
    redis.call('PEXPIRE', log, window + 120000)
    if step > 0 then redis.call('SET', bucket, string.format('%.0f', full), 'PX', math.max(1, full - at)) end
  end
  if used then redis.call('SET', used, id, 'PX', lives) end
  if cool then redis.call('SET', cool, id .. ':' .. at .. ':', 'PX', pause) end
  return {'ok', 0, 0, text}
end
local verdicts = {}
for i, act in ipairs(ARGV) do
  local numbers = {}
  local id, rest = string.match(act, '^(%d+) (.*)$')
  for number in string.gmatch(rest, '%d+') do numbers[#numbers + 1] = tonumber(number) end
  verdicts[i] = judge(id, unpack(numbers))
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
        values = [_value_of(act, rates, names) for act, rates in acts]
        answers = self._script(keys=names, args=values)
        now = time.time()
        return [_verdict(act, answer, now) for (act, _), answer in zip(acts, answers, strict=True)]


def _value_of(act: Act, rates: Rates, names: list[str]) -> str:
    """The argument of one act; its keys are added to `names`."""
    window = rates.window or NONE
    limit = window.limit if rates.window else 0
    step = math.ceil(60_000 / rates.per_minute) if rates.per_minute else 0
    pause = int(rates.cooldown * 1000) if act.cooling else 0
    names += (
        keys.used_actions(act.bot_id, act.user, act.action),
        keys.user_bucket(act.bot_id, act.user),
        keys.limit_notice(act.bot_id, act.user),
    )
    if pause:
        names.append(keys.cooldown(act.bot_id, act.user, act.cooling))
    lives, kept = _button_of(act, names)
    return (
        f"{act.update_id} {act.at} {limit} {window.window * 1000} {step} {rates.burst} {pause} {lives} {kept}"
    )


def _button_of(act: Act, names: list[str]) -> tuple[int, int]:
    """Life of the mark of a single-use button in ms, and 1 when its payload is kept."""
    opened = act.opened
    if opened is None:
        return 0, 0
    if opened.once:
        names.append(keys.used_button(act.bot_id, opened.signature))
    if opened.kept:
        names.append(keys.button_payload(act.bot_id, opened.payload))
    # A minute more than the button has, for a tap that is handled again.
    lives = max(1000, (opened.expires_at + 60) * 1000 - act.at) if opened.once else 0
    return lives, int(opened.kept)


def _verdict(act: Act, answer: Sequence[Any], now: float) -> Verdict:
    word, until, tell, payload = answer
    if word != "ok":
        wait = max(1, math.ceil(float(until) / 1000 - now))
        return Verdict(Refusal(word), bool(tell), wait)
    if act.refusal is not None or act.opened is None:
        return Verdict(act.refusal)
    text = payload if act.opened.kept else act.opened.payload
    return Verdict(None, action=act.opened.action, payload=text)
