"""From an update as Telegram sends it to the library's types, whatever Telegram has added since the library's release."""

from __future__ import annotations

import logging
from typing import Any, Final

from telebot import types

from services.messaging.updates.telebot_gaps import complete, readable

logger = logging.getLogger(__name__)
WHO_AND_WHERE: Final = frozenset(
    ("chat", "from", "user", "sender_chat")
)  # without these an event means nothing
# Kinds that are not passed over: what cannot be read of these becomes a dead letter.
ANSWERED: Final = frozenset(
    [
        "message",
        "edited_message",
        "channel_post",
        "edited_channel_post",
        "business_message",
        "edited_business_message",
        "guest_message",
        "callback_query",
        "inline_query",
        "chosen_inline_result",
        "shipping_query",
        "pre_checkout_query",
        "purchased_paid_media",
        "subscription",
    ]
)
MOST_ITEMS: Final = 100  # of a list with something unknown in it: each is tried


class Unreadable(Exception):
    """An update whose form the library does not understand, which no repetition changes."""


def read_event(update: dict[str, Any], kind: str) -> Any:
    """The event of an update as the library's type; None for a kind, or a form of one, that it does not know.

    A part that the library cannot read (an origin, a reaction, a kind of member it has not heard of) is passed over:
    the event comes without it. Raises Unreadable when the rest of what somebody waits for an answer to cannot be read either.
    """
    if not kind:
        return None
    try:
        return _parsed(update, kind)
    except Exception as error:  # the library's own code, on whatever Telegram may send one day
        event = _without_unknown_parts(update, kind)
        if event is None and kind in ANSWERED:
            raise Unreadable(f"{type(error).__name__}: {error}") from error
        if event is None:
            logger.info("an update of the kind %s has a form unknown to the library: %s", kind, error)
        return event


def _without_unknown_parts(update: dict[str, Any], kind: str) -> Any:
    """The event made of what can be read beside its plain fields; None when not even these can."""
    content = update.get(kind)
    if not isinstance(content, dict):
        return None
    reading = _Reading(update, kind, content)
    for name, value in content.items():
        if name not in WHO_AND_WHERE and isinstance(value, dict | list):
            reading.add(name, value)
    return reading.event()


class _Reading:
    """An event put together part by part. A list is there from the start, empty, for the library may want one."""

    def __init__(self, update: dict[str, Any], kind: str, content: dict[str, Any]) -> None:
        self._update, self._kind = update, kind
        self._known = {
            name: [] if isinstance(value, list) else value
            for name, value in content.items()
            if name in WHO_AND_WHERE or not isinstance(value, dict)
        }

    def add(self, name: str, value: dict[str, Any] | list[Any]) -> None:
        """Take a part as it is, or of a list what can be read."""
        if self._try({**self._known, name: value}):
            return
        logger.info("a part of an update is unknown to the library: %s.%s", self._kind, name)
        for item in value[:MOST_ITEMS] if isinstance(value, list) else ():
            self._try({**self._known, name: [*self._known[name], item]})
        if not self._known.get(name):
            self._try({other: known for other, known in self._known.items() if other != name})

    def event(self) -> Any:
        """What has come together; None when it is none."""
        return _parsed({**self._update, self._kind: self._known}, self._kind) if self._can_be_read() else None

    def _try(self, content: dict[str, Any]) -> bool:
        before, self._known = self._known, content
        if self._can_be_read():
            return True
        self._known = before
        return False

    def _can_be_read(self) -> bool:
        try:
            _parsed({**self._update, self._kind: self._known}, self._kind)
        except Exception as error:  # noqa: BLE001  # as above
            logger.debug("not readable by the library: %s", error)
            return False
        return True


def _parsed(update: dict[str, Any], kind: str) -> Any:
    content = update.get(kind)
    if isinstance(content, dict):
        mended = readable(kind, content)
        update = update if mended is content else {**update, kind: mended}
    event = getattr(types.Update.de_json(update), kind, None)  # type: ignore[no-untyped-call]
    complete(event)
    return event
