"""What a process remembers of things that change elsewhere, dropped when their change is announced."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar, Final, Generic, TypeVar, cast

from services.platform.redis.changes import Topic

Key = TypeVar("Key")
Value = TypeVar("Value")
EVERYTHING: Final = None  # in place of an identity, after a gap in which any change may have been missed


class ChangeCache(ABC, Generic[Key, Value]):
    """Values by key, loaded on first need. `on_change` belongs into `Changes`; without it nothing ever ages.

    What was loaded while its change was announced may be of before: it is loaded again. While what `_load` asks is away,
    its error goes to the caller and nothing is remembered. Thread-safe; a hit takes no lock.
    """

    topic: ClassVar[Topic] = Topic.BOT
    keeps_missing: ClassVar[bool] = False  # None is remembered too; not where strangers choose the keys
    largest: ClassVar[int] = 10_000  # far more than a fleet has bots; beyond it the oldest goes

    def __init__(self) -> None:
        self._kept: dict[Key, Value | None] = {}
        self._heard: dict[int, set[int | None]] = {}  # per load under way what changed since it began
        self._lock = threading.Lock()

    @abstractmethod
    def _load(self, key: Key) -> Value | None:
        """The present value, None when there is none; what it raises `get` raises."""

    def _identity_of(self, key: Key, value: Value | None) -> int:
        """Whose announced change drops the value; that of the key, unless a cache says otherwise."""
        return cast(int, key)

    def _dropped(self, value: Value) -> None:
        """A value is over, or was never used. Must not raise, nor take longer than the next change may wait."""

    def _outdated(self, identity: int | None) -> None:
        """Called in the step that drops the values of `identity`, under the lock: whatever else is known of it is over, too."""

    def get(self, key: Key) -> Value | None:
        """The value of `key`, None when there is none."""
        try:
            return self._kept[key]
        except KeyError:
            return self._fill(key)

    def peek(self, key: Key) -> Value | None:
        """The value of `key` if it is at hand; asks nobody."""
        return self._kept.get(key)

    def on_change(self, topic: Topic, identity: int) -> None:
        """Drop what the announced change is about, or everything after a gap."""
        if topic is self.topic:
            self.forget(identity)
        elif topic is Topic.ANY:
            self.forget(EVERYTHING)

    def forget(self, identity: int | None) -> None:
        """Have the values of `identity` loaded anew when they are next asked for."""
        with self._lock:
            for heard in list(self._heard.values()):
                heard.add(identity)
            self._outdated(identity)
            gone = [
                self._kept.pop(key)
                for key, value in list(self._kept.items())
                if identity in (EVERYTHING, self._identity_of(key, value))
            ]
        self._drop(gone)

    def replace(
        self, following: Mapping[Key, tuple[Value, Value]], is_outdated: Callable[[Value], bool]
    ) -> None:
        """Let values follow others, (former, new) by key, where the former is still kept.

        Whatever else is outdated, or is just being loaded, is loaded anew.
        """
        with self._lock:
            for heard in list(self._heard.values()):
                heard.add(EVERYTHING)
            gone: list[Value | None] = []
            for key, (former, new) in following.items():
                is_kept = self._kept.get(key) is former
                gone.append(former if is_kept else new)
                if is_kept:
                    self._kept[key] = new
            followed = {id(new) for _, new in following.values()}
            outdated = [
                key
                for key, value in self._kept.items()
                if value is not None and id(value) not in followed and is_outdated(value)
            ]
            gone += [self._kept.pop(key) for key in outdated]
        self._drop(gone)

    def _fill(self, key: Key) -> Value | None:
        while True:
            heard: set[int | None] = set()
            self._heard[id(heard)] = heard
            try:
                value = self._load(key)
                with self._lock:
                    is_current = heard.isdisjoint((EVERYTHING, self._identity_of(key, value)))
                    gone = self._keep(key, value) if is_current else [value]
                    found = self._kept.get(key, value)  # somebody else's, if he was quicker
            finally:
                del self._heard[id(heard)]
            self._drop(gone)
            if is_current:
                return found

    def _keep(self, key: Key, value: Value | None) -> list[Value | None]:
        """Remember a value unless the key has one by now; what is needed no more."""
        if value is None and not self.keeps_missing:
            return []
        if key in self._kept:
            return [value]
        self._kept[key] = value
        return [self._kept.pop(next(iter(self._kept)))] if len(self._kept) > self.largest else []

    def _drop(self, values: Iterable[Value | None]) -> None:
        for value in values:
            if value is not None:
                self._dropped(value)
