"""Which bot a webhook's path belongs to, from Redis with a copy in the process."""

from __future__ import annotations

from redis import RedisError
from sqlalchemy import select

from models import Bot
from services.core.errors import Unavailable
from services.fleet.bots.reconcile import has_open_path
from services.messaging.updates.intake import AWAY_SECONDS
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.cache import ChangeCache


class WebhookPaths(ChangeCache[str, int]):
    """Bot id by path id; None when there is none, Unavailable when that cannot be known now.

    To be asked for paths whose secret was right: one that Redis does not know, having lost its data perhaps, is looked up
    in the database. Those that are not there either are asked for each time, for a bot may be stopped and started again.
    """

    def __init__(self, platform: Platform) -> None:
        super().__init__()
        self._platform = platform

    def _load(self, key: str) -> int | None:
        try:
            found = self._platform.redis.hget(keys.webhook_paths(), key)
        except RedisError as error:
            raise Unavailable(
                "Redis does not answer", code="redis_unavailable", retry_after=AWAY_SECONDS
            ) from error
        return self._in_database(key) if found is None else int(found)

    def _in_database(self, key: str) -> int | None:
        with self._platform.database.reading() as session:
            bot = session.scalar(select(Bot).where(Bot.path_id == key))
        return bot.id if bot is not None and has_open_path(bot) else None

    def _identity_of(self, key: str, value: int | None) -> int:
        return value or 0
