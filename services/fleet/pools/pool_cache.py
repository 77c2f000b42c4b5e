"""The pools as this process knows them: in memory, refreshed by changes, independent of Redis once filled."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

from redis import RedisError

from services.core.drafts import draft_of
from services.core.errors import Unavailable
from services.fleet.pools.model import PoolSnapshot, from_json, to_json
from services.fleet.pools.snapshot import publish_all, read_pools
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.changes import Topic

logger = logging.getLogger(__name__)


class PoolCache:
    """All pools by slug and by id. Reading is a dictionary look-up; a change replaces the dictionaries whole.

    No ChangeCache but a complete copy: a slug that is not in it is unknown, which costs no round trip, and the last one known
    serves while everything is away. Filled from Redis, else from the database, else from the copy in DATA_DIR that the last
    run left. Readings follow one another and each change is followed by one of its own, so what was read before a change
    never replaces what was read after it.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._copy = platform.settings.data_dir / "pools.json"
        self._texts: dict[int, str] = {}
        self._pools: dict[int, PoolSnapshot] = {}
        self._by_slug: dict[str, PoolSnapshot] = {}
        self._reading = threading.Lock()

    def get(self, slug: str) -> PoolSnapshot | None:
        """The pool that has or had this slug (in lower case)."""
        return self._by_slug.get(slug)

    def by_id(self, pool_id: int) -> PoolSnapshot | None:
        """The pool with this id."""
        return self._pools.get(pool_id)

    @property
    def by_id_map(self) -> Mapping[int, PoolSnapshot]:
        """All pools by id; another object after every change."""
        return self._pools

    def pools(self) -> Iterable[PoolSnapshot]:
        """All pools, in no order."""
        return self._pools.values()

    def start(self) -> None:
        """Fill the cache and keep it fresh from now on."""
        self.refresh()
        self._platform.changes.subscribe(self.on_change)

    def stop(self) -> None:
        """Listen no longer."""
        self._platform.changes.unsubscribe(self.on_change)

    def on_change(self, topic: Topic, identity: int) -> None:
        """Take over an announced change; a Redis that fails meanwhile leaves everything as it is."""
        if topic is Topic.BOT:
            return
        try:
            with self._reading:
                if topic is Topic.POOL:
                    self._take_one(identity)
                else:
                    self._take_all()
        except (RedisError, Unavailable):
            logger.warning("pools not refreshed; going on with the last ones")

    def refresh(self) -> None:
        """Read everything anew, from the nearest source that answers."""
        with self._reading:
            try:
                self._take_all()
            except RedisError:
                self._take_elsewhere()
            except Unavailable:
                self._take_copy()

    def _take_one(self, pool_id: int) -> None:
        text = self._platform.redis.hget(keys.pool_snapshot(), str(pool_id))
        self._replace({**self._texts, pool_id: str(text)} if text else _but(self._texts, pool_id))

    def _take_all(self) -> None:
        texts = self._platform.redis.hgetall(keys.pool_snapshot())
        if not texts:  # a new or emptied Redis: the database knows
            publish_all(self._platform)
            texts = self._platform.redis.hgetall(keys.pool_snapshot())
        self._replace({int(pool_id): str(text) for pool_id, text in texts.items()})

    def _take_elsewhere(self) -> None:
        try:
            self._replace({pool.id: to_json(pool) for pool in read_pools(self._platform)})
            logger.warning("Redis does not answer; pools read from the database")
        except Unavailable:
            self._take_copy()

    def _take_copy(self) -> None:
        if not self._texts and self._copy.exists():
            texts = json.loads(self._copy.read_text())
            self._replace({int(pool_id): str(text) for pool_id, text in texts.items()})
            logger.warning("neither Redis nor the database answers; pools read from the copy on disk")

    def _replace(self, texts: dict[int, str]) -> None:
        if texts == self._texts:
            return
        pools = {}
        for pool_id, text in texts.items():
            pool = self._pools.get(pool_id) if self._texts.get(pool_id) == text else _parsed(pool_id, text)
            if pool is not None:
                pools[pool_id] = pool
        self._by_slug = {slug: pool for pool in pools.values() for slug in pool.slugs}
        self._pools = pools
        self._texts = texts
        _write_copy(self._copy, texts)


def _parsed(pool_id: int, text: str) -> PoolSnapshot | None:
    """The pool in `text`; None for the marker of a deleted one and for what another version of us wrote."""
    try:
        return from_json(text)
    except KeyError:
        return None
    except (ValueError, TypeError):
        logger.error("snapshot of a pool is not readable; publish it anew", extra={"pool_id": pool_id})
        return None


def _but(texts: Mapping[int, str], pool_id: int) -> dict[int, str]:
    return {known: text for known, text in texts.items() if known != pool_id}


def _write_copy(path: Path, texts: Mapping[int, str]) -> None:
    draft = draft_of(path)
    try:
        draft.write_text(json.dumps(texts))
        draft.replace(path)
    except OSError:
        logger.warning("copy of the pools not written; going on without it")
