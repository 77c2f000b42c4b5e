"""REST API of bots that are made by the manager bot's link: the link, and ending a token."""

from __future__ import annotations

from flask import Blueprint
from typing_extensions import TypedDict

from blueprints.api.body import Body
from blueprints.api.operation import Created, operation
from services.core.answer_types import Moment
from services.core.times import iso
from services.fleet.bots.views import BotView, describe
from services.fleet.pools.fields import RowId
from services.operations.managed.offers import creation_link
from services.operations.managed.rotation import rotate_token
from services.platform.accounts.principal import Scope
from web.access import api, caller, fresh
from web.platform import platform

blueprint = Blueprint("managed_bots", __name__, url_prefix="/bots")


class WantedBot(Body):
    """What the new bot is for."""

    pool_id: RowId | None = None


class CreationLinkView(TypedDict):
    """An address at Telegram that makes a bot by one tap; `username` is suggested there, and nobody else's suggestion until
    `expires_at`. The bot joins the pool by itself."""

    link: str
    username: str
    pool_id: int | None
    expires_at: Moment


@blueprint.post("/creation-links")
@api(Scope.WRITE)
@operation(errors=(404, 409))
def create_link(body: WantedBot) -> Created[CreationLinkView]:
    """A link that makes a bot in one tap; who opens it has to be linked to the account (see `/account/telegram-link`)."""
    made = creation_link(platform(), caller(), body.pool_id)
    return Created(
        {
            "link": made.address,
            "username": made.username,
            "pool_id": made.pool_id,
            "expires_at": iso(made.expires_at),
        }
    )


@blueprint.post("/<bot_id>/token/rotation")
@api(Scope.WRITE)
@fresh()
@operation(errors=(409, 502))
def rotate(bot_id: str) -> BotView:
    """End the token of a bot that was made by such a link, and keep a new one; `not_managed` for any other bot."""
    return describe(rotate_token(platform(), caller(), bot_id))
