"""The door for updates: dedupe and append in one atomic step, shared by concurrent requests.

Webhooks and the poller come in here. Nothing is handled here and no SQL runs here.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple

from redis import RedisError

from services.core import tracing
from services.core.errors import FlotillaError, Unavailable
from services.core.fault_injection import CrashPoint, crash_point_reached
from services.core.logs import log_plain, new_request_id
from services.core.metrics import MESSAGES, UPDATES
from services.platform.platform import Platform
from services.platform.redis import keys, work_keys
from services.platform.redis.group_commit import GroupCommit
from services.platform.redis.jobs import DOORBELL_SECONDS, JobName, enqueue
from services.platform.redis.scripts import load
from services.platform.token_encryption import dump_sealed, seal_tokens
from services.queueing.lanes import chat_of, kind_of, lane_of
from services.queueing.memory_guard import MemoryGuard

logger = logging.getLogger(__name__)
SEEN_BITS = 2**14  # update ids per piece: 2 KB
SEEN_SECONDS = 48 * 3600
ACTIVE_SECONDS = 360  # a chat counts as active for least_connections
RETRY_AFTER_SECONDS = 5  # of a full lane, which takes a while to work off
AWAY_SECONDS = 1  # of a Redis that does not answer: a restart takes no longer
LARGEST_UPDATE = 1_000_000  # bytes
KINDS = frozenset(
    ("message", "edited_message", "callback_query", "my_chat_member", "chat_member", "inline_query")
)
EXCERPT = 2000  # characters of a body given up
DEAD_KEPT = 10_000  # given-up bodies waiting to become rows; beyond it a flood pushes out the oldest

APPEND: Final = load("append_updates")


class Outcome(StrEnum):
    """What became of an update at the door."""

    ACCEPTED = "a"
    RING = "r"  # accepted, and nobody is at work on its lane
    DUPLICATE = "d"
    FULL = "f"


ACCEPTED: Final = "accepted"
TOLD: Final = {Outcome.DUPLICATE: "duplicate", Outcome.FULL: "refused"}


class _Arrival(NamedTuple):
    bot_id: int
    update_id: int
    chat: str
    lane: int
    request_id: str
    kind: str
    update: str


class Intake:
    """The door of one process: takes updates of any bot into their lanes.

    `commit_delay`: seconds that batches wait for more after one of several (`GroupCommit`); not for whoever hands in one
    update after the other.
    """

    def __init__(self, platform: Platform, commit_delay: float = 0.0) -> None:
        self._platform = platform
        self._memory_guard = MemoryGuard(platform.redis, platform.changes.memory)
        self._commit: GroupCommit[_Arrival, Outcome] = GroupCommit(
            self._write, largest=128, delay=commit_delay
        )

    def accept_body(self, bot_id: int, body: bytes) -> Outcome | None:
        """Take the body of a webhook call; None when it is no update and became a dead letter. Raises as `accept`."""
        try:
            update = json.loads(body.decode())
            valid = isinstance(update, dict) and is_update_id(update.get("update_id"))
        except (ValueError, RecursionError):
            valid = False
        if not valid:
            self.give_up(bot_id, "not_json_update", body)
            return None
        return self.accept(bot_id, update, body=body)

    def accept(
        self, bot_id: int, update: dict[str, Any], request_id: str = "", body: bytes = b""
    ) -> Outcome | None:
        """Take one update, returning after it is in Redis; it gets a request id unless it has one. None when nothing can keep
        it, as one that is nested hundreds of levels deep, and it became a dead letter.

        Raises Unavailable with `retry_after` when it could not be taken.
        """
        began = time.time_ns()
        try:
            arrival = self._arrival(bot_id, update, request_id)
        except (ValueError, TypeError, RecursionError):
            self.give_up(bot_id, "not_json_update", body or b'{"update_id":%d}' % update["update_id"])
            return None
        outcome = self._submit(arrival)
        crash_point_reached(CrashPoint.INTAKE_AFTER_APPEND, self._platform.settings.crash_point)
        if tracing.current is not None and outcome in (Outcome.ACCEPTED, Outcome.RING):
            tracing.current.received(arrival.request_id, began, bot_id=bot_id, kind=_known(arrival.kind))
        if outcome is Outcome.FULL:
            raise Unavailable(
                "Too many updates are waiting", code="backlog_full", retry_after=RETRY_AFTER_SECONDS
            )
        if outcome is Outcome.RING:
            self._ring(arrival.lane)
        return outcome

    def _arrival(self, bot_id: int, update: dict[str, Any], request_id: str) -> _Arrival:
        chat = chat_of(update)
        return _Arrival(
            bot_id=bot_id,
            update_id=update["update_id"],
            chat=chat,
            lane=lane_of(bot_id, chat, self._platform.settings.update_lanes),
            request_id=request_id or new_request_id(),
            kind=kind_of(update),
            update=dump_sealed(self._platform.vault, update, bot_id),
        )

    def give_up(self, bot_id: int, reason: str, body: bytes, size: int | None = None) -> None:
        """Keep a body that can never be handled as a dead letter; the worker makes the row. Raises Unavailable."""
        # Sealed before it is cut: a token at the edge would else be cut to something that no longer looks like one.
        beginning = body[: 2 * EXCERPT].decode(errors="replace")
        excerpt = seal_tokens(self._platform.vault, beginning, bot_id)[:EXCERPT]
        fields: dict[Any, Any] = {"bot": bot_id, "reason": reason, "body": excerpt, "size": size or len(body)}
        try:
            self._platform.redis.xadd(keys.intake_dead(), fields, maxlen=DEAD_KEPT)
        except RedisError as error:
            raise _redis_away() from error
        UPDATES.labels("dead").inc()
        logger.warning("body given up: %s", reason, extra={"bot_id": bot_id})

    def _submit(self, arrival: _Arrival) -> Outcome:
        try:
            return self._commit.submit(arrival)
        except RedisError as error:
            raise _redis_away() from error

    def _write(self, arrivals: Sequence[_Arrival]) -> list[Outcome]:
        full = self._memory_guard.is_full()
        outcomes = [Outcome.FULL] * len(arrivals) if full else self._append(arrivals)
        _note(arrivals, outcomes)
        return outcomes

    def _append(self, arrivals: Sequence[_Arrival]) -> list[Outcome]:
        names: list[str] = []
        values: list[str | int] = [
            SEEN_SECONDS,
            self._platform.settings.intake_max_backlog,
            DOORBELL_SECONDS,
            int(time.time()),
            ACTIVE_SECONDS,
        ]
        for each in arrivals:
            piece, bit = divmod(each.update_id, SEEN_BITS)
            names += (
                keys.seen_updates(each.bot_id, piece),
                keys.update_lane(each.lane),
                keys.lease(f"lane:{each.lane}"),
                keys.wakeup("lane", each.lane),
                keys.active_chats(each.bot_id),
                work_keys.is_full(each.bot_id),
                keys.far_behind(each.bot_id, each.lane),
            )
            values += (bit, each.chat, each.bot_id, each.request_id, each.update)
        return [Outcome(answer) for answer in APPEND(self._platform.redis, names, values)]

    def _ring(self, lane: int) -> None:
        try:
            enqueue(self._platform.job_redis, JobName.DRAIN_LANE, lane)
        except RedisError:
            logger.warning("the doorbell of lane %d could not be rung; the reconciler will", lane)


def _note(arrivals: Sequence[_Arrival], outcomes: Sequence[Outcome]) -> None:
    """Count and log what became of a batch."""
    by_word: dict[str, list[_Arrival]] = {}
    for arrival, outcome in zip(arrivals, outcomes, strict=True):
        by_word.setdefault(TOLD.get(outcome, ACCEPTED), []).append(arrival)
    for arrival in by_word.get(ACCEPTED, ()):
        MESSAGES.labels(str(arrival.bot_id), _known(arrival.kind)).inc()
    for word, those in by_word.items():
        UPDATES.labels(word).inc(len(those))
        log_plain(logger, f"update {word}", map(_event, those))


def _event(arrival: _Arrival) -> str:
    return f'"request_id":"{arrival.request_id}","bot_id":{arrival.bot_id},"update_id":{arrival.update_id}'


def _known(kind: str) -> str:
    return kind if kind in KINDS else "other"


def is_update_id(value: object) -> bool:
    """Whether it is a number that an update may have, and everything of ours can hold."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def _redis_away() -> FlotillaError:
    return Unavailable("Redis does not answer", code="redis_unavailable", retry_after=AWAY_SECONDS)
