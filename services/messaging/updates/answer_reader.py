"""From an update of our own that brings a call's answer to the event that a plugin gets."""

from __future__ import annotations

from typing import Any

from telebot import types

from plugins.address import Address
from plugins.answers import CALL_ANSWERED, CallAnswer
from services.messaging.updates.event_reader import Unreadable


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
