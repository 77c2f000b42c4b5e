"""Users of Redis for programs that speak to it themselves, one per bot with a worker (ADR 43).

The name is the bot's public id, the password the worker's token: Redis keeps passwords as SHA-256, which is the `token_hash`
of the row, so a user is made again without a secret. It reads and acknowledges its own `incoming`, appends to its own
`outgoing`, and can do nothing else.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final
from urllib.parse import quote, urlsplit

from redis import Redis, RedisError
from redis.connection import parse_url
from redis.exceptions import ResponseError
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Bot, BotWorker
from services.core.settings import Settings
from services.platform.platform import Platform
from services.platform.redis import work_keys

# What libraries say when they connect, and what lets an answer and its acknowledgement count together.
HARMLESS: Final = ("+ping", "+multi", "+exec", "+discard", "+client|setname", "+client|setinfo")
# Not XCLAIM and XAUTOCLAIM: a program that took over what another had left would escape the count of deliveries.
READING: Final = "+xreadgroup +xpending +xlen +xinfo|stream +xinfo|groups +xinfo|consumers"


TRANSPORT: Final = "redis"  # of the rows whose programs may speak to Redis


def database_of(settings: Settings) -> int:
    """The number of the database in REDIS_URL."""
    url: Any = parse_url(settings.redis_url)  # type: ignore[no-untyped-call]
    return int(url.get("db") or 0)


def base_address(settings: Settings) -> str:
    """Where programs find Redis, without a user of theirs; "" when they are not let into it."""
    if settings.worker_redis_url:
        return settings.worker_redis_url
    kept = settings.embedded_redis_file
    is_embedded = kept.exists() and kept.read_text().strip() == settings.redis_url
    return settings.redis_url if is_embedded else ""


def address_for(settings: Settings, public_id: str, password: str = "") -> str | None:
    """REDIS_URL for the program of a bot, without the password unless one is given; None when it is not let in."""
    parts = urlsplit(base_address(settings))
    if not parts.scheme:
        return None
    secret = f":{quote(password, safe='')}" if password else ""
    path = parts.path if parts.scheme == "unix" else f"/{database_of(settings)}"
    return parts._replace(netloc=f"{public_id}{secret}@{parts.netloc.rpartition('@')[2]}", path=path).geturl()


def own_address(settings: Settings, bot: Bot, worker: BotWorker, token: str) -> str | None:
    """REDIS_URL whole, with the worker's token; None for a program that is not let in."""
    return address_for(settings, bot.public_id, token) if is_let_in(worker) else None


def rules(public_id: str, token_hash: str, database: int, *, may_write: bool = True) -> tuple[str, ...]:
    """What makes the user of a bot, or makes it anew, in the words of ACL SETUSER.

    The first line is its own and the other two stand apart: a command must pass one of them with all its keys.
    """
    incoming, outgoing = work_keys.streams(public_id)
    return (
        *("reset", "on", f"#{token_hash}", own_mark(database)),
        *((f"db={database}",) if database else ()),  # it could write to database 0 before it selects
        *HARMLESS,
        *(("+xadd", f"%W~{outgoing}") if may_write else ()),
        f"({READING} %R~{incoming})",
        f"(+xack %W~{incoming})",
    )


def own_mark(database: int) -> str:
    """The rule by which users of this installation are told from those of another one in the same Redis."""
    return f"+select|{database}"


def let_in(redis: Redis, public_id: str, user: tuple[str, ...], *, disconnect: bool) -> None:
    """Make the user of a bot, and the group that it reads by; `disconnect` whoever is connected as it. Raises RedisError."""
    make_group(redis, public_id)
    ask(redis, "ACL", "SETUSER", public_id, *user)
    if disconnect:
        ask(redis, "CLIENT", "KILL", "USER", public_id)


def ask(redis: Any, *words: str) -> Any:
    """The answer of Redis to a command that its client has no function for. Raises RedisError."""
    return redis.execute_command(*words)


def make_group(redis: Redis, public_id: str) -> None:
    """Make a bot's `incoming` and its group, from the beginning on; nothing when they are there. Raises RedisError."""
    with suppress(ResponseError):  # BUSYGROUP
        redis.xgroup_create(work_keys.incoming(public_id), work_keys.group(public_id), "0", mkstream=True)


def lock_out(redis: Redis, public_id: str) -> None:
    """Delete the user of a bot, which ends its connections; nothing when it has none. Raises RedisError."""
    with suppress(ResponseError):  # a Redis without such users, or that allows us none
        ask(redis, "ACL", "DELUSER", public_id)


def access_changed(platform: Platform, bot: Bot) -> None:
    """Make or delete the user of a bot as its row says by now. What fails is made up for by the next round of `programs`."""
    settings = platform.settings
    with platform.database.reading() as session:
        token_hash = _token_hash(session, bot.id)
    with suppress(RedisError):
        if token_hash is None or not base_address(settings):
            lock_out(platform.redis, bot.public_id)
        else:
            user = rules(bot.public_id, token_hash, database_of(settings))
            let_in(platform.redis, bot.public_id, user, disconnect=True)


def is_let_in(worker: BotWorker) -> bool:
    """Whether the worker has a user where users are given."""
    return worker.transport == TRANSPORT and worker.token_hash is not None and worker.ending_since is None


def _token_hash(session: Session, bot_id: int) -> str | None:
    worker = session.scalar(select(BotWorker).where(BotWorker.bot_id == bot_id))
    return worker.token_hash if worker is not None and is_let_in(worker) else None
