"""Passwords: argon2id, computed beside the event loop."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from services.core.errors import InvalidInput
from services.core.i18n import Text
from services.core.native_threads import beside_the_hub

MIN_LENGTH = 10
MAX_LENGTH = 256  # a bound on the work; ASVS 5.0 asks for at least 64
# OWASP's setting of the least memory (19 MiB, 2 passes, 1 lane): ten at once still fit a small host.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# Never more hashes at once than processors: ten threads that compute left the event loop a tenth of its time.
_turns = threading.BoundedSemaphore(os.cpu_count() or 1)
Result = TypeVar("Result")


def hash_password(password: str) -> str:
    """The argon2id hash of `password`; InvalidInput when it is too short, too long or one repeated character."""
    if len(password) < MIN_LENGTH:
        raise InvalidInput(
            Text("The password needs at least {least} characters", least=MIN_LENGTH),
            code="password_too_short",
            field="password",
        )
    if len(password) > MAX_LENGTH:
        raise InvalidInput(
            Text("The password may have at most {most} characters", most=MAX_LENGTH),
            code="password_too_long",
            field="password",
        )
    if len(set(password)) == 1:
        raise InvalidInput(
            "The password must not be one character repeated", code="password_too_simple", field="password"
        )
    return _in_turn(_hasher.hash, password)


def password_matches(password_hash: str | None, password: str) -> bool:
    """Whether `password` belongs to the hash. None costs the same work and is False: no account tells itself apart."""
    known = password_hash or _nobodys_hash()
    matches = _in_turn(_verify, known, password[: MAX_LENGTH + 1])
    return matches and password_hash is not None


def needs_rehash(password_hash: str) -> bool:
    """Whether the hash was made with other costs than today's."""
    return _hasher.check_needs_rehash(password_hash)


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobodys_hash() -> str:
    return _in_turn(_hasher.hash, "nobody's password")


def _in_turn(function: Callable[..., Result], *args: Any) -> Result:
    with _turns:
        return beside_the_hub(function, *args)
