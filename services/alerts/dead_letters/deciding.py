"""What a person decides about dead letters: replay them or discard them.

Deciding is one conditional UPDATE, so a double click, or two people, begin one replay. The sending itself is the work
of a job (`resending`), at its own pace.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from redis import RedisError
from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from models import DeadLetter, DeadLetterState
from services.alerts.dead_letters.selection import Selection, can_be_replayed, is_open, own
from services.core.errors import InvalidInput, NotFound
from services.core.i18n import Text
from services.core.times import utc_now
from services.platform.accounts.principal import Principal, audit
from services.platform.platform import Platform
from services.platform.redis.jobs import JobName, enqueue

logger = logging.getLogger(__name__)
LONGEST_REASON = 150
REPLAYED = "replayed"
DISCARDED = "discarded: "


class ReplayView(TypedDict):
    """What a replay did, or would do with `dry_run`."""

    dry_run: bool
    matching: int
    replaying: int
    uncertain_left_out: int
    not_replayable: int


@dataclass(frozen=True)
class ReplayPlan:
    """What a replay does or, as a dry run, would do. The rest of `matching` is resolved or already on its way."""

    matching: int
    replaying: int
    uncertain_left_out: int
    not_replayable: int

    def as_json(self, *, dry_run: bool) -> ReplayView:
        """The same for the API."""
        return {
            "dry_run": dry_run,
            "matching": self.matching,
            "replaying": self.replaying,
            "uncertain_left_out": self.uncertain_left_out,
            "not_replayable": self.not_replayable,
        }


def replay(
    platform: Platform, caller: Principal, selection: Selection, *, dry_run: bool = False
) -> ReplayPlan:
    """Have the selected open letters sent in again, oldest first, about twenty a second.

    Sends that may have arrived are replayed only when picked by id. Raises NotFound when one of the ids is not the
    caller's.
    """
    picked = bool(selection.ids)
    wanted = [own(caller), *selection.conditions()]
    replayable = [
        *wanted,
        is_open(),
        can_be_replayed(),
        *([] if picked else [DeadLetter.is_uncertain.is_(False)]),
    ]
    with platform.database.transaction() as session:
        plan = _plan(session, caller, selection, wanted, replayable)
        if dry_run or not plan.replaying:
            return plan
        changed = session.execute(
            update(DeadLetter)
            .where(*replayable)
            .values(
                state=DeadLetterState.REPLAYING,
                replays=DeadLetter.replays + 1,
                replay_entry="",
                resolution="",
            )
        )
        begun = int(changed.rowcount)  # type: ignore[attr-defined]  # of an UPDATE it is there
        audit(session, caller, "dead_letters_replayed", count=begun)
    _ring(platform)
    return ReplayPlan(plan.matching, begun, plan.uncertain_left_out, plan.not_replayable)


def discard(
    platform: Platform, caller: Principal, selection: Selection, reason: str, *, dry_run: bool = False
) -> int:
    """Resolve the selected open letters without doing anything about them; how many. The originals are deleted.

    Raises InvalidInput without a reason, NotFound when one of the ids is not the caller's.
    """
    reason = reason.strip()
    if not reason or len(reason) > LONGEST_REASON:
        raise InvalidInput(
            Text("Give a reason of at most {most} characters", most=LONGEST_REASON), field="reason"
        )
    wanted = [own(caller), *selection.conditions()]
    with platform.database.transaction() as session:
        _count(session, caller, selection, wanted)
        if dry_run:
            return _number(session, [*wanted, is_open()])
        changed = session.execute(
            update(DeadLetter)
            .where(*wanted, is_open())
            .values(
                state=DeadLetterState.RESOLVED,
                resolved_at=utc_now(),
                resolution=DISCARDED + reason,
                sealed_payload="",
            )
        )
        discarded = int(changed.rowcount)  # type: ignore[attr-defined]  # of an UPDATE it is there
        audit(session, caller, "dead_letters_discarded", count=discarded, reason=reason)
        return discarded


def _plan(
    session: Session,
    caller: Principal,
    selection: Selection,
    wanted: list[ColumnElement[bool]],
    replayable: list[ColumnElement[bool]],
) -> ReplayPlan:
    matching = _count(session, caller, selection, wanted)
    left_out = [*wanted, is_open(), can_be_replayed(), DeadLetter.is_uncertain.is_(True)]
    return ReplayPlan(
        matching=matching,
        replaying=_number(session, replayable),
        uncertain_left_out=0 if selection.ids else _number(session, left_out),
        not_replayable=_number(session, [*wanted, is_open(), ~can_be_replayed()]),
    )


def _count(
    session: Session, caller: Principal, selection: Selection, wanted: list[ColumnElement[bool]]
) -> int:
    """How many match; NotFound when an id of the selection is nobody's or somebody else's."""
    matching = _number(session, wanted)
    if matching < len(set(selection.ids)):
        raise NotFound("There is no such dead letter", code="dead_letter_not_found")
    return matching


def _number(session: Session, conditions: Sequence[ColumnElement[bool]]) -> int:
    return int(session.scalar(select(func.count()).select_from(DeadLetter).where(*conditions)) or 0)


def _ring(platform: Platform) -> None:
    try:
        enqueue(platform.job_redis, JobName.REPLAY_DEAD_LETTERS)
    except RedisError:
        logger.warning("the replay could not be rung for; the clock will")
