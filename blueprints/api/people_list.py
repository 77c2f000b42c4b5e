"""REST API of people: found by conditions, one by one with what they did, and many tagged or blocked at once."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from pydantic import BaseModel, Field, Json, ValidationError
from typing_extensions import TypedDict

from blueprints.api.body import DEFAULT_LIMIT, MAX_LIMIT, listing, refuse_unstorable
from blueprints.api.operation import Created, operation
from services.core.answer_types import Listing
from services.core.errors import InvalidInput
from services.core.validation_texts import reason_of
from services.platform.accounts.principal import Scope
from services.reporting.people.listing import Order, PersonRow, count_matching, list_people
from services.reporting.people.timeline import HappeningView, timeline
from services.traffic.audience.changing import (
    ChangeView,
    WantedChange,
    begin_change,
    describe_change,
    get_change,
)
from services.traffic.audience.conditions import Conditions
from web.access import api, caller
from web.platform import platform

blueprint = Blueprint("people_list", __name__, url_prefix="/people")
LONGEST_WHERE = 8000  # characters


class WhereQuery(BaseModel):
    """Whom."""

    where: Json[dict[str, Any]] = Field(
        default="{}", validate_default=True, description="conditions, as JSON", max_length=LONGEST_WHERE
    )

    def conditions(self) -> Conditions:
        """The conditions; InvalidInput names the wrong one."""
        return conditions_in(self.where)


class PeopleQuery(WhereQuery):
    """Which people."""

    order: Order = "newest"
    cursor: str = Field("", max_length=50, description="`next` of the page before")
    limit: int = Field(DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)


class TimelineQuery(BaseModel):
    """Which part of a timeline."""

    cursor: str = Field("", max_length=50, description="`next` of the page before")
    limit: int = Field(DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)


class CountView(TypedDict):
    """How many people meet the conditions, each counted once per bot."""

    people: int


def conditions_in(data: dict[str, Any]) -> Conditions:
    """`data` as conditions; InvalidInput with field and reason. As JSON in a text it was not looked through yet."""
    refuse_unstorable(data, "where")
    try:
        return Conditions.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in ("where", *first["loc"]))
        raise InvalidInput(reason_of(first), field=field) from None


@blueprint.get("")
@api(Scope.READ)
@operation()
def index(query: PeopleQuery) -> Listing[PersonRow]:
    """The caller's people who meet all conditions; somebody known to two bots is there twice."""
    found, following = list_people(
        platform(),
        caller(),
        query.conditions(),
        order=query.order,
        cursor=query.cursor,
        limit=query.limit,
    )
    return listing(found, following)


@blueprint.get("/count")
@api(Scope.READ)
@operation()
def count(query: WhereQuery) -> CountView:
    """How many they are."""
    return {"people": count_matching(platform(), caller(), query.conditions())}


@blueprint.get("/<int:telegram_id>/timeline")
@api(Scope.READ)
@operation()
def happened(telegram_id: int, query: TimelineQuery) -> Listing[HappeningView]:
    """What somebody did and got, over all bots of the account, newest first."""
    found, following = timeline(platform(), caller(), telegram_id, cursor=query.cursor, limit=query.limit)
    return listing(found, following)


@blueprint.post("/changes")
@api(Scope.WRITE)
@operation()
def change(body: WantedChange) -> Created[ChangeView]:
    """Put a tag on those chosen, or all who meet the conditions, or take it off; or have their bots block or unblock them. A
    worker does it; ask for how far it is."""
    made = begin_change(platform(), caller(), body)
    return Created(describe_change(made), f"/api/v1/people/changes/{made.id}")


@blueprint.get("/changes/<int:change_id>")
@api(Scope.READ)
@operation()
def changed(change_id: int) -> ChangeView:
    """How far a change has come."""
    return describe_change(get_change(platform(), caller(), change_id))
