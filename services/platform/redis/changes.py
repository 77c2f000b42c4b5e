"""Telling every process that something changed, in well under a second.

A change is published on a channel and raises a generation counter. Listeners act on the message; a ticker that
compares the counter once a second catches what a broken subscription missed. Whoever must know Redis' memory as often has it
asked in the same round trip.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final

from redis import Redis, RedisError

from services.core.ticks import until_tick
from services.platform.redis import keys
from services.platform.redis.scripts import load

logger = logging.getLogger(__name__)
TICK_SECONDS = 1.0
ANNOUNCE: Final = load("announce_change")


class Topic(StrEnum):
    """What changed. ANY is what a listener is told when it may have missed messages. PLUGINS and SWITCHES are all, of no identity."""

    POOL = "pool"
    BOT = "bot"
    PLUGINS = "plugins"
    SWITCHES = "switches"
    ANY = "any"


def announce(redis: Redis, topic: Topic, identity: int) -> None:
    """Publish that the pool or bot `identity` changed. Call it after the commit; raises RedisError when Redis is away."""
    ANNOUNCE(redis, [keys.changes_generation()], [keys.changes_channel(), f"{topic}:{identity}"])


OnChange = Callable[[Topic, int], None]


class WatchedMemory:
    """The last answer to INFO memory, for those of a process who want it once a second; asked only where somebody does."""

    def __init__(self) -> None:
        self.is_wanted = False
        self._info: dict[str, Any] = {}
        self._at = float("-inf")

    def note(self, info: dict[str, Any]) -> None:
        """This was answered now."""
        self._info, self._at = info, time.monotonic()

    def younger_than(self, seconds: float) -> dict[str, Any] | None:
        """The last answer, None when it is older."""
        self.is_wanted = True
        return self._info if time.monotonic() - self._at < seconds else None


class ChangeListener:
    """Runs `on_change(topic, id)` for every announced change, and `on_change(ANY, 0)` after every gap.

    Two daemon threads (greenlets in a patched process). `on_change` must be quick and must not raise.
    """

    def __init__(
        self, redis: Redis, blocking: Redis, on_change: OnChange, memory: WatchedMemory | None = None
    ) -> None:
        self._redis = redis
        self._blocking = blocking
        self._on_change = on_change
        self._memory = memory or WatchedMemory()
        self._generation: int | None = None
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin listening; returns at once."""
        for target in (self._subscribe_for_ever, self._tick_for_ever):
            threading.Thread(target=target, daemon=True, name=f"changes-{target.__name__}").start()

    def stop(self) -> None:
        """End both threads within about a second."""
        self._stopped.set()

    def _subscribe_for_ever(self) -> None:
        while not self._stopped.is_set():
            try:
                self._subscribe()
            except RedisError:
                logger.warning("subscription to changes lost; trying again")
                self._stopped.wait(TICK_SECONDS)

    def _subscribe(self) -> None:
        with self._blocking.pubsub(ignore_subscribe_messages=True) as pubsub:  # type: ignore[no-untyped-call]
            pubsub.subscribe(keys.changes_channel())
            self._on_change(Topic.ANY, 0)  # what was said while nobody listened
            while not self._stopped.is_set():
                message = pubsub.get_message(timeout=TICK_SECONDS)
                if message is not None:
                    topic, identity, generation = str(message["data"]).split(":")
                    known = topic if topic in set(Topic) else Topic.ANY  # a newer release may have more
                    self._on_change(Topic(known), int(identity))
                    if self._generation is not None and int(generation) == self._generation + 1:
                        self._generation += 1

    def _tick_for_ever(self) -> None:
        while not self._stopped.is_set():
            try:
                generation = self._look()
                if self._generation is not None and generation != self._generation:
                    self._on_change(Topic.ANY, 0)
                self._generation = generation
            except RedisError:
                self._generation = -1  # whatever it is when Redis is back, look again
            time.sleep(until_tick(TICK_SECONDS))

    def _look(self) -> int:
        if not self._memory.is_wanted:
            return int(self._redis.get(keys.changes_generation()) or 0)
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.get(keys.changes_generation())
            pipe.info("memory")
            generation, info = pipe.execute()
        self._memory.note(info)
        return int(generation or 0)


class Changes:
    """All parts of a process that listen, behind one ChangeListener: each of its own costs a round trip a second."""

    def __init__(self, redis: Redis, blocking: Redis) -> None:
        self._redis = redis
        self._blocking = blocking
        self._lock = threading.Lock()
        self._parts: tuple[OnChange, ...] = ()
        self._listener: ChangeListener | None = None
        self.memory = WatchedMemory()

    def subscribe(self, part: OnChange) -> None:
        """Have `part` told of every change from now on, as a ChangeListener would."""
        with self._lock:
            self._parts = (*self._parts, part)
            if self._listener is None:
                self._listener = ChangeListener(self._redis, self._blocking, self._tell, self.memory)
                self._listener.start()
                return
        part(Topic.ANY, 0)  # what was said before it came

    def unsubscribe(self, part: OnChange) -> None:
        """Tell `part` nothing more; the last one ends the listening."""
        with self._lock:
            self._parts = tuple(one for one in self._parts if one != part)
            if not self._parts and self._listener is not None:
                self._listener.stop()
                self._listener = None

    def _tell(self, topic: Topic, identity: int) -> None:
        for part in self._parts:
            part(topic, identity)
