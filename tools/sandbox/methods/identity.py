"""Who the bot is, its commands, and calls that change nothing the sandbox shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tools.sandbox.errors import bad_request
from tools.sandbox.model import Bot, Json
from tools.sandbox.params import Params
from tools.sandbox.world import World

MAX_COMMANDS = 100
"""Bot API: setMyCommands."""
ACKNOWLEDGED = (
    "setChatMenuButton",
    "pinChatMessage",
    "unpinChatMessage",
    "setMessageReaction",
)
"""Methods answered with true and otherwise ignored."""


def get_me(_world: World, bot: Bot, _params: Params) -> Json:
    """The bot itself."""
    me = bot.as_user()
    me.update(
        can_join_groups=True,
        can_read_all_group_messages=False,
        supports_inline_queries=False,
        can_connect_to_business=False,
        has_main_web_app=False,
        has_topics_enabled=False,
        allows_users_to_create_topics=False,
        can_manage_bots=bot.can_manage_bots,
        supports_join_request_queries=False,
    )
    return me


def acknowledge(_world: World, _bot: Bot, _params: Params) -> bool:
    """True, and nothing happens."""
    return True


def _scope(params: Params) -> str:
    scope: Any = params.structure("scope", "can't parse BotCommandScope JSON object") or {"type": "default"}
    return json.dumps([scope, params.text("language_code")], sort_keys=True)


def set_my_commands(_world: World, bot: Bot, params: Params) -> bool:
    """Store the command list of a scope and language."""
    commands = params.structure("commands", "can't parse commands JSON array")
    if not isinstance(commands, list):
        raise bad_request("commands must be a JSON array")
    if len(commands) > MAX_COMMANDS:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    for command in commands:
        if not isinstance(command, dict) or not command.get("command"):
            raise bad_request("BOT_COMMAND_INVALID")
        if not command.get("description"):
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    bot.commands[_scope(params)] = commands
    return True


def get_my_commands(_world: World, bot: Bot, params: Params) -> list[Json]:
    """The command list of a scope and language, empty when none."""
    return bot.commands.get(_scope(params), [])


def delete_my_commands(_world: World, bot: Bot, params: Params) -> bool:
    """Forget the command list of a scope and language."""
    bot.commands.pop(_scope(params), None)
    return True


def _profile(field: str, longest: int) -> tuple[Callable[..., bool], Callable[..., Json]]:
    """Setting and reading one text about the bot, in one language or for all the others."""

    def put(_world: World, bot: Bot, params: Params) -> bool:
        text = params.text(field)
        if len(text) > longest:
            raise bad_request(f"{field} is too long")
        bot.profile[field, params.text("language_code")] = text
        return True

    def get(_world: World, bot: Bot, params: Params) -> Json:
        default = bot.profile.get((field, "")) or (bot.first_name if field == "name" else "")
        return {field: bot.profile.get((field, params.text("language_code"))) or default}

    return put, get


_PROFILE = {
    "Name": ("name", 64),
    "Description": ("description", 512),
    "ShortDescription": ("short_description", 120),
}
"""What each is called in calls and answers, and its longest (Bot API: setMyName …)."""
PROFILE = {
    f"{verb}My{words}": call
    for words, (field, longest) in _PROFILE.items()
    for verb, call in zip(("set", "get"), _profile(field, longest), strict=True)
}
