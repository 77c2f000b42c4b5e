"""The webhook guard: what getWebhookInfo tells of other people's doings and of failing deliveries. Pure."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from models import Bot
from services.core.i18n import NO_TEXT, Text

FRESH_SECONDS = 900.0  # three looks; an older error is history


def taken_by(bot: Bot, info: dict[str, Any]) -> str:
    """The host that a webhook of ours was moved to by somebody else; "" when it is ours or there is none.

    Every address we ever set holds the bot's path id, whatever the public address was.
    """
    url = str(info.get("url") or "")
    return (urlsplit(url).hostname or url)[:100] if url and bot.path_id not in url else ""


def delivery_trouble(info: dict[str, Any], now: float) -> Text:
    """Why Telegram cannot deliver at present, in words for the owner; empty when it can. `now` in epoch seconds."""
    waiting, at = info.get("pending_update_count"), info.get("last_error_date")
    if not isinstance(waiting, int) or not isinstance(at, int) or waiting < 1 or now - at > FRESH_SECONDS:
        return NO_TEXT
    return Text(
        "Telegram cannot deliver ({reason}); updates that wait: {count}. Check WEBHOOK_BASE_URL",
        reason=str(info.get("last_error_message") or "unknown")[:150],
        count=waiting,
    )


def facts_of(info: dict[str, Any], stolen_by: str, now: float) -> dict[str, Any]:
    """What is kept of a look for the delivery layer: when it was, what waits, the last error, who keeps taking it."""
    return {
        "at": round(now),
        "pending": info.get("pending_update_count"),
        "error": str(info.get("last_error_message") or "")[:150],
        "error_at": info.get("last_error_date"),
        "taken_by": stolen_by,
    }
