"""When to look at which bot's streams: the more often the more its program does, and never while it sleeps."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from services.queueing.work_streams import Look


@dataclass(frozen=True)
class StreamTimings:
    """Seconds between two looks, and at other things."""

    busy: float = 0.004  # after one that found something: what comes together is then done together
    at_work: float = 0.025  # its program holds something, or has just been offered something
    waiting: float = 0.25  # nobody takes what is offered, or a program does over HTTP, which needs no look
    linger: float = 2.0  # so long after an offer or a find a bot is at work
    speaks: float = 3600.0  # so long after it did a program counts as one that speaks to Redis
    late: float = 1.0  # what was given out and not answered
    sleeping: float = 0.25  # whether anybody who sleeps wants something called
    every: float = 10.0  # all bots, for hints that were lost
    users: float = 3.0  # users of Redis, and who has one


DEFAULT_TIMINGS: Final = StreamTimings()


@dataclass
class Watched:
    """When a bot is looked at next, when for late answers, and until when it counts as at work; monotonic seconds."""

    look_at: float
    late_at: float
    at_work_until: float = 0.0


class Watchlist:
    """The bots that are looked at. Pure: it is told the time, and what was found."""

    def __init__(self, timings: StreamTimings) -> None:
        self._timings = timings
        self._watched: dict[int, Watched] = {}
        self._speaks_until: dict[int, float] = {}

    def wake(self, bot_id: int, now: float) -> None:
        """The bot was offered something: soon its program may have done it, if that speaks to Redis."""
        speaks = self._speaks(bot_id, now)
        self.look([bot_id], now + (self._timings.busy if speaks else self._timings.waiting))
        if speaks:
            self._watched[bot_id].at_work_until = now + self._timings.linger

    def look(self, bot_ids: Iterable[int], at: float) -> None:
        """Look at these bots by then, once."""
        for bot_id in bot_ids:
            known = self._watched.setdefault(bot_id, Watched(at, at + self._timings.late))
            known.look_at = min(known.look_at, at)

    def keep(self, bot_ids: Collection[int]) -> None:
        """Look at no others any more."""
        kept = set(bot_ids)
        self._watched = {bot_id: each for bot_id, each in self._watched.items() if bot_id in kept}
        self._speaks_until = {bot_id: until for bot_id, until in self._speaks_until.items() if bot_id in kept}

    def due(self, now: float) -> list[int]:
        """Whom to look at now."""
        return [bot_id for bot_id, each in self._watched.items() if each.look_at <= now]

    def late(self, bot_ids: Collection[int], now: float) -> list[int]:
        """For whom of these to see now what was not answered in time; it is not asked again for a while."""
        found = [bot_id for bot_id in bot_ids if self._watched[bot_id].late_at <= now]
        for bot_id in found:
            self._watched[bot_id].late_at = now + self._timings.late
        return found

    def note(self, bot_id: int, look: Look, now: float, *, moved: bool) -> None:
        """What was found, and whether calls could be moved, decides when to look again; a bot with nothing sleeps."""
        known, times = self._watched[bot_id], self._timings
        if look.acknowledged or moved or look.given > look.given_by_us:
            self._speaks_until[bot_id] = now + times.speaks
        if look.acknowledged or moved:
            known.at_work_until, pause = now + times.linger, times.busy
        elif look.given > look.given_by_us or now < known.at_work_until:
            pause = times.at_work
        elif look.offered or look.calls:
            pause = times.waiting
        else:
            del self._watched[bot_id]
            return
        known.look_at = now + pause

    def sleepers(self, bot_ids: Collection[int]) -> list[int]:
        """Of these those who are not looked at."""
        return [bot_id for bot_id in bot_ids if bot_id not in self._watched]

    def next_look(self, otherwise: float) -> float:
        """When somebody is due next; at the latest `otherwise`."""
        return min((each.look_at for each in self._watched.values()), default=otherwise)

    def _speaks(self, bot_id: int, now: float) -> bool:
        return self._speaks_until.get(bot_id, 0.0) > now
