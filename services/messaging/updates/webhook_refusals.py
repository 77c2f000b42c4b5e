"""Wrong secrets at a webhook: a burst at one path has the bot behind it looked at, and its owner told."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from typing import Final

from redis import RedisError

from services.fleet.bots.webhook_guard import REMEMBERED_SECONDS
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.jobs import JobName, enqueue

logger = logging.getLogger(__name__)
BURST: Final = 5  # refused calls in a window; a single one may be a scanner
WINDOW_SECONDS: Final = 60.0
REMEMBERED_PATHS: Final = 1000  # strangers choose them: the oldest goes


class WebhookRefusals:
    """Counts in this process's memory; only a burst asks Redis, once per path and window. Thread-safe."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._counts: OrderedDict[str, tuple[int, float]] = OrderedDict()  # path -> calls, the window's end
        self._lock = threading.Lock()

    def note(self, path_id: str) -> None:
        """Count a call with a wrong secret; never raises, for the caller is a stranger."""
        if not self._is_burst(path_id):
            return
        try:
            self._report(path_id)
        except RedisError as error:
            logger.warning("a burst of wrong secrets was not reported: %s", type(error).__name__)

    def _is_burst(self, path_id: str) -> bool:
        now = time.monotonic()
        with self._lock:
            calls, until = self._counts.pop(path_id, (0, 0.0))
            calls, until = (calls + 1, until) if now < until else (1, now + WINDOW_SECONDS)
            self._counts[path_id] = calls, until
            if len(self._counts) > REMEMBERED_PATHS:
                self._counts.popitem(last=False)
        return calls == BURST

    def _report(self, path_id: str) -> None:
        redis = self._platform.redis
        bot_id = redis.hget(keys.webhook_paths(), path_id)
        if bot_id is None:
            return
        name = keys.webhook_repairs(int(bot_id))
        with redis.pipeline(transaction=True) as pipe:
            pipe.hincrby(name, "refused", BURST)
            pipe.expire(name, REMEMBERED_SECONDS)
            pipe.execute()
        enqueue(self._platform.job_redis, JobName.RECONCILE_BOT, int(bot_id))
