"""Telling the processes, after the commit, that a bot changed. What gets lost here the reconciler repairs."""

from __future__ import annotations

import logging

from redis import RedisError

from services.fleet.pools.snapshot import publish_bots
from services.platform.platform import Platform
from services.platform.redis.changes import Topic, announce
from services.platform.redis.jobs import JobName, enqueue

logger = logging.getLogger(__name__)


def bot_changed(platform: Platform, *bot_ids: int) -> None:
    """Announce the change, refresh the links of their pools, and have Telegram brought to the new state at once."""
    publish_bots(platform, bot_ids)
    try:
        for bot_id in bot_ids:
            announce(platform.redis, Topic.BOT, bot_id)
            enqueue(platform.job_redis, JobName.RECONCILE_BOT, bot_id)
    except RedisError as error:
        logger.warning("a change of bots %s was not announced: %s", bot_ids, type(error).__name__)
