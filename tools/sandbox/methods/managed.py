"""Managed bots (Bot API 9.6): people make bots by a manager's link; the manager reads and replaces their tokens."""

from __future__ import annotations

from tools.sandbox.errors import ControlError, bad_request
from tools.sandbox.model import Bot, User
from tools.sandbox.params import Params
from tools.sandbox.world import World

MOST_OWNED = 20
"""Bots of one person without Premium."""


def create_managed_bot(world: World, manager: Bot, owner: User, username: str, name: str) -> Bot:
    """What the link ``/newbot/<manager>/<username>`` does: a bot, a managed_bot update.

    ControlError 403 for a bot that may not manage, 400 or 409 for a username, and 409 for a person who owns too many.
    """
    if not manager.can_manage_bots:
        raise ControlError(403, "cannot_manage", f"@{manager.username} cannot manage bots")
    if username and not username.lower().endswith("bot"):
        raise ControlError(400, "bad_username", "the username of a bot ends in bot")
    if sum(bot.owner_id == owner.id for bot in world.bots.values()) >= MOST_OWNED:
        raise ControlError(409, "too_many_bots", f"a person owns at most {MOST_OWNED} bots")
    bot = world.add_bot(username, name)
    bot.manager_id, bot.owner_id = manager.id, owner.id
    announce(world, bot)
    return bot


def announce(world: World, bot: Bot) -> None:
    """Tell the bot's manager, where it has one, about a new bot, a new token or a new owner."""
    if bot.manager_id in world.bots:
        owner = world.find_user(bot.owner_id or 0)
        news = {"user": owner.as_user(), "bot": bot.as_user()}
        world.emit(world.bots[bot.manager_id], "managed_bot", news)


def give_to(world: World, bot: Bot, owner: User) -> None:
    """A person hands the bot over to another one."""
    bot.owner_id = owner.id
    announce(world, bot)


def _managed(world: World, manager: Bot, params: Params) -> Bot:
    bot = world.bots.get(params.integer("user_id"))
    if bot is None or bot.manager_id != manager.id or not manager.can_manage_bots:
        raise bad_request("BOT_INVALID")
    return bot


def get_managed_bot_token(world: World, bot: Bot, params: Params) -> str:
    """The token of a bot this bot manages."""
    return _managed(world, bot, params).token


def replace_managed_bot_token(world: World, bot: Bot, params: Params) -> str:
    """A new token for a managed bot; the old one is dead and a managed_bot update follows."""
    managed = _managed(world, bot, params)
    token = world.rotate_token(managed)
    announce(world, managed)
    return token
