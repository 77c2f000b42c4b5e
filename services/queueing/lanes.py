"""Lanes: streams over which updates are spread, so that one chat is always in one lane, in order."""

from __future__ import annotations

import re
from typing import Any
from zlib import crc32

from services.core.identifiers import is_telegram_id

# update_id stands first, as Telegram writes it; an update written otherwise merely waits its turn.
URGENT = re.compile(r'"(?:callback_query|pre_checkout_query|shipping_query|inline_query)":')
LONGEST_BEGINNING = 64  # characters


def lane_of(bot_id: int, chat: str, lanes: int) -> int:
    """The lane of a (bot, chat), out of `lanes`; the same in every process and release."""
    return crc32(f"{bot_id}:{chat}".encode()) % lanes


def kind_of(update: dict[str, Any]) -> str:
    """The kind of an update in Telegram's word: its only field beside update_id; "" when it has none."""
    for name in update:
        if name != "update_id":
            return name
    return ""


def is_urgent(text: str) -> bool:
    """Whether an update, as JSON, goes before others: a person waits, and Telegram forgets it after 150 s or less."""
    return URGENT.search(text, 0, LONGEST_BEGINNING) is not None


def chat_of(update: dict[str, Any]) -> str:
    """What updates are ordered by: the chat's id (also of a button's message), else the user's, else "0"."""
    event = update.get(kind_of(update))
    if not isinstance(event, dict):
        return "0"
    message = event.get("message")
    holder = message if isinstance(message, dict) else event
    for found in (holder.get("chat"), event.get("from"), event.get("user")):
        if isinstance(found, dict) and is_telegram_id(found.get("id")):
            return str(found["id"])
    return "0"
