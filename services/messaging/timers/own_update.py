"""A timer that is due, as an update of our own in the lane of its chat (ADR 60), and back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from models import Lead, Timer
from plugins.database import LeadRecord
from plugins.timers import TIMER_FIRED

RING_BITS = 16  # below the timer's number: each ringing is an update of its own


def timer_update(timer: Timer, lead: Lead | LeadRecord | None) -> dict[str, Any]:
    """The update for the present ringing of a timer; `lead` is the person, where the bot knows them."""
    number = timer.id << RING_BITS | timer.rings % (1 << RING_BITS)
    content = {
        "timer": timer.id,
        "key": timer.key,
        "plugin": timer.plugin,
        "due_at": timer.due_at.timestamp(),
        "note": timer.note,
        "address": {"chat_id": timer.chat_id, **timer.address},
        "chat": {"id": timer.chat_id, "type": "private" if timer.chat_id > 0 else "supergroup"},
    }
    if timer.telegram_id:
        content["from"] = _person(timer.telegram_id, lead)
    return {"update_id": -number, TIMER_FIRED: content}  # never one of Telegram's, which are positive


def is_timer(update: dict[str, Any], kind: str) -> bool:
    """Whether an update is one of these; nobody outside can send one, for the door takes no negative number."""
    number = update.get("update_id")
    return kind == TIMER_FIRED and isinstance(number, int) and number < 0


def timer_of(update: dict[str, Any]) -> int:
    """The number of the timer that an update was made for; 0 for other updates."""
    content = update.get(TIMER_FIRED)
    found = content.get("timer") if isinstance(content, dict) and is_timer(update, TIMER_FIRED) else 0
    return found if isinstance(found, int) else 0


def due_at(content: dict[str, Any]) -> datetime:
    """When the timer was due."""
    return datetime.fromtimestamp(float(content["due_at"]), UTC)


def _person(telegram_id: int, lead: Lead | LeadRecord | None) -> dict[str, Any]:
    known = {"id": telegram_id, "is_bot": False}
    if lead is None:
        return {**known, "first_name": ""}
    names = {"first_name": lead.first_name, "last_name": lead.last_name, "username": lead.username}
    return {**known, **names, "language_code": lead.language}
