"""Where pyTelegramBotAPI (4.37) reads wrongly what Telegram sends: every known gap, and how it is closed.

`tests/services/messaging/updates/test_telebot_gaps.py` shows each gap in the library itself, so that the test of one that
a new release has closed fails, and its lines here can go.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Final

STOPPED_FIELDS: Final = frozenset(("chat", "draft_id", "message_thread_id"))
NAMELESS_CONTENT: Final = ("paid_media", "checklist", "refunded_payment")


def readable(kind: str, content: dict[str, Any]) -> dict[str, Any]:
    """The content of an update of `kind` as the library reads it right; `content` itself stays as Telegram sent it."""
    if kind == "purchased_paid_media":
        # The buyer is looked for under a name that Telegram does not use.
        return {**content, "from_user": content.get("from")}
    if kind == "stopped_message_generation":
        # A field that Telegram adds is an unexpected argument here, and nowhere else.
        return {name: value for name, value in content.items() if name in STOPPED_FIELDS}
    if kind == "poll" or _holds_poll(content):
        # Options of polls are read into the very values they are read from.
        return deepcopy(content)
    return content


def complete(event: Any) -> None:
    """Add to a message what the library has read and not drawn the conclusion from: its content type."""
    known = getattr(event, "__dict__", {})
    if "content_type" in known and known["content_type"] is None:
        event.content_type = next((name for name in NAMELESS_CONTENT if known.get(name) is not None), None)


def _holds_poll(content: dict[str, Any]) -> bool:
    return "poll" in content or any(
        isinstance(value, dict) and _holds_poll(value) for value in content.values()
    )
