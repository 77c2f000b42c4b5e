"""Requests of programs that may be repeated, and are carried out once."""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from redis import RedisError

from services.core.errors import ConfigurationError, Conflict, InvalidInput, Unavailable
from services.core.metrics import IDEMPOTENCY
from services.platform.platform import Platform
from services.platform.redis import keys

logger = logging.getLogger(__name__)
KEPT_SECONDS = 24 * 3600
RUNNING_SECONDS = 120  # longer than any request may run; then a claim whose process died lets go
RETRY_SECONDS = 1
FRESH, SAME, OTHER, RUNNING = "fresh", "same", "other", "running"

# KEYS[1] the record. ARGV[1] fingerprint, ARGV[2] owner, ARGV[3] life of a claim in s.
# Answer: what the record says, and its fingerprint's answer.
CLAIM = """
local known = redis.call('HMGET', KEYS[1], 'fingerprint', 'answer')
if not known[1] then
  redis.call('HSET', KEYS[1], 'fingerprint', ARGV[1], 'owner', ARGV[2])
  redis.call('EXPIRE', KEYS[1], ARGV[3])
  return {'fresh', ''}
end
if known[1] ~= ARGV[1] then return {'other', ''} end
if not known[2] then return {'running', ''} end
return {'same', known[2]}
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
    """Carries out each repeatable request of the API once."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def claim(self, caller: str, key: str, request: bytes) -> Claim | Answer:
        """Claim the idempotency `key` of `caller` for a request.

        `request` is everything the key stands for (method, path, body). A Claim is to be settled; an Answer is what was
        answered the first time. InvalidInput for a key that is no UUIDv4 or was used for another request; Conflict while
        the first is under way; Unavailable without Redis.
        """
        record, owner = keys.idempotency(caller, _uuid(key)), secrets.token_hex(8)
        try:
            state, sealed = self._ask(record, self._fingerprint(request), owner)
        except RedisError as error:
            raise Unavailable(
                "Redis does not answer, so that a repetition could not be told; try again",
                code="redis_unavailable",
            ) from error
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

    def _ask(self, record: str, fingerprint: str, owner: str) -> tuple[str, str]:
        answer: Any = self._platform.redis.eval(CLAIM, 1, record, fingerprint, owner, RUNNING_SECONDS)
        return str(answer[0]), str(answer[1])

    def _outcome(self, record: str, owner: str, state: str, sealed: str) -> Claim | Answer:
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
