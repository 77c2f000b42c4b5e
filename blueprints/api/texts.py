"""REST API of what a bot's plugins say: a preview, and a test sent to somebody whom the bot knows."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from pydantic import Field

from blueprints.api.body import Body, listing
from blueprints.api.operation import operation
from services.core.answer_types import Listing
from services.core.identifiers import LARGEST_ID
from services.fleet.bots.registry import get_bot
from services.fleet.text_preview import TextView, preview
from services.messaging import text_tests
from services.messaging.text_tests import RecipientView
from services.platform.accounts.principal import Scope
from web.access import api, caller
from web.platform import platform

blueprint = Blueprint("texts", __name__, url_prefix="/bots/<bot_id>/texts")


class Configured(Body):
    """A plugin with the configuration that it would have, whether it is saved or not."""

    plugin: str = Field(max_length=50)
    config: dict[str, Any] = Field(default_factory=dict)


class TextTest(Configured):
    """Which of its texts is sent, named by its field as in the preview, and to whom."""

    field: str = Field(max_length=200)
    telegram_id: int = Field(ge=1, le=LARGEST_ID, description="one of the recipients")


@blueprint.post("/preview")
@api(Scope.WRITE)
@operation()
def show(bot_id: str, body: Configured) -> Listing[TextView]:
    """What Telegram would show of a plugin's texts, filled in for somebody called Ana Silva, before it is saved; changes nothing."""
    bot = get_bot(platform(), caller(), bot_id)
    return listing(preview(body.plugin, body.config, bot.name))


@blueprint.get("/recipients")
@api(Scope.READ)
@operation()
def recipients(bot_id: str) -> Listing[RecipientView]:
    """Who may get a test: the account's own chats, then who pressed Start last."""
    return listing(text_tests.recipients(platform(), caller(), bot_id))


@blueprint.post("/test")
@api(Scope.WRITE)
@operation()
def send_test(bot_id: str, body: TextTest) -> None:
    """Queue one text of a plugin for one person."""
    text_tests.send_test(
        platform(),
        caller(),
        bot_id,
        plugin=body.plugin,
        config=body.config,
        field=body.field,
        telegram_id=body.telegram_id,
    )
