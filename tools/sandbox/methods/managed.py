"""Managed bots (Bot API 9.6) in a simple form: the manager reads and replaces its bots' tokens."""

from __future__ import annotations

from tools.sandbox.errors import bad_request
from tools.sandbox.model import Bot, User
from tools.sandbox.params import Params
from tools.sandbox.world import World


def create_managed_bot(world: World, manager: Bot, owner: User, username: str, name: str) -> Bot:
    """What the link ``/newbot/<manager>/<username>`` does: a bot, a managed_bot update. ControlError."""
    bot = world.add_bot(username, name)
    bot.manager_id, bot.owner_id = manager.id, owner.id
    announce(world, manager, bot)
    return bot


def announce(world: World, manager: Bot, bot: Bot) -> None:
    """Tell the manager about a new bot, a new token or a new owner."""
    owner = world.find_user(bot.owner_id or 0)
    world.emit(manager, "managed_bot", {"user": owner.as_user(), "bot": bot.as_user()})


def _managed(world: World, manager: Bot, params: Params) -> Bot:
    bot = world.bots.get(params.integer("user_id"))
    if bot is None or bot.manager_id != manager.id:
        raise bad_request("BOT_INVALID")
    return bot


def get_managed_bot_token(world: World, bot: Bot, params: Params) -> str:
    """The token of a bot this bot manages."""
    return _managed(world, bot, params).token


def replace_managed_bot_token(world: World, bot: Bot, params: Params) -> str:
    """A new token for a managed bot; the old one is dead and a managed_bot update follows."""
    managed = _managed(world, bot, params)
    token = world.rotate_token(managed)
    announce(world, bot, managed)
    return token
