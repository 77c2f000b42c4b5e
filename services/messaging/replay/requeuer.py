"""Where replays come in: the lane of an update, the outbox of a send, past the dedupe by update_id, once per replay."""

from __future__ import annotations

from typing import Any, Final

from models import DeadLetter
from services.alerts.dead_letters.replay_id import Replay, replay_id
from services.alerts.dead_letters.store import open_original
from services.core.errors import Conflict
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.jobs import DOORBELL_SECONDS, JobName, enqueue
from services.platform.redis.scripts import load
from services.platform.token_encryption import dump_sealed
from services.queueing.lanes import lane_of

MARKER_SECONDS = 7 * 86400  # far longer than the moment between the entry and its note in the database

INTO_LANE: Final = load("requeue_update")
INTO_OUTBOX: Final = load("requeue_call")


class Full(Exception):
    """The lane takes no more for now."""


class Gone(Conflict):
    """What the replay needs is not there any more; the text says what to do."""


class Requeuer:
    """Sends the present replay of letters in."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def requeue(self, letter: DeadLetter) -> str:
        """Append what the letter holds, once per replay; "<stream> <entry>", or "" for a job.

        Raises Full, Gone, RedisError, and ConfigurationError when the key that opens the original is gone.
        """
        if letter.kind == "job":
            self._job(letter)
            return ""
        if letter.bot_id is None or not letter.sealed_payload:
            raise Gone("The original is not kept any more; discard the letter")
        original = open_original(self._platform.vault, letter.bot_id, letter.sealed_payload)
        request = replay_id(original["request"], letter.kind, Replay(letter.id, letter.replays))
        if letter.kind == "update":
            return self._update(letter, letter.bot_id, request, original)
        return self._send(letter, letter.bot_id, request, original)

    def _update(self, letter: DeadLetter, bot_id: int, request: str, original: dict[str, Any]) -> str:
        settings = self._platform.settings
        lane = lane_of(bot_id, original["chat"], settings.update_lanes)
        names = (
            _marker(letter),
            keys.update_lane(lane),
            keys.lease(f"lane:{lane}"),
            keys.wakeup("lane", lane),
            keys.far_behind(bot_id, lane),
        )
        answer = INTO_LANE(
            self._platform.redis,
            names,
            (
                MARKER_SECONDS,
                DOORBELL_SECONDS,
                settings.intake_max_backlog,
                bot_id,
                original["chat"],
                request,
                original["update"],
            ),
        )
        if answer is None:
            raise Full
        return self._entered(names[1], answer, JobName.DRAIN_LANE, lane)

    def _send(self, letter: DeadLetter, bot_id: int, request: str, original: dict[str, Any]) -> str:
        shard = bot_id % self._platform.settings.update_lanes
        names = (
            _marker(letter),
            keys.outbox(bot_id, original["priority"]),
            keys.outbox_active(shard),
            keys.outbox_wake(shard),
            keys.lease(f"outbox:{shard}"),
            keys.wakeup("outbox", shard),
        )
        call = dump_sealed(self._platform.vault, original["call"], bot_id)
        values = (MARKER_SECONDS, DOORBELL_SECONDS, bot_id, original["chat"], request, call)
        answer = INTO_OUTBOX(self._platform.redis, names, values)
        return self._entered(names[1], answer, JobName.DRAIN_OUTBOX, shard)

    def _entered(self, name: str, answer: list[Any], job: JobName, number: int) -> str:
        entry, rings = answer
        if int(rings):
            enqueue(self._platform.job_redis, job, number)
        return f"{name} {entry}"

    def _job(self, letter: DeadLetter) -> None:
        """Jobs may run twice, by their nature; a marker still keeps two workers from queueing it twice."""
        try:
            name = JobName(str(letter.payload.get("function")))
        except ValueError:
            raise Gone("There is no such job any more; discard the letter") from None
        if not self._platform.redis.exists(_marker(letter)):
            enqueue(self._platform.job_redis, name, *letter.payload.get("args", ()))
            self._platform.redis.set(_marker(letter), "job", ex=MARKER_SECONDS)


def _marker(letter: DeadLetter) -> str:
    return keys.replayed(letter.id, letter.replays)
