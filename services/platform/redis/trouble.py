"""What it means when Redis raises: one table for the web, the command line, the processes and the launcher."""

from __future__ import annotations

from redis.exceptions import (
    AuthenticationError,
    AuthenticationWrongNumberOfArgsError,
    NoPermissionError,
    OutOfMemoryError,
    RedisError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from services.core.errors import Unavailable
from services.core.i18n import Text

AWAY = (RedisConnectionError, RedisTimeoutError)  # it does not answer, and may again in a moment
REFUSED = Text("Redis refuses the user name or password of REDIS_URL")
FORBIDDEN = Text("The user of REDIS_URL may not do what is needed in Redis")
UNTRUSTED = Text("The certificate of Redis cannot be verified; see REDIS_VERIFY_TLS")


def redis_trouble(error: RedisError) -> Unavailable:
    """What `error` says, with a code of its own for each thing to do: `redis_full`, `redis_refused`, `redis_untrusted`,
    else `redis_unavailable`.
    """
    if isinstance(error, OutOfMemoryError):
        found = Unavailable("Redis is full and takes nothing more; try again later", code="redis_full")
    elif isinstance(error, AuthenticationError | AuthenticationWrongNumberOfArgsError):
        found = Unavailable(REFUSED, code="redis_refused")
    elif isinstance(error, NoPermissionError):
        found = Unavailable(FORBIDDEN, code="redis_refused")
    elif "CERTIFICATE_VERIFY_FAILED" in str(error):
        found = Unavailable(UNTRUSTED, code="redis_untrusted")
    else:
        found = Unavailable("Redis does not answer; try again shortly", code="redis_unavailable")
    found.__cause__ = error
    return found


def is_set_up_wrong(error: RedisError) -> bool:
    """Whether Redis answers, but not to REDIS_URL as it is: waiting will not help."""
    return redis_trouble(error).code in ("redis_refused", "redis_untrusted")
