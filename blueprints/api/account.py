"""REST API of the account: who at Telegram may run its fleet from the manager bot."""

from __future__ import annotations

from operator import attrgetter

from flask import Blueprint
from pydantic import Field
from typing_extensions import TypedDict

from blueprints.api.body import Body, Page, page_of
from blueprints.api.operation import Created, operation
from models import TelegramLink
from services.core.answer_types import Listing, Moment
from services.core.times import iso
from services.operations.manager import links
from services.platform.accounts import telegram_links
from services.platform.accounts.principal import Scope
from web.access import api, caller, fresh
from web.password_address import password_address
from web.platform import platform

blueprint = Blueprint("account", __name__, url_prefix="/account")


class StartLinkView(TypedDict):
    """A one-time code, and the link that sends it to the manager bot; neither is shown again."""

    code: str
    link: str
    expires_at: Moment


class InvitationView(TypedDict):
    """A new account with its one-time links, good for a day and not shown again; `telegram` is null without a manager bot."""

    account_id: int
    password_link: str
    telegram: StartLinkView | None


class LinkedPersonView(TypedDict):
    """Somebody at Telegram who acts for the account; `name` is what they called themselves there."""

    telegram_id: int
    name: str
    linked_at: Moment


class Invitation(Body):
    """Whom an administrator invites."""

    email: str = Field(max_length=254)


@blueprint.post("/telegram-link")
@api(Scope.WRITE)
@fresh()
@operation()
def create_link() -> Created[StartLinkView]:
    """A code that links whoever sends it to the manager bot within ten minutes; it replaces the one before."""
    return Created(_view(links.link_for(platform(), caller())))


@blueprint.post("/invitations")
@api(Scope.WRITE)
@fresh()
@operation(errors=(404,))
def invite(body: Invitation) -> Created[InvitationView]:
    """For administrators: an account for somebody, and the links by which they choose a password and open the manager bot."""
    made = links.invite(platform(), caller(), body.email)
    return Created(
        {
            "account_id": made.account.id,
            "password_link": password_address(made.secret),
            "telegram": _view(made.chat) if made.chat else None,
        }
    )


@blueprint.get("/telegram-links")
@api(Scope.READ)
@operation()
def listing(query: Page) -> Listing[LinkedPersonView]:
    """The people who act for the account from the manager bot."""
    rows = telegram_links.list_links(platform(), caller(), after=query.after, limit=query.limit + 1)
    return page_of(rows, query, _person, attrgetter("telegram_id"))


@blueprint.delete("/telegram-links/<int:person_id>")
@api(Scope.WRITE)
@operation()
def unlink(person_id: int) -> None:
    """End somebody's link; the manager bot answers them no more."""
    telegram_links.unlink_person(platform(), caller(), person_id)


def _view(link: links.StartLink) -> StartLinkView:
    return {"code": link.code, "link": link.address, "expires_at": iso(link.expires_at)}


def _person(row: TelegramLink) -> LinkedPersonView:
    return {"telegram_id": row.telegram_id, "name": row.name, "linked_at": iso(row.created_at)}
