"""Many people tagged or blocked at once: asked for in one transaction, done by a job in steps, each a transaction.

A step and how far it came are committed together, so whatever dies is gone on with, and nobody is counted twice.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import Row, Select, func, select
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from models import Lead, PeopleChange
from plugins.database import StoreError, with_tag
from services.core.answer_types import Moment
from services.core.times import iso, utc_now
from services.core.validation_texts import refusal
from services.fleet.bots.signals import bot_changed
from services.platform.accounts.looking import looking
from services.platform.accounts.principal import Principal, audit, get_owned
from services.platform.platform import Platform
from services.platform.redis.jobs import JobName, enqueue, wake
from services.traffic.audience.blocking import set_blocked
from services.traffic.audience.conditions import MOST, Conditions, Number, Tag
from services.traffic.audience.selecting import count_people, select_people

STEP: Final = 500  # people of one transaction
PAUSE_SECONDS: Final = 0.02  # between steps, so that other writers of SQLite get their turn
LONGEST_SECONDS: Final = 60.0  # of one job; the clock rings for the rest
TICK_SECONDS: Final = 5.0
MOST_CHOSEN: Final = 1000  # people chosen one by one


class WantedChange(BaseModel):
    """What is to be done, and to whom: those chosen, else all who meet the conditions."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    action: Literal["tag", "untag", "block", "unblock"]
    tag: Tag | None = Field(None, description="which; for `tag` and `untag` alone")
    lead_ids: Annotated[tuple[Number, ...], Field(max_length=MOST_CHOSEN)] | None = None
    conditions: Conditions = Field(Conditions(), description="to block, say `{}` for everybody")

    @model_validator(mode="after")
    def _is_whole(self) -> WantedChange:
        if (self.tag is not None) != (self.action in ("tag", "untag")):
            raise refusal("people_change_tag")
        if self.action == "block" and self.lead_ids is None and "conditions" not in self.model_fields_set:
            raise refusal("people_change_whom")
        return self


class ChangeView(TypedDict):
    """A change and how far it has come. `refused` were left as they are: they have as many tags as anybody may, or their
    bot's list is full, or in the hand of a file. `tag` is empty where none is asked for."""

    id: int
    action: str
    tag: str
    total: int
    looked_at: int
    changed: int
    refused: int
    created_at: Moment
    ended_at: Moment | None


def begin_change(platform: Platform, caller: Principal, wanted: WantedChange) -> PeopleChange:
    """Ask for a change; a worker makes it. Leads of others, among those chosen, are passed over."""
    with platform.database.transaction() as session:
        change = PeopleChange(
            account_id=caller.account_id,
            actor=caller.actor,
            action=wanted.action,
            tag=wanted.tag or "",
            conditions=wanted.conditions.stored(),
            lead_ids=None if wanted.lead_ids is None else sorted(set(wanted.lead_ids)),
            total=0,
            last_lead_id=session.scalar(select(func.max(Lead.id))) or 0,
        )
        change.total = _total(session, change, wanted.conditions)
        session.add(change)
        session.flush()
        _note_begin(session, caller, change)
    enqueue(platform.job_redis, JobName.CHANGE_PEOPLE, change.id)
    return change


def get_change(platform: Platform, caller: Principal, change_id: int) -> PeopleChange:
    """How far a change has come; NotFound for somebody else's."""
    with looking(platform, caller) as session:
        return get_owned(session, caller, PeopleChange, change_id)


def describe_change(change: PeopleChange) -> ChangeView:
    """The JSON of a change."""
    return {
        "id": change.id,
        "action": change.action,
        "tag": change.tag,
        "total": change.total,
        "looked_at": change.looked_at,
        "changed": change.changed,
        "refused": change.refused,
        "created_at": iso(change.created_at),
        "ended_at": iso(change.ended_at),
    }


def go_on(platform: Platform, change_id: int) -> None:
    """Make a change, or what is left of it, for a minute at most. Of two that are at it each step is made by one."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < deadline:
        with platform.database.transaction() as session:
            is_more, bots = _step(session, change_id)
        bot_changed(platform, *bots)  # lost with the process: the reconciler tells it
        if not is_more:
            return
        time.sleep(PAUSE_SECONDS)


def wake_if_changing(platform: Platform) -> None:
    """Ring for changes that are not at their end: their job died, or its minute was over."""
    with platform.database.reading() as session:
        waiting = session.scalars(select(PeopleChange.id).where(PeopleChange.ended_at.is_(None)).limit(MOST))
        for change_id in waiting.all():
            wake(platform.redis, platform.job_redis, JobName.CHANGE_PEOPLE, "people", change_id)


def _total(session: Session, change: PeopleChange, conditions: Conditions) -> int:
    if change.lead_ids is None:
        return count_people(session, change.account_id, conditions)
    return session.scalar(select(func.count()).select_from(_people(change).subquery())) or 0


def _people(change: PeopleChange) -> Select[int, int, int]:
    """All whom it is about."""
    if change.lead_ids is None:
        return select_people(change.account_id, Conditions.model_validate(change.conditions))
    return select_people(change.account_id, Conditions()).where(Lead.id.in_(change.lead_ids))


def _note_begin(session: Session, caller: Principal, change: PeopleChange) -> None:
    details: dict[str, Any] = {"change": change.id, "action": change.action, "total": change.total}
    if change.tag:
        audit(session, caller, "people_changed", tag=change.tag, **details)
    else:
        audit(
            session, caller, "people_blocked" if change.action == "block" else "people_unblocked", **details
        )


def _step(session: Session, change_id: int) -> tuple[bool, list[int]]:
    """One step; whether there may be another, and the bots whose lists it changed."""
    change = session.get(PeopleChange, change_id, with_for_update=True)
    if change is None or change.ended_at is not None:
        return False, []
    span = (Lead.id > change.cursor, Lead.id <= change.last_lead_id)
    people = session.execute(_people(change).where(*span).order_by(Lead.id).limit(STEP)).all()
    bots: list[int] = []
    if change.tag:
        _set_tag(session, change, people)
    else:
        bots = set_blocked(session, change, [(bot_id, telegram_id) for _, bot_id, telegram_id in people])
    change.looked_at += len(people)
    change.cursor = people[-1][0] if people else change.last_lead_id
    if len(people) < STEP:
        change.ended_at = utc_now()
    return change.ended_at is None, bots


def _set_tag(session: Session, change: PeopleChange, people: Sequence[Row[int, int, int]]) -> None:
    leads = select(Lead).where(Lead.id.in_([row[0] for row in people]))
    for lead in session.scalars(leads.order_by(Lead.bot_id, Lead.telegram_id).with_for_update()):
        _apply(change, lead)


def _apply(change: PeopleChange, lead: Lead) -> None:
    has_it = change.tag in lead.tags
    if change.action == "untag" and has_it:
        lead.tags = [tag for tag in lead.tags if tag != change.tag]
    elif change.action == "tag" and not has_it:
        try:
            lead.tags = list(with_tag(lead.tags, change.tag))
        except StoreError:
            change.refused += 1
            return
    else:
        return
    change.changed += 1
