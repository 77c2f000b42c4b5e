"""Who the bot is, its commands, and calls that change nothing the sandbox shows."""

from __future__ import annotations

import json
from typing import Any

from tools.sandbox.errors import bad_request
from tools.sandbox.methods.chats import find_chat
from tools.sandbox.model import Bot, Json
from tools.sandbox.params import Params
from tools.sandbox.world import World

MAX_COMMANDS = 100
"""Bot API: setMyCommands."""
ACKNOWLEDGED = (
    "setMyName",
    "setMyDescription",
    "setMyShortDescription",
    "setChatMenuButton",
    "pinChatMessage",
    "unpinChatMessage",
    "setMessageReaction",
)
"""Methods answered with true and otherwise ignored."""
RIGHTS = (
    "is_anonymous",
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
)
"""Bot API: what ChatMemberAdministrator always tells."""


def get_me(_world: World, bot: Bot, _params: Params) -> Json:
    """The bot itself."""
    me = bot.as_user()
    me.update(
        can_join_groups=True,
        can_read_all_group_messages=False,
        supports_inline_queries=False,
        can_connect_to_business=False,
        has_main_web_app=False,
        can_manage_bots=bot.can_manage_bots,
    )
    return me


def get_chat(world: World, bot: Bot, params: Params) -> Json:
    """A chat the bot knows."""
    return dict(find_chat(world, bot, params).chat)


def get_chat_member(world: World, bot: Bot, params: Params) -> Json:
    """Somebody in a group that the bot is in: an administrator if the group was made with them as one. ApiError 400."""
    group = world.groups.get(params.integer("chat_id"))
    if group is None or bot.id not in group.bots:
        raise bad_request("chat not found")
    user = world.users.get(params.integer("user_id"))
    if user is None:
        raise bad_request("user not found")
    if user.id not in group.admins:
        return {"status": "member", "user": user.as_user()}
    return {
        "status": "administrator",
        "user": user.as_user(),
        "can_be_edited": False,
        **dict.fromkeys(RIGHTS, True),
    }


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
