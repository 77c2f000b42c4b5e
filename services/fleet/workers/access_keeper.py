"""Keeping the users of programs in Redis as the database says: Redis forgets them when it restarts (ADR 43)."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from redis import Redis
from redis.exceptions import NoPermissionError, OutOfMemoryError, ResponseError
from sqlalchemy import select

from models import Bot, BotWorker
from services.fleet.workers.redis_access import (
    TRANSPORT,
    ask,
    base_address,
    database_of,
    let_in,
    lock_out,
    make_group,
    own_mark,
    rules,
)
from services.fleet.workers.redis_view import RedisTrouble
from services.fleet.workers.tokens import IDENTITY, WorkerIdentity, identity_of
from services.platform.platform import Platform
from services.platform.redis import work_keys

logger = logging.getLogger(__name__)
STATE_SECONDS: Final = 30
OURS: Final = re.compile(r"user (bot_[0-9a-f]{12}) ")


@dataclass(frozen=True)
class StreamWorker:
    """A worker whose program may speak to Redis."""

    identity: WorkerIdentity
    token_hash: str


class AccessKeeper:
    """Makes the users that are missing or different and deletes those that should not be; for the one process that leads."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._redis = platform.redis
        self._database = database_of(platform.settings)
        self._made: dict[str, tuple[tuple[str, ...], str]] = {}  # rules given, and how Redis writes them
        self._silenced: set[str] = set()
        self._trouble: RedisTrouble | None = None

    def round(self) -> list[StreamWorker]:
        """Bring all users to what the database says; whose programs are let in. Raises RedisError, Unavailable."""
        wanted = stream_workers(self._platform) if base_address(self._platform.settings) else []
        try:
            self._reconcile({each.identity.public_id: each for each in wanted})
        except ResponseError as error:
            self._made.clear()
            self._tell(_trouble_of(error, self._database))
            return []
        self._tell(None)
        return wanted

    def silence(self, worker: StreamWorker, silent: bool) -> None:
        """Take from a program the right to append to `outgoing`, which is full, or give it back. Raises RedisError."""
        name = worker.identity.public_id
        if silent == self.is_silent(name):
            return
        logger.info(
            "the program of %s %s", name, "writes too much and is silenced" if silent else "may write again"
        )
        (self._silenced.add if silent else self._silenced.discard)(name)
        self._make(name, worker, disconnect=False)

    def is_silent(self, public_id: str) -> bool:
        """Whether a program may not append to `outgoing` at present."""
        return public_id in self._silenced

    def _reconcile(self, wanted: dict[str, StreamWorker]) -> None:
        found = self._users()
        for name in found.keys() - wanted.keys():
            self._drop(name)
        changed = [
            name
            for name, each in wanted.items()
            if self._made.get(name) != (self._rules(each), found.get(name))
        ]
        for name in changed:
            knows_other = name in found and f"#{wanted[name].token_hash} " not in found[name]
            self._make(name, wanted[name], disconnect=knows_other)
        if changed:
            found = self._users()
            self._made = {name: (self._rules(each), found.get(name, "")) for name, each in wanted.items()}
        self._make_groups(wanted)

    def _users(self) -> dict[str, str]:
        """The users of this installation, each as Redis writes it."""
        lines = ask(self._redis, "ACL", "LIST")
        mark = f" {own_mark(self._database)} "
        named = ((OURS.match(line), line) for line in lines if mark in line)
        return {match[1]: line for match, line in named if match}

    def _rules(self, worker: StreamWorker) -> tuple[str, ...]:
        name = worker.identity.public_id
        return rules(name, worker.token_hash, self._database, may_write=not self.is_silent(name))

    def _make(self, name: str, worker: StreamWorker, *, disconnect: bool) -> None:
        let_in(self._redis, name, self._rules(worker), disconnect=disconnect)
        self._made.pop(name, None)

    def _make_groups(self, names: Iterable[str]) -> None:
        """A queue that was emptied, or a Redis that forgot all, has no group to read by until the next update."""
        by_stream = {work_keys.incoming(name): name for name in names}
        if by_stream and self._redis.exists(*by_stream) < len(by_stream):
            for name in by_stream.values():
                make_group(self._redis, name)

    def _drop(self, name: str) -> None:
        logger.info("the program of %s is locked out of Redis", name)
        lock_out(self._redis, name)
        _drop_if_empty(self._redis, work_keys.incoming(name))

    def _tell(self, trouble: RedisTrouble | None) -> None:
        if trouble is not self._trouble:
            logger.warning("programs and Redis: %s", trouble or "they are let in")
        self._trouble = trouble
        with suppress(OutOfMemoryError):  # what is shown to people waits until there is room again
            self._redis.set(work_keys.redis_way(), trouble or "", ex=STATE_SECONDS)


def stream_workers(platform: Platform) -> list[StreamWorker]:
    """Every worker with a token in force whose end nobody asked for and whose updates wait in Redis; one query."""
    query = (
        select(*IDENTITY, BotWorker.token_hash)
        .join(BotWorker, BotWorker.bot_id == Bot.id)
        .where(
            BotWorker.token_hash.is_not(None),
            BotWorker.ending_since.is_(None),
            BotWorker.transport == TRANSPORT,
        )
        .order_by(Bot.id)
    )
    with platform.database.reading() as session:
        return [StreamWorker(identity_of(row), row.token_hash) for row in session.execute(query)]


def _drop_if_empty(redis: Redis, stream: str) -> None:
    """Delete a stream that a round made when its worker had just ended; what has work in it belongs to another worker."""

    def drop(pipe: Any) -> None:
        is_empty = pipe.xlen(stream) == 0
        pipe.multi()
        if is_empty:
            pipe.delete(stream)

    redis.transaction(drop, stream)


def _trouble_of(error: ResponseError, database: int) -> RedisTrouble:
    if isinstance(error, NoPermissionError) or "unknown command" in str(error).lower():
        return RedisTrouble.REFUSED
    return RedisTrouble.OTHER_DATABASE if database and "db=" in str(error) else RedisTrouble.TOO_OLD
