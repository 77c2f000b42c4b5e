"""From an update as Telegram sends it to the library's types, whatever Telegram has added since the library's release."""

from __future__ import annotations

import logging
from typing import Any

from telebot import types

logger = logging.getLogger(__name__)


class Unreadable(Exception):
    """An update whose form the library does not understand, which no repetition changes."""


def read_event(update: dict[str, Any], kind: str) -> Any:
    """The event of an update as the library's type; None for a kind that it does not know.

    A part that the library cannot read (an origin, a reaction, a kind of member it has not heard of) is passed over:
    the event comes without it. Raises Unreadable when the rest cannot be read either.
    """
    if not kind:
        return None
    try:
        return _parsed(update, kind)
    except Exception as error:  # the library's own code, on whatever Telegram may send one day
        event = _without_unknown_parts(update, kind)
        if event is None:
            raise Unreadable(f"{type(error).__name__}: {error}") from error
        return event


def _without_unknown_parts(update: dict[str, Any], kind: str) -> Any:
    """The event made of what can be read beside its plain fields; None when not even these can."""
    content = update.get(kind)
    if not isinstance(content, dict):
        return None
    known: dict[str, Any] = {}
    parts: dict[str, Any] = {}
    for name, value in content.items():
        (parts if isinstance(value, dict | list) and name not in WHO_AND_WHERE else known)[name] = value
    for name, value in parts.items():
        if _can_be_read({**known, name: value}, update, kind):
            known[name] = value
        else:
            logger.info("a part of an update is unknown to the library: %s.%s", kind, name)
    return _parsed({**update, kind: known}, kind) if _can_be_read(known, update, kind) else None


WHO_AND_WHERE = frozenset(("chat", "from", "user", "sender_chat"))  # without these an event means nothing


def _can_be_read(content: dict[str, Any], update: dict[str, Any], kind: str) -> bool:
    try:
        _parsed({**update, kind: content}, kind)
    except Exception as error:  # noqa: BLE001  # as above
        logger.debug("not readable by the library: %s", error)
        return False
    return True


def _parsed(update: dict[str, Any], kind: str) -> Any:
    return getattr(types.Update.de_json(update), kind, None)  # type: ignore[no-untyped-call]
