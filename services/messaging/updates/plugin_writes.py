"""What handlers write into plugins' stores and onto people, effective once with the update that they handled (ADR 25).

Writes are committed before the update is acknowledged, together with all else that came of it. Whoever handles the same
update again, because a process died between the two, finds that outcome and makes it real instead of its own.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import insert
from sqlalchemy.orm import Session

from models import HandledUpdate, Timer
from services.core.errors import Unavailable
from services.core.times import utc_now
from services.messaging.inbox.handed_over import lock_conversations, note_handed_over
from services.messaging.plugin_runtime.flow_runs import Move, lock_numbers, lock_runs, write_runs
from services.messaging.plugin_runtime.people_writes import write_people
from services.messaging.plugin_runtime.plugin_store import (
    Stores,
    lock_stores,
    texts_at,
    write_texts,
)
from services.messaging.plugin_runtime.work import AlreadyHandled, Handling, Work, at, outcomes_of
from services.messaging.timers.rows import TimerChange, has_timer, held_timers, take_timers, write_timers
from services.platform.platform import Platform
from services.platform.redis.group_commit import GroupCommit

PAUSE_SECONDS = 0.01
HANDLINGS: Final[Any] = (
    HandledUpdate.__table__
)  # a statement that is compiled once, whatever the number of rows
Outcome = TypeVar("Outcome")


class TimerGone(Exception):
    """The timer of an update was cancelled, set anew, or handled already: the update is of no effect."""


class _Changed(Exception):
    """What the handler had read is not what is kept by now; nothing was written."""


@dataclass(frozen=True)
class _Commit:
    work: Work
    sealed: str  # the outcome

    @property
    def stores(self) -> set[tuple[int, str]]:
        return {(self.work.bot_id, plugin) for plugin, _ in (*self.work.read, *self.work.written)}

    @property
    def people(self) -> set[tuple[int, int]]:
        return {(self.work.bot_id, person) for person in self.work.runs_written}


@dataclass(frozen=True)
class _Held:
    """What a transaction holds for all commits in it."""

    stores: Stores
    numbers: dict[int, int]  # of flows' versions in force
    runs: dict[tuple[int, int], int]  # revisions
    timers: dict[int, int]  # their bots, by number
    outcomes: dict[Handling, str]  # of what was handled before


class PluginWrites(Generic[Outcome]):
    """Commits the writes of handlers of one process; those of one moment share a transaction.

    A handler whose values changed is run again at once for `repeat_seconds`, then after a while.
    """

    def __init__(
        self,
        platform: Platform,
        to_text: Callable[[Outcome], str],
        from_text: Callable[[str], Outcome],
        repeat_seconds: float,
    ) -> None:
        self._platform = platform
        self._to_text = to_text
        self._from_text = from_text
        self._repeat_seconds = repeat_seconds
        self._commits: GroupCommit[_Commit, str | Exception | None] = GroupCommit(self._write, largest=100)

    def once(
        self,
        bot_id: int,
        update_id: int,
        handle: Callable[[Work], Outcome],
        *,
        part: str = "",
        timer: int = 0,
    ) -> Outcome:
        """The outcome of `handle`, with its writes in the database; or of an earlier handling of the same update.

        A handler whose values somebody else changed meanwhile is run again. `timer` is the number of the one that the update is
        of, which goes with it; TimerGone when it is not there. Raises Unavailable when the database is
        away or its values never hold still, StoreError for a full store, and whatever `handle` raises.
        """
        deadline = time.monotonic() + self._repeat_seconds
        while True:
            work = Work(bot_id, update_id, part, timer)
            outcome = self._run(work, handle)
            if outcome is not None and not work.writes:
                return outcome
            answer = work.outcome if outcome is None else self._commit(work, outcome)
            if isinstance(answer, str):
                return self._from_text(self._platform.vault.unseal(answer, owner=_owner(bot_id)))
            if answer is None and outcome is not None:
                return outcome
            if time.monotonic() > deadline:
                raise Unavailable("The plugin's values change too often to be read and written")
            time.sleep(random.uniform(0, PAUSE_SECONDS))

    def _run(self, work: Work, handle: Callable[[Work], Outcome]) -> Outcome | None:
        """None when the update was handled before."""
        with at(work):
            try:
                if work.timer:
                    self._look_for_timer(work)
                outcome = handle(work)
            except AlreadyHandled:
                return None
        return outcome if work.outcome is None else None  # a handler may have caught it all the same

    def _look_for_timer(self, work: Work) -> None:
        with self._platform.database.reading() as session:
            work.look_up(session)
            if not has_timer(session, work.bot_id, work.timer):
                raise TimerGone

    def _commit(self, work: Work, outcome: Outcome) -> str | _Changed | None:
        sealed = self._platform.vault.seal(self._to_text(outcome), owner=_owner(work.bot_id))
        answer = self._commits.submit(_Commit(work, sealed))
        if isinstance(answer, Exception) and not isinstance(answer, _Changed):
            raise answer
        return answer

    def _write(self, commits: Sequence[_Commit]) -> Sequence[str | Exception | None]:
        try:
            with self._platform.database.transaction() as session:
                held = _hold(session, commits)
                answers = [_judged(session, commit, held) for commit in commits]
                done = [one for one, answer in zip(commits, answers, strict=True) if answer is None]
                _write_handlings(session, done)
                write_people(session, [commit.work for commit in done])
                note_handed_over(session, _handed_over(done))
                write_timers(session, _last(change for commit in done for change in commit.work.timers))
                return answers
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001  # a full store, a bot that is gone
            if len(commits) == 1:
                return [error]
        return [self._write([commit])[0] for commit in commits]  # one of them is at fault: not the others


def _last(changes: Iterable[TimerChange]) -> list[TimerChange]:
    """Of the changes of one timer the last."""
    return list({change.place: change for change in changes}.values())


def _hold(session: Session, commits: Sequence[_Commit]) -> _Held:
    """Lock what the commits are compared with; a publication locks its flow before it moves people, too.

    Whoever takes somebody over goes on in the same order: conversation, run, timers.
    """
    stores = lock_stores(session, (store for commit in commits for store in commit.stores))
    lock_conversations(session, _handed_over(commits))
    moving = [commit for commit in commits if commit.work.runs_written]
    numbers = lock_numbers(session, (flow for commit in moving for flow in commit.work.flows_read))
    runs = lock_runs(session, (each for commit in moving for each in commit.people))
    taken = [commit.work.timer for commit in commits if commit.work.timer]
    timers = held_timers(session, Timer.id.in_(taken)) if taken else {}
    return _Held(stores, numbers, runs, timers, outcomes_of(session, (commit.work for commit in commits)))


def _handed_over(commits: Iterable[_Commit]) -> set[tuple[int, int]]:
    """The people who wait in the inbox after these commits, by bot and Telegram id."""
    return {(commit.work.bot_id, person) for commit in commits for person in commit.work.handed_over}


def _is_stale(work: Work, held: _Held) -> bool:
    """Whether a person it moves was moved meanwhile, or another version of a flow is in force."""
    if not work.runs_written:
        return False
    people = any(
        held.runs.get((work.bot_id, person), 0) != work.runs_read.get(person, 0)
        for person in work.runs_written
    )
    return people or any(held.numbers.get(flow) != number for flow, number in work.flows_read.items())


def _judged(session: Session, commit: _Commit, held: _Held) -> str | _Changed | TimerGone | None:
    """None for a commit that takes effect: whatever comes after it in the transaction finds what it holds changed."""
    work = commit.work
    known = held.outcomes.get(work.key)
    if known is not None:
        return known
    present = texts_at(session, work.bot_id, work.read.keys() | work.written.keys())
    if any(present.get(place) != text for place, text in work.read.items()) or _is_stale(work, held):
        return _Changed()
    if work.timer and held.timers.get(work.timer) != work.bot_id:
        return TimerGone()
    write_texts(session, work.bot_id, work.written, present, held.stores)
    held.outcomes[work.key] = commit.sealed
    held.timers.pop(work.timer, None)
    for person, (run, _) in work.runs_written.items():
        held.runs[work.bot_id, person] = run.revision + 1
    return None


def _write_handlings(session: Session, commits: Sequence[_Commit]) -> None:
    """That these updates were handled, their timers are gone, and people stand elsewhere: a handful of statements for all."""
    if not commits:
        return
    now = utc_now()
    rows = [
        {
            "bot_id": commit.work.bot_id,
            "update_id": commit.work.update_id,
            "part": commit.work.part,
            "sealed_outcome": commit.sealed,
            "at": now,
        }
        for commit in commits
    ]
    session.connection().execute(insert(HANDLINGS), rows)
    timers = [(commit.work.bot_id, commit.work.timer) for commit in commits if commit.work.timer]
    if timers:
        take_timers(session, timers)
    write_runs(
        session,
        [
            Move(commit.work.bot_id, person, run, visited)
            for commit in commits
            for person, (run, visited) in commit.work.runs_written.items()
        ],
    )


def _owner(bot_id: int) -> str:
    return f"outcome:{bot_id}"
