"""The circuit breaker of one bot before one API, shared by all processes; while Redis is away there is none."""

from __future__ import annotations

import logging
from typing import Final

from redis import Redis, RedisError

from services.core.settings import Settings
from services.platform.redis import keys
from services.platform.redis.scripts import load

logger = logging.getLogger(__name__)
ADMIT: Final = load("admit_call")
NOTE: Final = load("note_call")
PROBE_SECONDS = 15.0  # longer than a call with its repetitions; then another process may try


class ApiBreaker:
    """Closed until CIRCUIT_BREAKER_FAIL_MAX calls in a row have failed; then for CIRCUIT_BREAKER_TIMEOUT nobody calls, and after
    it one call tries for all.
    """

    def __init__(self, redis: Redis, settings: Settings, bot_id: int, host: str) -> None:
        self._redis = redis
        self._key = keys.api_breaker(bot_id, host)
        self._fail_max = settings.circuit_breaker_fail_max
        self._open_ms = int(settings.circuit_breaker_timeout * 1000)

    def admits(self) -> bool:
        """Whether the API may be called."""
        try:
            return str(ADMIT(self._redis, [self._key], [self._open_ms, int(PROBE_SECONDS * 1000)])) != "open"
        except RedisError as error:
            logger.debug("no circuit breaker: %s", type(error).__name__)
            return True

    def note(self, *, is_well: bool) -> None:
        """How a call ended."""
        try:
            if NOTE(self._redis, [self._key], [int(is_well), self._fail_max, self._open_ms]):
                logger.warning(
                    "an external API has failed %d times in a row and is left alone", self._fail_max
                )
        except RedisError as error:
            logger.debug("no circuit breaker: %s", type(error).__name__)
