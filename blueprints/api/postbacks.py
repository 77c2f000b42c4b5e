"""REST API of postbacks: make, change, try, the log of deliveries, and a Google postback's file."""

from __future__ import annotations

from flask import Blueprint, Response
from pydantic import BaseModel, Field

from blueprints.api.body import Page, page_of
from blueprints.api.downloads import CSV
from blueprints.api.operation import Created, operation
from services.core.answer_types import Listing
from services.core.moments import NamedMoment
from services.platform.accounts.principal import Scope
from services.traffic.postbacks import registry
from services.traffic.postbacks.fields import (
    MadePostbackView,
    NewPostback,
    PostbackChange,
    PostbackDeliveryView,
    PostbackView,
    RepeatedView,
    TriedView,
    describe_postback,
    describe_postback_delivery,
)
from web.access import api, caller
from web.platform import platform

blueprint = Blueprint("postbacks", __name__, url_prefix="/postbacks")
ONE = "/<int:postback_id>"


class SpanQuery(BaseModel):
    """Of which time."""

    begin: NamedMoment | None = Field(
        None, alias="from", description="ISO 8601 with an offset, inclusive; left out, the last 30 days"
    )
    end: NamedMoment | None = Field(
        None, alias="to", description="ISO 8601 with an offset, exclusive; left out, now"
    )


@blueprint.post("")
@api(Scope.WRITE)
@operation(errors=(404, 409))
def create(body: NewPostback) -> Created[MadePostbackView]:
    """Make a postback; a webhook's signing `secret` is in this answer only."""
    row, secret = registry.create_postback(platform(), caller(), body)
    return Created({**describe_postback(row), "secret": secret})


@blueprint.get("")
@api(Scope.READ)
@operation()
def index(query: Page) -> Listing[PostbackView]:
    """The account's postbacks, oldest first."""
    rows = registry.list_postbacks(platform(), caller(), after=query.after, limit=query.limit + 1)
    return page_of(rows, query, describe_postback)


@blueprint.get(ONE)
@api(Scope.READ)
@operation()
def show(postback_id: int) -> PostbackView:
    """One postback, with how its last delivery fared."""
    return describe_postback(registry.get_postback(platform(), caller(), postback_id))


@blueprint.patch(ONE)
@api(Scope.WRITE)
@operation()
def change(postback_id: int, body: PostbackChange) -> PostbackView:
    """Change what the body names; a `config` is given whole."""
    return describe_postback(registry.change_postback(platform(), caller(), postback_id, body))


@blueprint.delete(ONE)
@api(Scope.WRITE)
@operation()
def remove(postback_id: int) -> None:
    """Delete a postback and what was on its way."""
    registry.delete_postback(platform(), caller(), postback_id)


@blueprint.post(f"{ONE}/test")
@api(Scope.WRITE)
@operation(errors=(409,))
def try_it(postback_id: int) -> TriedView:
    """Tell of a made-up purchase now, and show the answer."""
    return registry.try_postback(platform(), caller(), postback_id)


@blueprint.get(f"{ONE}/deliveries")
@api(Scope.READ)
@operation()
def deliveries(postback_id: int, query: Page) -> Listing[PostbackDeliveryView]:
    """What was told, is on its way, or was given up, newest first."""
    rows = registry.deliveries_of(
        platform(), caller(), postback_id, before=query.after, limit=query.limit + 1
    )
    return page_of(rows, query, describe_postback_delivery)


@blueprint.post(f"{ONE}/deliveries/repeat")
@api(Scope.WRITE)
@operation()
def repeat(postback_id: int) -> RepeatedView:
    """Send again what was given up, as after a wrong address or an expired access token; the event ids stay."""
    return {"repeated": registry.repeat_given_up(platform(), caller(), postback_id)}


@blueprint.get(f"{ONE}/conversions.csv")
@api(Scope.READ)
@operation(media=CSV)
def conversions(postback_id: int, query: SpanQuery) -> Response:
    """A Google postback's offline conversions, for the import in Google Ads."""
    found = registry.conversions_file(platform(), caller(), postback_id, query.begin, query.end)
    return Response(
        "".join(found),
        mimetype=CSV,
        headers={"Content-Disposition": 'attachment; filename="conversions.csv"'},
    )
