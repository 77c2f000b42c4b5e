"""Saved segments: conditions under a name, with how many people meet them now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, StringConstraints
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from typing_extensions import TypedDict

from models import Segment
from services.core.answer_types import Moment
from services.core.errors import Conflict
from services.core.i18n import Text
from services.core.times import iso
from services.platform.accounts.looking import looking
from services.platform.accounts.principal import Principal, audit, get_owned, owned
from services.platform.platform import Platform
from services.traffic.audience.conditions import Conditions
from services.traffic.audience.selecting import count_people

MOST_SEGMENTS: Final = 200  # of one account
SegmentName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class SegmentFields(BaseModel):
    """A segment as it is to be."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: SegmentName
    conditions: Conditions


class SegmentChange(BaseModel):
    """What is to be different; what is left out stays."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: SegmentName | None = None
    conditions: Conditions | None = None


class SegmentView(TypedDict):
    """A segment. `people` meet its conditions now, each counted once per bot; null where nobody counted."""

    id: int
    name: str
    conditions: dict[str, Any]
    people: int | None
    created_at: Moment


def list_segments(
    platform: Platform, caller: Principal, *, after: int = 0, limit: int = MOST_SEGMENTS
) -> Sequence[Segment]:
    """At most `limit` of the caller's segments with ids above `after`, in order of their ids."""
    query = owned(caller, Segment).where(Segment.id > after).order_by(Segment.id).limit(limit)
    with platform.database.reading() as session:
        return session.scalars(query).all()


def describe_segment(segment: Segment) -> SegmentView:
    """A segment for lists, without its count."""
    return {
        "id": segment.id,
        "name": segment.name,
        "conditions": segment.conditions,
        "people": None,
        "created_at": iso(segment.created_at),
    }


def counted_segment(platform: Platform, caller: Principal, segment_id: int) -> SegmentView:
    """A segment with its count; NotFound for somebody else's."""
    with looking(platform, caller) as session:
        segment = get_owned(session, caller, Segment, segment_id)
        conditions = Conditions.model_validate(segment.conditions)
        return {
            **describe_segment(segment),
            "people": count_people(session, segment.account_id, conditions),
        }


def create_segment(platform: Platform, caller: Principal, wanted: SegmentFields) -> Segment:
    """Save conditions. Conflict `segment_exists` for a name that is taken, `quota_exceeded` for too many."""
    with _unique(wanted.name), platform.database.transaction() as session:
        there = session.scalar(select(func.count()).select_from(owned(caller, Segment).subquery())) or 0
        if there >= MOST_SEGMENTS:
            raise Conflict(
                Text("An account has at most {most} segments; delete some first", most=MOST_SEGMENTS),
                code="quota_exceeded",
            )
        segment = Segment(
            account_id=caller.account_id, name=wanted.name, conditions=wanted.conditions.stored()
        )
        session.add(segment)
        session.flush()
        audit(session, caller, "segment_created", segment=segment.id, name=segment.name)
    return segment


def change_segment(platform: Platform, caller: Principal, segment_id: int, wanted: SegmentChange) -> Segment:
    """Rename a segment, or ask something else. NotFound, Conflict `segment_exists`."""
    with _unique(wanted.name or ""), platform.database.transaction() as session:
        segment = get_owned(session, caller, Segment, segment_id)
        if wanted.name is not None:
            segment.name = wanted.name
        if wanted.conditions is not None:
            segment.conditions = wanted.conditions.stored()
        audit(
            session,
            caller,
            "segment_changed",
            account_id=segment.account_id,
            segment=segment.id,
            name=segment.name,
        )
    return segment


def delete_segment(platform: Platform, caller: Principal, segment_id: int) -> None:
    """Forget the conditions; the people stay. NotFound for somebody else's."""
    with platform.database.transaction() as session:
        segment = get_owned(session, caller, Segment, segment_id)
        session.delete(segment)
        audit(
            session,
            caller,
            "segment_deleted",
            account_id=segment.account_id,
            segment=segment.id,
            name=segment.name,
        )


@contextmanager
def _unique(name: str) -> Iterator[None]:
    """A name that is taken becomes Conflict."""
    try:
        yield
    except IntegrityError as error:
        raise Conflict(
            Text("There is a segment '{name}' already; choose another name", name=name),
            code="segment_exists",
            field="name",
        ) from error
