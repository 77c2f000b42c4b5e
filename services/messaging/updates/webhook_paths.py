"""Which bot a webhook's path belongs to, from Redis with a copy in the process."""

from __future__ import annotations

from redis import RedisError

from services.core.errors import Unavailable
from services.messaging.updates.intake import AWAY_SECONDS
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.changes import Topic


class WebhookPaths:
    """Path id -> bot id. `on_change` belongs into a ChangeListener; unknown paths are asked for each time."""

    def __init__(self, platform: Platform) -> None:
        self._redis = platform.redis
        self._known: dict[str, int] = {}

    def bot_of(self, path_id: str) -> int | None:
        """The bot at `path_id`, None when there is none; Unavailable when Redis is away and the path not remembered."""
        known = self._known.get(path_id)
        if known is not None:
            return known
        try:
            found = self._redis.hget(keys.webhook_paths(), path_id)
        except RedisError as error:
            raise Unavailable(
                "Redis does not answer", code="redis_unavailable", retry_after=AWAY_SECONDS
            ) from error
        if found is None:
            return None
        self._known[path_id] = int(found)
        return int(found)

    def on_change(self, topic: Topic, identity: int) -> None:
        """Forget the bot that changed, or all of them after a gap."""
        if topic is Topic.BOT:
            self._known = {path: bot for path, bot in self._known.items() if bot != identity}
        elif topic is Topic.ANY:
            self._known = {}
