"""Requests of programs that may be repeated, and are carried out once.

What is remembered of a request is a digest, and its answer if that is not too long. How many are remembered of one
caller and of one account is bounded, so that nobody fills Redis for all: 4.3 KB times the account's number at most.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import secrets
import zlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from redis import RedisError
from redis.exceptions import OutOfMemoryError

from services.core.errors import ConfigurationError, Conflict, InvalidInput, RateLimited, Unavailable
from services.core.i18n import Text
from services.core.metrics import IDEMPOTENCY
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.scripts import load
from services.queueing.memory_guard import MemoryGuard

logger = logging.getLogger(__name__)
KEPT_SECONDS: Final = 24 * 3600
RUNNING_SECONDS: Final = 120  # longer than any request may run; then a claim whose process died lets go
RETRY_SECONDS: Final = 1
LOW_MEMORY_RETRY_SECONDS: Final = 60  # somebody has to make room first
LARGEST_ANSWER: Final = (
    4096  # characters, packed and sealed: a new API key takes 500, a pool of 60 bots 1,900
)
FRESH, SAME, OTHER, RUNNING, FULL = "fresh", "same", "other", "running", "full"

CLAIM: Final = load("claim_request")
SETTLE: Final = load("settle_request")


@dataclass(frozen=True)
class Answer:
    """An HTTP answer as it is stored for a repetition. A `body` of None was too long to be kept."""

    status: int
    headers: dict[str, str]
    body: str | None


@dataclass(frozen=True)
class Claim:
    """The right to carry out one request: its keys (record, indexes), its name in the indexes, the owner's token."""

    keys: tuple[str, str, str]
    name: str
    owner: str

    @property
    def record(self) -> str:
        """The key of what is remembered."""
        return self.keys[0]


class IdempotencyKeys:
    """Carries out each repeatable request of the API once."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    @cached_property
    def _memory(self) -> MemoryGuard:
        return MemoryGuard(self._platform.redis)

    def claim(self, account_id: int, actor: str, key: str, request: bytes) -> Claim | Answer:
        """Claim the idempotency `key` of an account's `actor` for a request.

        `request` is everything the key stands for (method, path, body). A Claim is to be settled; an Answer is what was
        answered the first time. InvalidInput for a key that is no UUIDv4 or was used for another request; Conflict while
        the first is under way, or when its answer cannot be given again; RateLimited while as many are remembered as may
        be; Unavailable without Redis or room in it.
        """
        name = f"{actor}:{_uuid(key)}"
        indexes = keys.idempotent_requests(account_id), keys.idempotent_requests(account_id, actor)
        claim = Claim((keys.idempotency(account_id, name), *indexes), name, secrets.token_hex(8))
        try:
            # What is claimed now must still find room for its answer: without one it would be carried out again.
            most = 0 if self._memory.is_low() else self._platform.settings.idempotency_keys_per_account
            state, detail = self._ask(claim, self._fingerprint(request), most)
        except OutOfMemoryError as error:
            raise _short_of_memory() from error
        except RedisError as error:
            raise Unavailable(
                "Redis does not answer, so that a repetition could not be told; try again",
                code="redis_unavailable",
            ) from error
        if state == FULL and not most:
            raise _short_of_memory()
        return self._outcome(claim, state, detail)

    def settle(self, claim: Claim, answer: Answer | None) -> None:
        """Keep the answer for 24 hours, sealed, for it may show a secret; None frees the key for another attempt."""
        sealed = self._sealed(claim.record, answer) if answer else ""
        try:
            SETTLE(self._platform.redis, claim.keys, [claim.name, claim.owner, sealed, KEPT_SECONDS])
        except RedisError as error:
            logger.warning("an answer was not kept for repetitions: %s", type(error).__name__)

    def _ask(self, claim: Claim, fingerprint: str, most: int) -> tuple[str, str]:
        # One caller leaves half to the account's others.
        arguments: list[str | int] = [
            claim.name,
            fingerprint,
            claim.owner,
            RUNNING_SECONDS,
            most,
            (most + 1) // 2,
        ]
        answer: Any = CLAIM(self._platform.redis, claim.keys, arguments)
        return str(answer[0]), str(answer[1])

    def _outcome(self, claim: Claim, state: str, detail: str) -> Claim | Answer:
        IDEMPOTENCY.labels(state).inc()
        if state == FRESH:
            return claim
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
        if state == FULL:
            raise RateLimited(
                "Too many Idempotency-Keys were used within 24 hours; wait, or send the request without one",
                code="idempotency_limit",
                retry_after=float(detail),
            )
        return self._opened(claim.record, detail)

    def _sealed(self, record: str, answer: Answer) -> str:
        sealed = self._platform.vault.seal(_packed(answer), owner=record)
        if len(sealed) <= LARGEST_ANSWER:
            return sealed
        # A Location is a path of ours, and short.
        return self._platform.vault.seal(_packed(replace(answer, body=None)), owner=record)

    def _opened(self, record: str, sealed: str) -> Answer:
        try:
            status, headers, body = _unpacked(self._platform.vault.unseal(sealed, owner=record))
        except ConfigurationError as error:
            raise Conflict(
                "The answer was sealed with a key that is gone; look up what the first request made",
                code="idempotency_lost",
            ) from error
        if body is None:
            raise Conflict(
                Text(
                    "The first request was carried out and answered {status}, too long an answer to be kept; look up what it made {location}",
                    status=status,
                    location=headers.get("Location", ""),
                ),
                code="idempotency_not_kept",
            )
        return Answer(status, headers, body)

    def _fingerprint(self, request: bytes) -> str:
        # Keyed: a body may hold a secret, whose plain hash could be tried out.
        digest = hashlib.sha256(request).hexdigest()
        return self._platform.vault.signature("idempotency", digest, key_index=-1).hex()


def _short_of_memory() -> Unavailable:
    return Unavailable(
        "Redis is short of memory, so that no new Idempotency-Key can be remembered; try again later",
        code="redis_full",
        retry_after=LOW_MEMORY_RETRY_SECONDS,
    )


def _packed(answer: Answer) -> str:
    """The answer as text for sealing; what lists many members of one kind shrinks to a fraction."""
    text = json.dumps([answer.status, answer.headers, answer.body])
    return base64.b85encode(zlib.compress(text.encode())).decode()


def _unpacked(text: str) -> Any:
    return json.loads(zlib.decompress(base64.b85decode(text)))


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
