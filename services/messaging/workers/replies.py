"""Calls of a program that waits for what Telegram says to them: through the outbox, whose sender leaves the answer for it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from plugins.effects import Priority
from services.messaging.outbox.enqueue import enqueue_call
from services.platform.platform import Platform
from services.platform.redis import work_keys
from services.platform.token_encryption import load_opened

FIRST_LOOK_SECONDS: Final = 0.01
LONGEST_LOOK_SECONDS: Final = 0.25


def call_and_wait(
    platform: Platform,
    bot_id: int,
    method: str,
    params: Mapping[str, Any],
    *,
    seconds: float,
    has_left: Callable[[], bool] = lambda: False,
) -> dict[str, Any] | None:
    """What Telegram said: {"ok", "result"} or {"ok", "error_code", "description"}. None when it has not within `seconds`: the
    call stands in the outbox still. Raises RedisError.
    """
    name = secrets.token_hex(12)
    enqueue_call(platform, bot_id, method, dict(params), Priority.REPLY, then={"reply": name})
    key, deadline, pause = work_keys.reply(bot_id, name), time.monotonic() + seconds, FIRST_LOOK_SECONDS
    while not has_left() and time.monotonic() < deadline:
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_LOOK_SECONDS)
        found = platform.redis.getdel(key)
        if found is not None:
            answer: dict[str, Any] = load_opened(platform.vault, str(found), bot_id)
            # An edit to what stands there already is done, and has no result.
            return {"result": True, **answer} if answer["ok"] else answer
    return None
