"""Bots that follow something, and the manager bot: what is said in a YAML file, a pool's behaviour or the settings is changed there alone."""

from __future__ import annotations

from models import Bot
from services.core.errors import Conflict
from services.core.i18n import Text


def refuse_manager(bot: Bot) -> None:
    """Raise Conflict `manager_bot` for the manager bot: MANAGER_BOT_TOKEN says that it is there, and what it does is ours."""
    if bot.is_manager:
        raise Conflict(
            Text("@{username} is the manager bot; MANAGER_BOT_TOKEN decides on it", username=bot.username),
            code="manager_bot",
        )


def refuse_declared(bot: Bot, *, behaviour: bool = True) -> None:
    """Raise Conflict for a bot that follows something, before what is said there is changed.

    `declared_in_file`: it follows a file. Its token, start and stop, tags, uncertain sends and its places in pools are not
    in the file's hand. `follows_pool`: it follows a pool, and what is to change is of the `behaviour` that bots can share.
    """
    refuse_manager(bot)
    if bot.declared_in:
        raise Conflict(
            Text(
                "@{username} follows the file {file}: change it there; without its file a bot is edited here again",
                username=bot.username,
                file=bot.declared_in,
            ),
            code="declared_in_file",
        )
    if behaviour and bot.followed is not None:
        raise Conflict(
            Text(
                "@{username} has the behaviour of the pool '{pool}': change the pool's, or let the bot stop following it first",
                username=bot.username,
                pool=bot.followed.name,
            ),
            code="follows_pool",
        )
