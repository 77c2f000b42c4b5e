"""What handlers write into plugins' stores and onto people, effective once with the update that they handled (ADR 25).

Writes are committed before the update is acknowledged, together with all else that came of it. Whoever handles the same
update again, because a process died between the two, finds that outcome and makes it real instead of its own.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy.orm import Session

from models import HandledUpdate
from services.core.errors import Unavailable
from services.core.times import utc_now
from services.messaging.plugin_runtime.people_writes import write_people
from services.messaging.plugin_runtime.plugin_database import AlreadyHandled, Work, at, outcome_of
from services.messaging.plugin_runtime.plugin_store import (
    Stores,
    insert_into,
    lock_stores,
    texts_at,
    write_texts,
)
from services.platform.platform import Platform
from services.platform.redis.group_commit import GroupCommit

PAUSE_SECONDS = 0.01
Outcome = TypeVar("Outcome")


class _Changed(Exception):
    """What the handler had read is not what is kept by now; nothing was written."""


@dataclass(frozen=True)
class _Commit:
    work: Work
    sealed: str  # the outcome

    @property
    def stores(self) -> set[tuple[int, str]]:
        return {(self.work.bot_id, plugin) for plugin, _ in (*self.work.read, *self.work.written)}


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

    def once(self, bot_id: int, update_id: int, handle: Callable[[], Outcome], *, part: str = "") -> Outcome:
        """The outcome of `handle`, with its writes in the database; or of an earlier handling of the same update.

        A handler whose values somebody else changed meanwhile is run again. Raises Unavailable when the database is
        away or its values never hold still, StoreError for a full store, and whatever `handle` raises.
        """
        deadline = time.monotonic() + self._repeat_seconds
        while True:
            work = Work(bot_id, update_id, part)
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

    def _run(self, work: Work, handle: Callable[[], Outcome]) -> Outcome | None:
        """None when the update was handled before."""
        with at(work):
            try:
                outcome = handle()
            except AlreadyHandled:
                return None
        return outcome if work.outcome is None else None  # a handler may have caught it all the same

    def _commit(self, work: Work, outcome: Outcome) -> str | _Changed | None:
        sealed = self._platform.vault.seal(self._to_text(outcome), owner=_owner(work.bot_id))
        answer = self._commits.submit(_Commit(work, sealed))
        if isinstance(answer, Exception) and not isinstance(answer, _Changed):
            raise answer
        return answer

    def _write(self, commits: Sequence[_Commit]) -> Sequence[str | Exception | None]:
        try:
            with self._platform.database.transaction() as session:
                stores = lock_stores(session, (store for commit in commits for store in commit.stores))
                answers = [_written(session, commit, stores) for commit in commits]
                done = [one for one, answer in zip(commits, answers, strict=True) if answer is None]
                write_people(session, [commit.work for commit in done])
                return answers
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001  # a full store, a bot that is gone
            if len(commits) == 1:
                return [error]
        return [self._write([commit])[0] for commit in commits]  # one of them is at fault: not the others


def _written(session: Session, commit: _Commit, stores: Stores) -> str | _Changed | None:
    work = commit.work
    known = outcome_of(session, work)
    if known is not None:
        return known
    present = texts_at(session, work.bot_id, work.read.keys() | work.written.keys())
    if any(present.get(place) != text for place, text in work.read.items()):
        return _Changed()
    row = {
        "bot_id": work.bot_id,
        "update_id": work.update_id,
        "part": work.part,
        "sealed_outcome": commit.sealed,
        "at": utc_now(),
    }
    session.execute(insert_into(session, HandledUpdate).values(row))
    write_texts(session, work.bot_id, work.written, present, stores)
    return None


def _owner(bot_id: int) -> str:
    return f"outcome:{bot_id}"
