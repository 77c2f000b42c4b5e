"""The book of a run: what arrived at the sandbox, and what was in flight when something was killed."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from redis import RedisError

from services.platform.redis import keys
from tools.chaos.installation import Place

POLL_INTERVAL_SECONDS = 0.2
ARRIVAL_SECONDS = 0.3  # what was on the line when its sender died has arrived by then


KILLED = "kill -9"
KILLED_CHILD = "kill -9 of the child of"  # alone; its master forks another
KILLS = (KILLED, KILLED_CHILD)


@dataclass(frozen=True)
class Arrival:
    """A message that a bot sent: bot, text, when (epoch s)."""

    bot: str
    text: str
    at: float


@dataclass
class Incident:
    """A fault from `at` to `until` (epoch s). `in_flight`: sent, and not yet settled, while it lasted."""

    name: str
    victim: str
    at: float
    until: float = 0.0
    in_flight: set[str] = field(default_factory=set)
    is_kill: bool = True
    loses_answers: bool = False  # of the Bot API, so that sends become uncertain
    lasts: bool = False  # harm that somebody has to end, at `until`; recovery is counted from there
    note: str = ""
    violation: str = ""  # what was wrong with the fault itself: an exit code, a crash that did not come
    recovery: float | None = None  # s, longest wait that it caused; None: nobody wrote, or an update killed
    slowest: str = ""  # whose wait that was

    @property
    def counted_from(self) -> float:
        """When recovery could begin (epoch s)."""
        return self.until if self.lasts else self.at


class Recorder:
    """Reads the sandbox's journal all the time, in a thread of its own."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._lock = threading.Lock()
        self._since = 0
        self._ended = threading.Event()
        self.arrivals: list[Arrival] = []
        self.texts: dict[str, int] = {}
        self.incidents: list[Incident] = []
        self._thread = threading.Thread(target=self._look_for_ever, daemon=True, name="book")
        self._thread.start()

    def look(self) -> None:
        """Read what is new in the journal."""
        with self._lock:
            for entry in self._place.telegram.journal(self._since):
                self._since = entry["seq"]
                if entry["method"] == "sendMessage":
                    self._note(entry)

    def close(self) -> None:
        """End the reading."""
        self._ended.set()
        self._thread.join(5)

    def sample(self, incident: Incident, waiting: set[str] | None = None) -> None:
        """Add what is in flight: messages of `waiting`, or without it of outboxes now, that have arrived; none while Valkey is away."""
        if waiting is None and (waiting := self.waiting()) is None:
            return
        time.sleep(ARRIVAL_SECONDS)
        self.look()
        incident.in_flight |= {text for text in waiting if text in self.texts}

    def waiting(self) -> set[str] | None:
        """The texts of all messages in outboxes; None while Valkey is away."""
        redis = self._place.platform.redis
        with redis.pipeline(transaction=False) as pipe:
            for bot in self._place.bots.values():
                for priority in keys.OUTBOX_PRIORITIES:
                    pipe.xrange(keys.outbox(bot, priority))
            try:
                answers = pipe.execute()
            except RedisError:
                return None
        calls = (json.loads(fields["call"]) for entries in answers for _, fields in entries)
        return {str(call["params"].get("text")) for call in calls}

    def _note(self, entry: dict[str, Any]) -> None:
        text = str(entry["text"])
        self.texts[text] = self.texts.get(text, 0) + 1
        self.arrivals.append(Arrival(entry["bot"], text, float(entry["time"])))

    def _look_for_ever(self) -> None:
        while not self._ended.wait(POLL_INTERVAL_SECONDS):
            try:
                self.look()
            except OSError:
                time.sleep(POLL_INTERVAL_SECONDS)
