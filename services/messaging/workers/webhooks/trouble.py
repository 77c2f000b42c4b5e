"""What last went wrong with bringing updates to a program's webhook, for getWebhookInfo and the panel."""

from __future__ import annotations

import json
import time
from typing import Final

from redis import Redis

from services.platform.redis import work_keys

KEPT_SECONDS: Final = 30 * 86_400
SERVICE: Final = "programs"  # the process that brings updates


def note_trouble(redis: Redis, bot_id: int, text: str) -> None:
    """Keep what went wrong just now; `text` holds no address. Raises RedisError."""
    redis.set(work_keys.webhook_trouble(bot_id), json.dumps([time.time(), text]), ex=KEPT_SECONDS)


def trouble_of(redis: Redis, bot_id: int) -> tuple[float, str] | None:
    """When, in seconds since 1970, and what; None when nothing did for long. Raises RedisError."""
    found = redis.get(work_keys.webhook_trouble(bot_id))
    if found is None:
        return None
    at, text = json.loads(str(found))
    return float(at), str(text)


def forget_trouble(redis: Redis, bot_id: int) -> None:
    """What went wrong was elsewhere. Raises RedisError."""
    redis.delete(work_keys.webhook_trouble(bot_id))
