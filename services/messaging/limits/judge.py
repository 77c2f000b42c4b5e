"""One round trip that judges many acts: sliding window, token bucket, cooldown, single use, kept payloads.

The window is an exact log, a sorted set of update ids: no more than `limit` entries count, and an update that comes
again (after a crash, or out of the dead letters) finds itself there, so it is neither charged twice nor refused.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from redis import Redis

from services.core.rate_limits import RateLimit
from services.messaging.buttons.callback_data import Opened
from services.messaging.limits.verdicts import KEPT_OUT, Refusal, Verdict
from services.platform.redis import keys
from services.platform.redis.scripts import load

NONE = RateLimit(limit=1, window=1)
NOTICE_SECONDS = 60  # between two notices to somebody whom the bot does not answer

JUDGE: Final = load("judge_acts")


@dataclass(frozen=True)
class Act:
    """What a person did, as far as limits are concerned. `at` is in ms; `cooling` names what is to cool down, if anything.

    `refusal` is what is known without Redis: such an act only counts towards the limits, and towards notices of it.
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
        self._redis = redis

    def judge(self, acts: Sequence[tuple[Act, Rates]]) -> list[Verdict]:
        """The verdict of each act, in order, in one round trip. RedisError when they could not be judged."""
        names: list[str] = []
        values = [_value_of(act, rates, names) for act, rates in acts]
        answers = JUDGE(self._redis, names, values)
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
        keys.notice(act.bot_id, act.user),
    )
    if pause:
        names.append(keys.cooldown(act.bot_id, act.user, act.cooling))
    lives, kept = _button_of(act, names)
    notice = NOTICE_SECONDS * 1000 if act.refusal in KEPT_OUT else 0
    charged = f"{limit} {window.window * 1000} {step} {rates.burst} {pause}"
    return f"{act.update_id} {act.at} {charged} {lives} {kept} {notice}"


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
    if act.refusal in KEPT_OUT:
        return Verdict(act.refusal, bool(tell))
    if act.refusal is not None or act.opened is None:
        return Verdict(act.refusal)
    text = payload if act.opened.kept else act.opened.payload
    once = act.opened.signature if act.opened.once else ""
    return Verdict(None, action=act.opened.action, payload=text, anonymous=act.opened.anonymous, once=once)
