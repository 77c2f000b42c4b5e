"""Redis keys of broadcasts; as in `keys`, each says how long it lives or why for ever."""

from __future__ import annotations

from services.platform.redis.keys import PREFIX


def halted(broadcast_id: int) -> str:
    """Set while none of a broadcast's messages may leave an outbox, to `brake` by the brake; lives a week, longer than a message waits there."""
    return f"{PREFIX}:broadcast:{broadcast_id}:halted"


def given(broadcast_id: int) -> str:
    """Hash Telegram id -> "bot:entry" of what was put into outboxes and is not settled in the ledger yet; lives a week after
    the last one.
    """
    return f"{PREFIX}:broadcast:{broadcast_id}:given"


def brake(broadcast_id: int) -> str:
    """Hash of a running broadcast's brake: its limit in percent, and how many of the last outcomes were bad; lives a week."""
    return f"{PREFIX}:broadcast:{broadcast_id}:brake"


def last_outcomes(broadcast_id: int) -> str:
    """List of the last outcomes of a running broadcast, 1 for a bad one; lives a week."""
    return f"{PREFIX}:broadcast:{broadcast_id}:last"


def outcomes() -> str:
    """Stream of what came of broadcasts' messages. For ever: entries are deleted once they are in the ledger."""
    return f"{PREFIX}:broadcasts:outcomes"
