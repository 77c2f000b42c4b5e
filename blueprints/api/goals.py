"""REST API of goals: note one, list them."""

from __future__ import annotations

from flask import Blueprint
from pydantic import BaseModel, Field

from blueprints.api.body import DEFAULT_LIMIT, MAX_LIMIT, page_of
from blueprints.api.operation import Created, operation
from models import GoalSource
from services.core.answer_types import Listing
from services.core.moments import NamedMoment
from services.platform.accounts.principal import Scope
from services.traffic.goals.listing import GoalFilter, GoalView, describe_goal, list_goals
from services.traffic.goals.noting import NewGoal, note_goal
from web.access import api, caller
from web.platform import platform

blueprint = Blueprint("goals", __name__, url_prefix="/goals")


class GoalsQuery(BaseModel):
    """Which goals; conditions are joined by "and"."""

    goal: str | None = Field(None, max_length=30)
    bot_id: int | None = Field(None, ge=1, lt=2**63)
    telegram_id: int | None = Field(None, ge=1, lt=2**63)
    pool_id: int | None = Field(None, ge=1, lt=2**63, description="of the click that is credited")
    source: GoalSource | None = None
    click_id: str | None = Field(None, max_length=16)
    begin: NamedMoment | None = Field(None, alias="from", description="ISO 8601 with an offset, inclusive")
    end: NamedMoment | None = Field(None, alias="to", description="ISO 8601 with an offset, exclusive")
    cursor: int = Field(0, ge=0, lt=2**63, description="`next` of the page before")
    limit: int = Field(DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)

    @property
    def wanted(self) -> GoalFilter:
        """For the services."""
        same = self.model_dump(include={"goal", "bot_id", "telegram_id", "pool_id", "source", "click_id"})
        return GoalFilter(**same, since=self.begin, before=self.end)


@blueprint.post("")
@api(Scope.WRITE)
@operation(errors=(404,))
def create(body: NewGoal) -> Created[GoalView]:
    """Note that somebody reached a goal; one of the same `event_id` adds nothing, and the first is answered."""
    return Created(describe_goal(note_goal(platform(), caller(), body)[0]))


@blueprint.get("")
@api(Scope.READ)
@operation()
def index(query: GoalsQuery) -> Listing[GoalView]:
    """The account's goals, newest first."""
    found = list_goals(platform(), caller(), query.wanted, after=query.cursor, limit=query.limit + 1)
    return page_of(found, query, describe_goal)
