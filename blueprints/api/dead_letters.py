"""REST API of dead letters: look, replay, discard."""

from __future__ import annotations

from typing import Annotated, Literal

from flask import Blueprint
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from blueprints.api.body import DEFAULT_LIMIT, MAX_LIMIT, Body, listing, page_of
from blueprints.api.operation import operation
from models import DeadLetterState
from services.alerts.dead_letters.deciding import LONGEST_REASON, ReplayView, discard, replay
from services.alerts.dead_letters.listing import (
    GroupView,
    LetterView,
    LetterWholeView,
    describe,
    describe_group,
    describe_whole,
    get_letter,
    list_groups,
    list_letters,
)
from services.alerts.dead_letters.selection import MOST_IDS, LetterFilter, Selection
from services.core.answer_types import Listing
from services.core.moments import NamedMoment
from services.platform.accounts.principal import Scope
from web.access import api, caller
from web.platform import platform

blueprint = Blueprint("dead_letters", __name__, url_prefix="/dead-letters")
Kind = Literal["intake", "update", "send", "job", ""]
Number = Annotated[int, Field(ge=1, lt=2**63)]


class GroupsQuery(BaseModel):
    """Which letters; conditions are joined by "and"."""

    kind: Kind = ""
    bot_id: Number | None = None
    fingerprint: str = Field("", max_length=32)
    state: DeadLetterState | Literal[""] = ""
    uncertain: bool | None = Field(None, description="true: sends that may have arrived")
    begin: NamedMoment | None = Field(None, alias="from", description="ISO 8601 with an offset, inclusive")
    end: NamedMoment | None = Field(None, alias="to", description="ISO 8601 with an offset, exclusive")

    def wanted(self) -> LetterFilter:
        """The filter as the use cases want it."""
        return LetterFilter(
            kind=self.kind,
            bot_id=self.bot_id,
            fingerprint=self.fingerprint,
            state=self.state,
            is_uncertain=self.uncertain,
            since=self.begin,
            before=self.end,
        )


class LettersQuery(GroupsQuery):
    """The same, in pages."""

    cursor: int = Field(0, ge=0, lt=2**63, description="`next` of the page before")
    limit: int = Field(DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)


class SelectionBody(Body):
    """Letters by `ids`, or all that match `filter`."""

    ids: list[Number] = Field(default_factory=list, max_length=MOST_IDS)
    filter: GroupsQuery | None = None
    dry_run: bool = Field(False, description="only count")

    def selection(self) -> Selection:
        """The selection as the use cases want it."""
        return Selection(tuple(self.ids), self.filter.wanted() if self.filter else None)


class DiscardBody(SelectionBody):
    """The same, and why nothing is to be done about them."""

    reason: str = Field(min_length=1, max_length=LONGEST_REASON)


class DiscardView(TypedDict):
    """How many letters were discarded, or would be with `dry_run`."""

    dry_run: bool
    discarded: int


@blueprint.get("")
@api(Scope.READ)
@operation()
def index(query: LettersQuery) -> Listing[LetterView]:
    """The caller's dead letters, newest first."""
    rows = list_letters(platform(), caller(), query.wanted(), before_id=query.cursor, limit=query.limit + 1)
    return page_of(rows, query, describe)


@blueprint.get("/groups")
@api(Scope.READ)
@operation()
def groups(query: GroupsQuery) -> Listing[GroupView]:
    """The same by cause: how many, since when, on which bots. At most a hundred, last seen first."""
    found = list_groups(platform(), caller(), query.wanted())
    return listing([describe_group(group) for group in found])


@blueprint.get("/<int:letter_id>")
@api(Scope.READ)
@operation()
def show(letter_id: int) -> LetterWholeView:
    """One letter with its attempts and the redacted payload."""
    return describe_whole(get_letter(platform(), caller(), letter_id))


@blueprint.post("/replay")
@api(Scope.WRITE)
@operation(errors=(404,))
def send_again(body: SelectionBody) -> ReplayView:
    """Send the selected letters in again, oldest first, twenty a second; `dry_run` only counts.

    Sends that may have arrived are left out unless picked by id. What becomes of each letter is told by its `state`.
    """
    plan = replay(platform(), caller(), body.selection(), dry_run=body.dry_run)
    return plan.as_json(dry_run=body.dry_run)


@blueprint.post("/discard")
@api(Scope.WRITE)
@operation(errors=(404,))
def give_up(body: DiscardBody) -> DiscardView:
    """Resolve the selected open letters with a reason; their originals are deleted."""
    number = discard(platform(), caller(), body.selection(), body.reason, dry_run=body.dry_run)
    return {"dry_run": body.dry_run, "discarded": number}
