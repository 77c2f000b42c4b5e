"""Telling what keeps a bot's updates from Kafka, for whoever looks at its worker."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final

from services.messaging.workers.kafka.feed import Feed
from services.platform.platform import Platform
from services.platform.redis import work_keys

logger = logging.getLogger(__name__)
TOLD_SECONDS: Final = 60  # for which it is believed
AGAIN_SECONDS: Final = 20.0  # after which it is told again


class Troubles:
    """What was told of each bot, and when."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._told: dict[int, tuple[str, float]] = {}

    def tell(self, feeds: Iterable[Feed], now: float) -> None:
        """Put down what changed, and what lasts; raises RedisError."""
        for feed in feeds:
            bot_id = feed.bot.worker.bot_id
            told, at = self._told.get(bot_id, ("", 0.0))
            if feed.trouble == told and (not told or now - at < AGAIN_SECONDS):
                continue
            if feed.trouble:
                self._platform.redis.set(work_keys.kafka_trouble(bot_id), feed.trouble, ex=TOLD_SECONDS)
            else:
                self._platform.redis.delete(work_keys.kafka_trouble(bot_id))
            if feed.trouble != told:
                logger.info("kafka: %s: %s", feed.bot.worker.public_id, feed.trouble or "goes on")
            self._told[bot_id] = (feed.trouble, now)
