"""Calls of a program that waits for what Telegram says to them: through the outbox, and back as answers of calls come (ADR 27)."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final

from plugins.address import Address
from plugins.answers import CallAnswer
from plugins.effects import Priority
from services.core.encryption import Vault
from services.messaging.outbox.enqueue import enqueue_call
from services.messaging.updates.queued_update import EMPTY_RESULT, HandlerResult
from services.platform.platform import Platform
from services.platform.redis import work_keys
from services.platform.token_encryption import dump_sealed, load_opened

NAME: Final = "worker"  # of the continuation; a plugin's has the plugin's name beside it
REPLY_SECONDS: Final = 60  # how long an answer is kept for whoever waits
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
    then = {
        "name": NAME,
        "plugin": "",
        "note": {"reply": name},
        "turn": f"{NAME}:{name}",  # in nobody's order: whoever waits must not wait for others
        "chat": None,
        "from": None,
        "address": asdict(Address(0)),
    }
    enqueue_call(platform, bot_id, method, dict(params), Priority.REPLY, then=then)
    key, deadline, pause = work_keys.reply(bot_id, name), time.monotonic() + seconds, FIRST_LOOK_SECONDS
    while not has_left() and time.monotonic() < deadline:
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_LOOK_SECONDS)
        found = platform.redis.getdel(key)
        if found is not None:
            answer: dict[str, Any] = load_opened(platform.vault, str(found), bot_id)
            return answer
    return None


def reply_of(vault: Vault, answer: CallAnswer, bot_id: int) -> HandlerResult:
    """The answer put where the program that made the call waits for it; a plugin's is for nobody while a worker has the bot."""
    note = answer.note if isinstance(answer.note, dict) else {}
    if answer.name != NAME or answer.plugin or not isinstance(note.get("reply"), str):
        return EMPTY_RESULT
    said: dict[str, Any] = {"ok": answer.ok, "result": answer.result}
    if not answer.ok:
        said = {"ok": False, "error_code": answer.error_code, "description": answer.description}
    key = work_keys.reply(bot_id, note["reply"])
    return HandlerResult(kept=((key, dump_sealed(vault, said, bot_id), REPLY_SECONDS),))
