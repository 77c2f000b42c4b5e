"""REST API of destinations of notifications: add, list, change, delete, try, and what became of deliveries."""

from __future__ import annotations

from flask import Blueprint
from pydantic import Field
from typing_extensions import TypedDict

from blueprints.api.body import Body, Page, listing, page_of
from blueprints.api.operation import Created, operation
from models import DestinationKind
from services.alerts.notifications import registry
from services.alerts.notifications.fields import (
    DEFAULT_ZONE,
    MAX_NAME,
    MAX_RULES,
    NewDestination,
    Quiet,
    Rule,
)
from services.alerts.notifications.kinds import Kind
from services.alerts.notifications.views import (
    DeliveryView,
    DestinationView,
    MadeDestinationView,
    describe,
    describe_delivery,
    describe_made,
)
from services.core.answer_types import Listing, Sentence
from services.core.url_safety import LONGEST_URL
from services.platform.accounts.principal import Scope
from web.access import api, caller
from web.platform import platform

blueprint = Blueprint("destinations", __name__, url_prefix="/notification-destinations")
ONE = "/<int:destination_id>"


class RuleBody(Body):
    """What is left out matches everything."""

    kind: Kind | None = None
    min_level: str | None = Field(None, pattern="^(info|warning|critical)$")
    pool_id: int | None = None

    def rule(self) -> Rule:
        """The rule as the use cases want it."""
        return Rule(self.kind, self.min_level, self.pool_id)


class QuietBody(Body):
    """Quiet hours on the wall clock of `time_zone`."""

    begin: str = Field(alias="from")
    until: str
    time_zone: str = DEFAULT_ZONE
    critical_passes: bool = True

    def quiet(self) -> Quiet:
        """The quiet hours as the use cases want them."""
        return Quiet(self.begin, self.until, self.time_zone, self.critical_passes)


class DestinationBody(Body):
    """Body of a new destination."""

    kind: DestinationKind
    name: str = Field("", max_length=MAX_NAME)
    address: str = Field("", max_length=254, description="chat id or e-mail address")
    url: str = Field("", max_length=LONGEST_URL, description="webhook")
    bot_id: int | str | None = Field(None, description="Telegram: the bot that sends; none: the manager bot")
    reserve_bot_id: int | str | None = Field(None, description="Telegram: the bot that sends while it cannot")
    quiet: QuietBody | None = None
    rules: list[RuleBody] = Field(default_factory=list, max_length=MAX_RULES)


class DestinationChange(Body):
    """Body of a change; what is left out stays, `quiet: null` ends the quiet hours, `reserve_bot_id: null` the standing in."""

    name: str | None = Field(None, max_length=MAX_NAME)
    is_enabled: bool | None = None
    address: str | None = Field(None, max_length=254)
    url: str | None = Field(None, max_length=LONGEST_URL)
    quiet: QuietBody | None = None
    rules: list[RuleBody] | None = Field(None, max_length=MAX_RULES)
    bot_id: int | str | None = Field(None, description="Telegram: another bot that sends")
    reserve_bot_id: int | str | None = Field(None, description="Telegram: the bot that sends while it cannot")


class TestView(TypedDict):
    """What came of a test message; `permanent`: it would not arrive later either."""

    delivered: bool
    error: Sentence | None
    permanent: bool


@blueprint.post("")
@api(Scope.WRITE)
@operation(errors=(404,))
def create(body: DestinationBody) -> Created[MadeDestinationView]:
    """Add a destination; a webhook's `secret` or a chat's `link` is in this answer only."""
    new = NewDestination(
        kind=body.kind,
        name=body.name,
        address=body.address,
        url=body.url,
        bot_id=body.bot_id,
        reserve_bot_id=body.reserve_bot_id,
        quiet=body.quiet.quiet() if body.quiet else None,
        rules=tuple(rule.rule() for rule in body.rules),
    )
    return Created(describe_made(platform(), registry.create_destination(platform(), caller(), new)))


@blueprint.get("")
@api(Scope.READ)
@operation()
def index(query: Page) -> Listing[DestinationView]:
    """The caller's destinations; the panel itself is always one and not listed."""
    rows = registry.list_destinations(platform(), caller(), after=query.after, limit=query.limit + 1)
    return page_of(rows, query, describe)


@blueprint.get(ONE)
@api(Scope.READ)
@operation()
def show(destination_id: int) -> DestinationView:
    """One destination with its state."""
    return describe(registry.get_destination(platform(), caller(), destination_id))


@blueprint.patch(ONE)
@api(Scope.WRITE)
@operation()
def change(destination_id: int, body: DestinationChange) -> MadeDestinationView:
    """Change a destination; a webhook keeps its secret. A new bot's `link` is in this answer only."""
    made = registry.update_destination(
        platform(),
        caller(),
        destination_id,
        name=body.name,
        is_enabled=body.is_enabled,
        address=body.address,
        url=body.url,
        quiet=body.quiet.quiet() if body.quiet else None,
        no_quiet="quiet" in body.model_fields_set and body.quiet is None,
        rules=tuple(rule.rule() for rule in body.rules) if body.rules is not None else None,
        bot_id=body.bot_id,
        reserve_bot_id=body.reserve_bot_id,
        no_reserve="reserve_bot_id" in body.model_fields_set and body.reserve_bot_id is None,
    )
    return describe_made(platform(), made)


@blueprint.delete(ONE)
@api(Scope.WRITE)
@operation()
def remove(destination_id: int) -> None:
    """Remove a destination and what was on its way to it."""
    registry.delete_destination(platform(), caller(), destination_id)


@blueprint.post(f"{ONE}/test")
@api(Scope.WRITE)
@operation()
def send_test(destination_id: int) -> TestView:
    """Send a test message now; `delivered` and, if not, `error` tell what came of it."""
    failure = registry.try_destination(platform(), caller(), destination_id)
    return {
        "delivered": failure is None,
        "error": failure.text if failure else None,
        "permanent": failure.permanent if failure else False,
    }


@blueprint.post(f"{ONE}/secret")
@api(Scope.WRITE)
@operation()
def renew(destination_id: int) -> MadeDestinationView:
    """A new signing secret, or a new code to link a chat; the former is void at once."""
    return describe_made(platform(), registry.renew_secret(platform(), caller(), destination_id))


@blueprint.get(f"{ONE}/deliveries")
@api(Scope.READ)
@operation()
def delivered(destination_id: int) -> Listing[DeliveryView]:
    """The newest fifty deliveries to a destination, with attempts and errors."""
    rows = registry.deliveries(platform(), caller(), destination_id)
    return listing([describe_delivery(row) for row in rows])
