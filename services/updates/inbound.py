"""The update side of a worker process: behaviours, contacts and leases shared by all drains."""

from __future__ import annotations

import logging
import threading

from redis import RedisError

from services.behaviour.book import BehaviourBook
from services.platform import Platform
from services.redis import keys
from services.redis.keeper import LeaseKeeper
from services.updates.contacts import Contacts
from services.updates.drain import Drain
from services.updates.handling import Handling
from services.updates.recovery import Isolation

logger = logging.getLogger(__name__)


class Inbound:
    """What the drains of one process share. Creating it connects to nothing; `start` begins to listen for changes."""

    def __init__(self, platform: Platform, stopping: threading.Event) -> None:
        self._platform = platform
        self._stopping = stopping
        self._isolation = Isolation()
        self._book = BehaviourBook(platform)
        self._handling = Handling(platform, self._book, Contacts(platform))

    def start(self) -> None:
        """Keep the behaviours as fresh as the database."""
        self._platform.changes.join(self._book.on_change)

    def stop(self) -> None:
        """End the listening."""
        self._platform.changes.leave(self._book.on_change)

    def drain(self, lane: int) -> None:
        """Work off one lane; returns at once when somebody else is at it. A missing Redis ends it early."""
        try:
            drain_lane(
                self._platform, self._handling, self._platform.leases, lane, self._stopping, self._isolation
            )
        except RedisError as error:
            logger.warning("lane %d left: Redis does not answer (%s)", lane, type(error).__name__)


def drain_lane(
    platform: Platform,
    handling: Handling,
    keeper: LeaseKeeper,
    lane: int,
    stopping: threading.Event,
    isolation: Isolation,
) -> bool:
    """Drain one lane until it stays empty; False when somebody else is at it. `isolation` is the process's one."""
    holding = keeper.take(f"lane:{lane}")
    if holding is None:
        # It may be a dead man's: let the reconciler ring as soon as his lease has run out.
        platform.redis.delete(keys.doorbell("lane", lane))
        return False
    try:
        Drain(platform, handling, holding, lane, stopping, isolation).run()
    finally:
        keeper.let_go(holding)
    return True
