"""Which bot a webhook's path belongs to, from Redis with a copy in the process."""

from __future__ import annotations

from redis import RedisError

from services.core.errors import Unavailable
from services.messaging.updates.intake import AWAY_SECONDS
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.cache import ChangeCache


class WebhookPaths(ChangeCache[str, int]):
    """Bot id by path id; None when there is none, Unavailable when Redis is away and the path not remembered.

    Unknown paths are asked for each time: whoever tries them out must not fill the memory.
    """

    def __init__(self, platform: Platform) -> None:
        super().__init__()
        self._redis = platform.redis

    def _load(self, key: str) -> int | None:
        try:
            found = self._redis.hget(keys.webhook_paths(), key)
        except RedisError as error:
            raise Unavailable(
                "Redis does not answer", code="redis_unavailable", retry_after=AWAY_SECONDS
            ) from error
        return None if found is None else int(found)

    def _identity_of(self, key: str, value: int | None) -> int:
        return value or 0
