"""From an update of our own, a call's answer or a timer that is due, to the event that a plugin gets."""

from __future__ import annotations

from typing import Any

from telebot import types

from plugins.address import Address
from plugins.answers import CALL_ANSWERED, CallAnswer
from plugins.timers import TIMER_FIRED, TimerFired
from services.messaging.outbox.call_answers import is_call_answer
from services.messaging.timers.own_update import due_at, is_timer
from services.messaging.updates.event_reader import Unreadable


def read_own(update: dict[str, Any], kind: str) -> CallAnswer | TimerFired | None:
    """The event of an update of our own; None for those of Telegram's. Raises Unreadable."""
    if is_call_answer(update, kind):
        return read_answer(update)
    return read_timer(update) if is_timer(update, kind) else None


def read_timer(update: dict[str, Any]) -> TimerFired:
    """The event of a timer's update. Raises Unreadable."""
    try:
        content = update[TIMER_FIRED]
        person = content.get("from")
        return TimerFired(
            key=content["key"],
            plugin=content["plugin"],
            address=Address(**content["address"]),
            due_at=due_at(content),
            note=content["note"],
            chat=types.Chat.de_json(content["chat"]),  # type: ignore[no-untyped-call]
            from_user=types.User.de_json(person) if person else None,  # type: ignore[no-untyped-call]
        )
    except Exception as error:  # the library's own code, on a row of a former release
        raise Unreadable(f"{type(error).__name__}: {error}") from error


def read_answer(update: dict[str, Any]) -> CallAnswer:
    """The event of such an update. Raises Unreadable."""
    try:
        content = dict(update[CALL_ANSWERED])
        chat, person = content.pop("chat", None), content.pop("from", None)
        return CallAnswer(
            **{**content, "address": Address(**content["address"])},
            chat=types.Chat.de_json(chat) if chat else None,  # type: ignore[no-untyped-call]
            from_user=types.User.de_json(person) if person else None,  # type: ignore[no-untyped-call]
        )
    except Exception as error:  # the library's own code, on what Telegram once sent
        raise Unreadable(f"{type(error).__name__}: {error}") from error
