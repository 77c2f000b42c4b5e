"""Redis keys of what keeps the installation itself in order; as in `keys`, each says how long it lives or why for ever."""

from __future__ import annotations

from services.platform.redis.keys import PREFIX


def expired_deleted(day: str) -> str:
    """Set once the daily deletion of expired data was rung for; lives two days."""
    return f"{PREFIX}:expired:{day}"


def retention_report() -> str:
    """JSON of how much there was of each kind of data when it was counted last. For ever: one value."""
    return f"{PREFIX}:retention"


def about_person(telegram_id: str) -> str:
    """Pattern of the keys of bots in which a person's id stands; others have it by chance. Not a key."""
    return f"{PREFIX}:bot:*:*{telegram_id}*"
