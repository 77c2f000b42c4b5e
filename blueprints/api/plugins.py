"""REST API of plugins: which there are, whether a choice of them could be saved, and how a bot would answer with it."""

from __future__ import annotations

from flask import Blueprint
from flask_babel import get_locale
from pydantic import Field
from typing_extensions import TypedDict

from blueprints.api.body import Body, listing
from blueprints.api.bots import Plugins
from blueprints.api.operation import operation
from services.core.answer_types import Listing, Sentence
from services.fleet import plugin_catalogue
from services.fleet.bots.choices import problems_of
from services.fleet.bots.registry import get_bot
from services.fleet.flows.users import unknown_flows
from services.fleet.plugin_loading.describing import PluginDescription
from services.messaging.chat_preview import picture
from services.messaging.plugin_kit.chat_play import LONGEST_STEP, MOST_STEPS, ChatPictureView, Step
from services.platform.accounts.principal import Scope
from web.access import api, caller
from web.limiter import limiter
from web.platform import platform

OFTEN = limiter.shared_limit("300 per minute", "plugin_preview")  # somebody who types asks twice a second
blueprint = Blueprint("plugins", __name__)


class ProblemView(TypedDict):
    """Why a choice of plugins cannot be saved; `field` is the place, such as `menu.buttons.0.text`."""

    field: str
    code: str
    detail: Sentence


class ChatStep(Body):
    """What the person does in the chat: writes `text`, or taps a button by its `place` below `message_id`."""

    text: str = Field("", max_length=LONGEST_STEP)
    message_id: int = Field(0, ge=0, lt=2**31)
    place: int = Field(0, ge=0, lt=1000)


class PluginChat(Plugins):
    """The plugins as for PUT /bots/{id}/plugins, and all steps of the chat so far."""

    steps: list[ChatStep] = Field(max_length=MOST_STEPS)


@blueprint.get("/plugins")
@api(Scope.READ)
@operation()
def index() -> Listing[PluginDescription]:
    """Every plugin that a bot can have, with the JSON Schema of its configuration and the fields of its form."""
    return listing(plugin_catalogue.describe())


@blueprint.post("/bots/<bot_id>/plugins/check")
@OFTEN
@api(Scope.WRITE)
@operation()
def check(bot_id: str, body: Plugins) -> Listing[ProblemView]:
    """All that is against saving these plugins, each with its place; saves nothing."""
    bot = get_bot(platform(), caller(), bot_id)
    choices = [plugin.choice() for plugin in body.plugins]
    found = problems_of(choices) or unknown_flows(platform(), bot.account_id, choices)
    return listing([{"field": each.field or "", "code": each.code, "detail": each.text} for each in found])


@blueprint.post("/bots/<bot_id>/plugins/chat")
@OFTEN
@api(Scope.WRITE)
@operation()
def chat(bot_id: str, body: PluginChat) -> ChatPictureView:
    """How a chat with the bot would stand after these steps; saves and sends nothing."""
    bot = get_bot(platform(), caller(), bot_id)
    steps = [Step(each.text, each.message_id, each.place) for each in body.steps]
    return picture(
        bot, [plugin.choice() for plugin in body.plugins], steps, str(get_locale()).partition("_")[0]
    )
