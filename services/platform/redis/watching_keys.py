"""Redis keys of what people watch the installation by; the others are in `keys`."""

from __future__ import annotations

from services.platform.redis.keys import PREFIX


def queue_history() -> str:
    """Stream of what waited in the queues, two small entries a minute, the last day; lives two days after the last one."""
    return f"{PREFIX}:queues:history"


def status_page(token: str, locale: str) -> str:
    """A public status page as HTML in one language, so that its visitors cost no query; lives half a minute."""
    return f"{PREFIX}:status:{token}:{locale}"
