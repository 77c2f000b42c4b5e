"""Lanes: streams over which updates are spread, so that one chat is always in one lane, in order (U4)."""

from __future__ import annotations

from typing import Any
from zlib import crc32


def lane_of(bot_id: int, chat: str, lanes: int) -> int:
    """The lane of a (bot, chat), out of `lanes`; the same in every process and release."""
    return crc32(f"{bot_id}:{chat}".encode()) % lanes


def kind_of(update: dict[str, Any]) -> str:
    """The kind of an update in Telegram's word: its only field beside update_id; "" when it has none."""
    return next((name for name in update if name != "update_id"), "")


def chat_of(update: dict[str, Any]) -> str:
    """What updates are ordered by: the chat's id (also of a button's message), else the user's, else "0"."""
    event = update.get(kind_of(update))
    if not isinstance(event, dict):
        return "0"
    message = event.get("message")
    holder = message if isinstance(message, dict) else event
    for found in (holder.get("chat"), event.get("from"), event.get("user")):
        if isinstance(found, dict) and isinstance(found.get("id"), int):
            return str(found["id"])
    return "0"
