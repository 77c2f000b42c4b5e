"""What an answer of the Bot API means: a result, or one class of the error tree."""

from __future__ import annotations

import json
from typing import Any

from services.core.errors import (
    NeverSent,
    Rejected,
    ServerFailed,
    TelegramError,
    TokenRejected,
    TooManyRequests,
    Uncertain,
)
from services.core.i18n import Text
from services.core.redaction import redact_text

FROZEN = "FROZEN_METHOD_INVALID"
NO_SUCH_METHOD = "method not found"  # 404 about the method's name; a 404 without it is about the token
LONGEST_DESCRIPTION = 300
DEFAULT_RETRY_AFTER_SECONDS = (
    1.0  # a 429 without `retry_after`, as proxies in front of self-hosted servers send
)
GATEWAY = frozenset({502, 504})  # whoever stands before the server says so: it may have acted


def result_of(status: int, body: bytes, retry_after: str | None = None) -> Any:
    """The `result` inside an answer; raises the fitting TelegramError. `status` and `retry_after` (s) are HTTP's."""
    answer = _parse(body)
    if answer is None:
        raise _foreign(status, retry_after)
    if answer["ok"] is True:
        if status >= 400 or "result" not in answer:
            raise Uncertain(
                no_bot_api(Text("HTTP {status} with a half answer", status=status)), error_code=status
            )
        return answer["result"]
    raise failure_of(status, answer)


def failure_of(status: int, answer: dict[str, Any]) -> TelegramError:
    """The error that the Bot API's answer `{ok: false, error_code, description, parameters}` stands for."""
    number = answer.get("error_code")
    number = number if isinstance(number, int) else status
    text = redact_text(str(answer.get("description") or f"HTTP {status}"))[:LONGEST_DESCRIPTION]
    words = Text.verbatim(text)
    parameters = answer.get("parameters")
    parameters = parameters if isinstance(parameters, dict) else {}
    if number == 429:
        return TooManyRequests(words, error_code=429, retry_after=_seconds(parameters.get("retry_after")))
    if number == 401 or (number == 404 and NO_SUCH_METHOD not in text):
        return TokenRejected(
            Text("Telegram rejects this token ({status}); get a valid one from @BotFather", status=number),
            error_code=number,
        )
    if 400 <= number < 500:
        code = "telegram_frozen" if FROZEN in text else None
        return Rejected(words, error_code=number, code=code, migrate_to_chat_id=_chat(parameters))
    if 500 <= number < 600 and number not in GATEWAY:
        return ServerFailed(Text("Telegram failed: {reason}", reason=text), error_code=number)
    return Uncertain(Text("Telegram failed: {reason}", reason=text), error_code=number)


def no_bot_api(reason: Text) -> Text:
    """What is said of a server that does not speak the Bot API."""
    return Text("TELEGRAM_API_URL does not answer like a Bot API server: {reason}", reason=reason)


def _parse(body: bytes) -> dict[str, Any] | None:
    """The answer, None when it is none of the Bot API."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):  # RecursionError: a foreign server may nest without end
        return None
    return answer if isinstance(answer, dict) and isinstance(answer.get("ok"), bool) else None


def _foreign(status: int, retry_after: str | None) -> TelegramError:
    """What a status says that came without the Bot API's JSON, as from a proxy before it."""
    text = no_bot_api(Text("HTTP {status} without its JSON", status=status))
    if status == 429:
        seconds = float(retry_after) if retry_after and retry_after.isdecimal() else None
        return TooManyRequests(text, error_code=429, retry_after=_seconds(seconds))
    if status == 401:  # it let nothing through, but these words say nothing about the token
        return NeverSent(text, error_code=401)
    if status >= 500:
        return Uncertain(Text("Telegram failed: {reason}", reason=f"HTTP {status}"), error_code=status)
    return Uncertain(text, error_code=status)


def _seconds(value: object) -> float:
    usable = isinstance(value, int | float) and value >= 0
    return float(value) if usable and isinstance(value, int | float) else DEFAULT_RETRY_AFTER_SECONDS


def _chat(parameters: dict[str, Any]) -> int | None:
    chat_id = parameters.get("migrate_to_chat_id")
    return chat_id if isinstance(chat_id, int) else None
