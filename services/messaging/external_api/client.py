"""The client that plugins call other people's APIs by: limits, repetitions, a breaker, the last good answer."""

from __future__ import annotations

import hashlib
import json
import logging
import random
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from redis import RedisError

from plugins.http import HttpAnswer, HttpClient, HttpError
from services.core.errors import ConfigurationError
from services.core.metrics import API_ERRORS, RETRIES
from services.core.setting_types import AppEnv
from services.messaging.external_api.breaker import ApiBreaker
from services.messaging.external_api.transport import NotArrived, call
from services.platform.platform import Platform
from services.platform.redis import keys

logger = logging.getLogger(__name__)
ATTEMPTS: Final = 3
LARGEST_KEPT: Final = 64 * 1024  # bytes of an answer that is kept to fall back on
LONGEST_KEPT: Final = 7 * 86_400
OVERLOADED: Final = 429  # like a 5xx: the API cannot serve, whatever was asked


@dataclass(frozen=True)
class ApiTimings:
    """All in seconds; tests give shorter ones."""

    timeout: float = 5.0  # of one attempt
    backoff: float = 0.2  # before the first repetition, doubled for the second, with jitter


DEFAULT_TIMINGS: Final = ApiTimings()


class ExternalApi(HttpClient):
    """For one bot; `plugin` says whose call it is."""

    def __init__(
        self,
        platform: Platform,
        bot_id: int,
        plugin: Callable[[], str],
        timings: ApiTimings = DEFAULT_TIMINGS,
    ) -> None:
        self._platform = platform
        self._timings = timings
        self._bot_id = bot_id
        self._plugin = plugin

    def request(
        self,
        method: str,
        url: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        keep_seconds: int = 0,
    ) -> HttpAnswer:
        """See HttpClient."""
        key = keys.api_answer(self._bot_id, _digest(method, url, body, headers or {}))
        try:
            answer = self._guarded(method, url, body, headers or {})
        except HttpError as error:
            API_ERRORS.labels(self._plugin() or "none", str(error.status)).inc()
            kept = self._kept(key) if keep_seconds and _is_its_fault(error) else None
            if kept is None:
                raise
            logger.warning("an external API failed (%s); its last answer is used", error)
            return kept
        if keep_seconds and len(answer.body) <= LARGEST_KEPT:
            self._keep(key, answer, min(keep_seconds, LONGEST_KEPT))
        return answer

    def _guarded(self, method: str, url: str, body: Any, headers: Mapping[str, str]) -> HttpAnswer:
        breaker = ApiBreaker(self._platform.redis, self._platform.settings, self._bot_id, _host(url))
        if not breaker.admits():
            raise HttpError("open")
        try:
            answer = self._attempts(method, url, body, headers)
        except HttpError as error:
            breaker.note(is_well=not _is_its_fault(error))  # a 404 says that it works
            raise
        breaker.note(is_well=True)
        return answer

    def _attempts(self, method: str, url: str, body: Any, headers: Mapping[str, str]) -> HttpAnswer:
        loopback = self._platform.settings.app_env is AppEnv.TEST
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return call(
                    method, url, body, headers, seconds=self._timings.timeout, allow_loopback=loopback
                )
            except HttpError as error:
                may_repeat = isinstance(error, NotArrived) or (method == "GET" and _is_its_fault(error))
                if attempt == ATTEMPTS or not may_repeat or error.code == "timeout":
                    raise  # who was slow once is given no second five seconds
                RETRIES.labels("api").inc()
                time.sleep(self._timings.backoff * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))
        raise AssertionError("unreachable")

    def _keep(self, key: str, answer: HttpAnswer, seconds: int) -> None:
        text = json.dumps([answer.status, b64encode(answer.body).decode()])
        sealed = self._platform.vault.seal(text, owner=self._owner)
        with suppress(RedisError):  # then there is nothing to fall back on
            self._platform.redis.set(key, sealed, ex=seconds)

    def _kept(self, key: str) -> HttpAnswer | None:
        try:
            sealed = self._platform.redis.get(key)
            if sealed is None:
                return None
            status, body = json.loads(self._platform.vault.unseal(str(sealed), owner=self._owner))
        except (RedisError, ConfigurationError):
            return None
        return HttpAnswer(status, b64decode(body), is_cached=True)

    @property
    def _owner(self) -> str:
        return f"api:{self._bot_id}"


def _is_its_fault(error: HttpError) -> bool:
    """Whether the API is not well, rather than the call wrong."""
    if error.code == "status":
        return error.status >= 500 or error.status == OVERLOADED
    return error.code in ("unreachable", "timeout", "open")


def _host(url: str) -> str:
    try:
        return (urlsplit(url).netloc.rpartition("@")[2] or "none")[:200]
    except ValueError:
        return "none"


def _digest(method: str, url: str, body: Any, headers: Mapping[str, str]) -> str:
    asked = json.dumps([method, url, body, sorted(headers.items())], default=str)
    return hashlib.sha256(asked.encode(errors="replace")).hexdigest()[:32]
