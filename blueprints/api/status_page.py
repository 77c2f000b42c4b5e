"""REST API of the account's public status page."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint
from pydantic import Field

from blueprints.api.body import Body
from blueprints.api.operation import operation
from services.platform.accounts.principal import Scope
from services.reporting.status_page.choices import (
    LONGEST_LABEL,
    LONGEST_TITLE,
    MOST_POOLS,
    Choices,
    ShownPool,
    StatusPageView,
    choose,
    get_choices,
    renew_address,
)
from web.access import api, caller
from web.platform import platform

blueprint = Blueprint("status_page", __name__, url_prefix="/status-page")


class ShownPoolBody(Body):
    """A pool and what it is called on the page."""

    pool_id: Annotated[int, Field(ge=1, lt=2**63)]
    label: str = Field("", max_length=LONGEST_LABEL, description="empty: the pool's name")


class StatusPageBody(Body):
    """The whole page; what is left out is as at first."""

    is_on: bool = False
    title: str = Field("", max_length=LONGEST_TITLE)
    shows_incidents: bool = True
    allows_search: bool = Field(False, description="search engines may list it")
    pools: list[ShownPoolBody] = Field(default_factory=list, max_length=MOST_POOLS)

    def choices(self) -> Choices:
        """The same as the use case wants it."""
        shown = [ShownPool(each.pool_id, each.label) for each in self.pools]
        return Choices(self.is_on, self.title, self.shows_incidents, self.allows_search, shown)


@blueprint.get("")
@api(Scope.READ)
@operation()
def show() -> StatusPageView:
    """What the caller's status page shows, and where it is."""
    return get_choices(platform(), caller())


@blueprint.put("")
@api(Scope.WRITE)
@operation(errors=(404,))
def change(body: StatusPageBody) -> StatusPageView:
    """Show this from now on; `is_on` makes it public."""
    return choose(platform(), caller(), body.choices())


@blueprint.post("/address")
@api(Scope.WRITE)
@operation()
def move() -> StatusPageView:
    """Give the page another address; the former one leads nowhere."""
    return renew_address(platform(), caller())
