"""What may be said about a postback: the bodies of the API and the panel's forms, and what is shown."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from typing_extensions import TypedDict

from models import DeliveryStatus, Postback, PostbackDelivery, PostbackDriver, PostbackEvent
from services.core.answer_types import Moment, Sentence, one_of
from services.core.times import iso
from services.fleet.pools.fields import RowId

MAX_POSTBACKS: Final = 50  # of an account
PostbackName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
GoalName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,29}$")]
Events = Annotated[list[PostbackEvent], Field(max_length=3)]
Goals = Annotated[list[GoalName], Field(max_length=50, description="empty: every goal")]
PoolIds = Annotated[list[RowId], Field(max_length=100, description="of the click; empty: every pool")]
Secret = Annotated[str, StringConstraints(min_length=8, max_length=1000)]


class NewPostback(BaseModel):
    """Where events are told of, and which; `config` as its driver says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    driver: PostbackDriver
    name: PostbackName
    events: Events = Field(default_factory=lambda: [PostbackEvent.GOAL])
    goals: Goals = Field(default_factory=list)
    pool_ids: PoolIds = Field(default_factory=list)
    config: dict[str, Any] = Field(default_factory=dict)
    secret: Secret | None = Field(None, description="Meta and TikTok: the access token")


class PostbackChange(BaseModel):
    """What is left out stays."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: PostbackName | None = None
    events: Events | None = None
    goals: Goals | None = None
    pool_ids: PoolIds | None = None
    config: dict[str, Any] | None = None
    secret: Secret | None = None
    is_enabled: bool | None = None


class PostbackView(TypedDict):
    """A postback. Its secret is never shown again."""

    id: int
    driver: Annotated[str, one_of(PostbackDriver)]
    name: str
    events: list[str]
    goals: list[str]
    pool_ids: list[int]
    config: dict[str, Any]
    has_secret: bool
    is_enabled: bool
    last_sent_at: Moment | None
    last_error: Sentence
    last_error_at: Moment | None
    created_at: Moment


class MadePostbackView(PostbackView):
    """The same with the signing secret of a webhook, in this answer only; "" for the others."""

    secret: str


class PostbackDeliveryView(TypedDict):
    """An event on its way, or told."""

    id: int
    event: Annotated[str, one_of(PostbackEvent)]
    event_id: str
    click_id: str | None
    goal_id: int | None
    status: Annotated[str, one_of(DeliveryStatus)]
    attempts: int
    next_attempt_at: Moment
    answer_status: int | None
    error: Sentence
    created_at: Moment
    sent_at: Moment | None


class RepeatedView(TypedDict):
    """How many deliveries are sent again."""

    repeated: int


class TriedView(TypedDict):
    """What came of a test: the receiver's answer, and why it did not take it or none came."""

    delivered: bool
    status: int | None
    answer: str
    error: Sentence | None
    permanent: bool


def describe_postback(row: Postback) -> PostbackView:
    """A postback as JSON."""
    return {
        "id": row.id,
        "driver": row.driver,
        "name": row.name,
        "events": row.events,
        "goals": row.goals,
        "pool_ids": row.pool_ids,
        "config": row.config,
        "has_secret": bool(row.sealed_secret),
        "is_enabled": row.is_enabled,
        "last_sent_at": iso(row.last_sent_at),
        "last_error": row.last_error,
        "last_error_at": iso(row.last_error_at),
        "created_at": iso(row.created_at),
    }


def describe_postback_delivery(row: PostbackDelivery) -> PostbackDeliveryView:
    """A delivery as JSON."""
    return {
        "id": row.id,
        "event": row.event,
        "event_id": row.event_id,
        "click_id": row.click_id,
        "goal_id": row.goal_id,
        "status": row.status,
        "attempts": row.attempts,
        "next_attempt_at": iso(row.next_attempt_at),
        "answer_status": row.answer_status,
        "error": row.last_error,
        "created_at": iso(row.created_at),
        "sent_at": iso(row.sent_at),
    }
