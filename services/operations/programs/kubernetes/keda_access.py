"""KEDA's own user of Redis: it counts what waits in the queues of programs and reads nothing.

It is not a program's: to count what was not given out KEDA asks for INFO, which no program may.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from redis import Redis, RedisError
from redis.exceptions import ResponseError

from services.core.encryption import Vault
from services.core.i18n import NO_TEXT, Text
from services.platform.redis import work_keys

logger = logging.getLogger(__name__)
CONNECTING: Final = ("+ping", "+select", "+client|setname", "+client|setinfo")
COUNTING: Final = ("+info", "+xlen", "+xpending", "+xinfo|groups", "%R~bot_*_incoming")


def installation_of(vault: Vault) -> str:
    """What tells this installation from others in a namespace and in a Redis: the same as long as its oldest key is listed."""
    return vault.signature("installation", "kubernetes", key_index=vault.key_count - 1).hex()[:12]


def keda_login(vault: Vault) -> dict[str, str]:
    """KEDA's `username` and `password`; another one follows from another newest key."""
    password = vault.signature("keda", "redis").hex()
    return {"username": f"keda_{installation_of(vault)}", "password": password}


def let_keda_in(redis: Redis, login: dict[str, str]) -> Text:
    """Make KEDA's user as it is to be, again too: a Redis that restarts forgets it. Why that failed, "" when it did not."""
    password = f"#{hashlib.sha256(login['password'].encode()).hexdigest()}"
    rules = ("reset", "on", password, *CONNECTING, *COUNTING)
    try:
        redis.execute_command("ACL", "SETUSER", login["username"], *rules)  # type: ignore[no-untyped-call]
    except ResponseError as error:
        logger.warning("KEDA gets no user in Redis: %s", type(error).__name__)
        return Text("Redis lets us make no user for KEDA (ACL SETUSER): copies are not started by what waits")
    except RedisError as error:
        logger.warning("KEDA's user in Redis is not made anew: %s", type(error).__name__)
    return NO_TEXT


def make_queues(redis: Redis, public_ids: Iterable[str]) -> None:
    """Make the streams and groups that do not exist before a bot's first update: KEDA fails for a group that is not there.

    Raises RedisError.
    """
    for public_id in public_ids:
        with suppress(ResponseError):  # BUSYGROUP: it is there
            redis.xgroup_create(work_keys.incoming(public_id), work_keys.group(public_id), "0", mkstream=True)
