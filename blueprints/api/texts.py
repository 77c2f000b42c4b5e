"""REST API of what a bot's plugins say: all of it as one file, a preview, and a test sent to somebody whom the bot knows."""

from __future__ import annotations

from typing import Annotated, Any

from flask import Blueprint, Response
from pydantic import Field, StringConstraints

from blueprints.api.body import Body, IfPlan, listing
from blueprints.api.operation import operation
from services.core.answer_types import Listing
from services.core.identifiers import LARGEST_ID
from services.fleet.bots.registry import get_bot
from services.fleet.configuration.texts import (
    TextProblemView,
    TextsPlan,
    change_texts,
    check_texts,
    texts_file,
)
from services.fleet.text_preview import TextView, preview
from services.messaging import text_tests
from services.messaging.text_tests import RecipientView
from services.platform.accounts.principal import Scope
from web.access import api, caller
from web.platform import platform

LONGEST_FILE = 1_000_000  # characters; no request is larger
PLAIN = "text/plain"
blueprint = Blueprint("texts", __name__, url_prefix="/bots/<bot_id>/texts")


class Configured(Body):
    """A plugin with the configuration that it would have, whether it is saved or not."""

    plugin: str = Field(max_length=50)
    config: dict[str, Any] = Field(default_factory=dict)


class TextTest(Configured):
    """Which of its texts is sent, named by its field as in the preview, and to whom."""

    field: str = Field(max_length=200)
    telegram_id: int = Field(ge=1, le=LARGEST_ID, description="one of the recipients")


class TextsDocument(Body):
    """A file of texts; every blank in it counts."""

    document: Annotated[str, StringConstraints(strip_whitespace=False, max_length=LONGEST_FILE)] = Field(
        description="as GET answers it, with other texts"
    )


class TextsFile(TextsDocument):
    """The same, to be made the bot's texts."""

    if_plan: IfPlan = None


@blueprint.get("")
@api(Scope.READ)
@operation(media=PLAIN)
def export(bot_id: str) -> Response:
    """Every text of a bot in one readable file: a line `## plugin.place`, then the text."""
    headers = {"Cache-Control": "no-store"}
    content = texts_file(platform(), caller(), bot_id)
    return Response(content, content_type=f"{PLAIN}; charset=utf-8", headers=headers)


@blueprint.put("")
@api(Scope.WRITE)
@operation(errors=(409,))
def replace(bot_id: str, body: TextsFile) -> TextsPlan:
    """What a file of texts changes; with `if_plan` it is changed, all of it or, when anything else changed since, nothing."""
    return change_texts(platform(), caller(), bot_id, body.document, if_plan=body.if_plan)


@blueprint.post("/check")
@api(Scope.WRITE)
@operation()
def check(bot_id: str, body: TextsDocument) -> Listing[TextProblemView]:
    """Every mistake in a file of texts, each with its line; changes nothing."""
    return listing(check_texts(platform(), caller(), bot_id, body.document))


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
