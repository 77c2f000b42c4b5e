"""Bots that follow a YAML file, and the manager bot: what they are is said elsewhere, and changed there alone."""

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


def refuse_declared(bot: Bot) -> None:
    """Raise Conflict `declared_in_file` for a bot that follows a file, before something is changed that the file says;
    `manager_bot` for the manager.

    Its token, start and stop, tags, uncertain sends and its places in pools are not in the file's hand.
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
