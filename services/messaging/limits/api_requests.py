"""Requests of programs: how many per minute, and each repeatable one only once. One round trip for both."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import secrets
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from redis import RedisError

from services.core.errors import ConfigurationError, Conflict, InvalidInput, RateLimited, Unavailable
from services.core.metrics import IDEMPOTENCY, RATE_LIMIT_HITS
from services.messaging.limits.local import LocalWindows
from services.platform.platform import Platform
from services.platform.redis import keys

logger = logging.getLogger(__name__)
KEPT_SECONDS = 24 * 3600
RUNNING_SECONDS = 120  # longer than any request may run; then a claim whose process died lets go
RETRY_SECONDS = 1
FRESH, SAME, OTHER, RUNNING = "fresh", "same", "other", "running"

# KEYS[1] requests of this minute, KEYS[2] of the one before, KEYS[3] the idempotency record. ARGV[1] limit (0: none),
# ARGV[2] seconds into this minute, ARGV[3] fingerprint ("" without a key), ARGV[4] owner, ARGV[5] life of a claim in s.
# The window slides by weighting the former minute: two integers, where a log would hold a whole minute's requests.
# Answer: seconds to wait (0: admitted), then what the record says, its fingerprint's answer.
ADMIT = """#!lua
if tonumber(ARGV[1]) > 0 then
  local limit, into = tonumber(ARGV[1]), tonumber(ARGV[2])
  local now, before = tonumber(redis.call('GET', KEYS[1]) or 0), tonumber(redis.call('GET', KEYS[2]) or 0)
  if now + before * (60 - into) / 60 >= limit then
    local wait = 60 - into
    if now < limit and before > 0 then wait = 60 - 60 * (limit - now) / before - into end
    return {math.max(1, math.ceil(wait)), '', ''}
  end
  redis.call('INCR', KEYS[1])
  redis.call('EXPIRE', KEYS[1], 120)
end
if ARGV[3] == '' then return {0, '', ''} end
local known = redis.call('HMGET', KEYS[3], 'fingerprint', 'answer')
if not known[1] then
  redis.call('HSET', KEYS[3], 'fingerprint', ARGV[3], 'owner', ARGV[4])
  redis.call('EXPIRE', KEYS[3], ARGV[5])
  return {0, 'fresh', ''}
end
if known[1] ~= ARGV[3] then return {0, 'other', ''} end
if not known[2] then return {0, 'running', ''} end
return {0, 'same', known[2]}
"""
# KEYS[1] record; ARGV[1] owner, ARGV[2] sealed answer ("" frees the key), ARGV[3] life in s. Only the owner settles it.
SETTLE = """
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
if ARGV[2] == '' then return redis.call('DEL', KEYS[1]) end
redis.call('HSET', KEYS[1], 'answer', ARGV[2])
return redis.call('EXPIRE', KEYS[1], ARGV[3])
"""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer as it is stored for a repetition."""

    status: int
    headers: dict[str, str]
    body: str


@dataclass(frozen=True)
class Claim:
    """The right to carry out one request: its record and the owner's token."""

    name: str
    owner: str


class ApiRequests:
    """Admits the API requests of one process."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._local = LocalWindows()

    def admit(self, caller: str, *, limited: bool, key: str | None, request: bytes) -> Claim | Answer | None:
        """Count a request of `caller` if it is `limited`, and claim its idempotency key if it has one.

        `request` is everything the key stands for (method, path, body). A Claim is to be settled; an Answer is what was
        answered the first time. RateLimited over the limit; InvalidInput for a key that is no UUIDv4 or was used for
        another request; Conflict while the first is under way; Unavailable with a key and without Redis.
        """
        record = keys.idempotency(caller, _uuid(key)) if key is not None else ""
        limit = self._platform.settings.api_rate_per_minute if limited else 0
        if not (limit or record):
            return None
        fingerprint = self._fingerprint(request) if record else ""
        owner = secrets.token_hex(8)
        try:
            wait, state, sealed = self._ask(caller, limit, record, fingerprint, owner)
        except RedisError as error:
            if record:
                raise Unavailable(
                    "Redis does not answer, so that a repetition could not be told; try again",
                    code="redis_unavailable",
                ) from error
            logger.warning("API requests are counted in this process only: %s", type(error).__name__)
            wait, state, sealed = self._local.use(caller, limit, 60, time.monotonic()), "", ""
        if wait:
            RATE_LIMIT_HITS.labels("api").inc()
            raise RateLimited(f"This key may send {limit} requests a minute", retry_after=math.ceil(wait))
        return self._outcome(record, owner, state, sealed)

    def settle(self, claim: Claim, answer: Answer | None) -> None:
        """Keep the answer for 24 hours, sealed, for it may show a secret; None frees the key for another attempt."""
        sealed = ""
        if answer is not None:
            text = json.dumps([answer.status, answer.headers, answer.body])
            sealed = self._platform.vault.seal(text, owner=claim.name)
        try:
            self._platform.redis.eval(SETTLE, 1, claim.name, claim.owner, sealed, KEPT_SECONDS)
        except RedisError as error:
            logger.warning("an answer was not kept for repetitions: %s", type(error).__name__)

    def _ask(
        self, caller: str, limit: int, record: str, fingerprint: str, owner: str
    ) -> tuple[float, str, str]:
        minute, into = divmod(time.time(), 60)
        names = (keys.api_rate(caller, int(minute)), keys.api_rate(caller, int(minute) - 1), record)
        answer: Any = self._platform.redis.eval(
            ADMIT, len(names), *names, limit, f"{into:.3f}", fingerprint, owner, RUNNING_SECONDS
        )
        return float(answer[0]), str(answer[1]), str(answer[2])

    def _outcome(self, record: str, owner: str, state: str, sealed: str) -> Claim | Answer | None:
        if not record:
            return None
        IDEMPOTENCY.labels(state).inc()
        if state == FRESH:
            return Claim(record, owner)
        if state == OTHER:
            raise InvalidInput(
                "This Idempotency-Key was used for another request; make a new one",
                code="idempotency_mismatch",
                field="Idempotency-Key",
            )
        if state == RUNNING:
            raise Conflict(
                "The first request with this Idempotency-Key is still under way",
                code="idempotency_running",
                retry_after=RETRY_SECONDS,
            )
        return self._opened(record, sealed)

    def _opened(self, record: str, sealed: str) -> Answer:
        try:
            status, headers, body = json.loads(self._platform.vault.unseal(sealed, owner=record))
        except ConfigurationError as error:
            raise Conflict(
                "The answer was sealed with a key that is gone; look up what the first request made",
                code="idempotency_lost",
            ) from error
        return Answer(status, headers, body)

    def _fingerprint(self, request: bytes) -> str:
        # Keyed: a body may hold a secret, whose plain hash could be tried out.
        digest = hashlib.sha256(request).hexdigest()
        return self._platform.vault.signature("idempotency", digest, key_index=-1).hex()


def _uuid(text: str) -> str:
    """The canonical form of a UUIDv4; InvalidInput for anything else."""
    try:
        parsed = UUID(text)
    except ValueError:
        parsed = None
    if parsed is None or parsed.version != 4 or len(text) != 36:
        raise InvalidInput(
            "Idempotency-Key must be a UUID of version 4",
            code="idempotency_key_invalid",
            field="Idempotency-Key",
        )
    return str(parsed)
