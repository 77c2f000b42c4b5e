"""Bots that follow a YAML file: what the file says is changed there, and nowhere else."""

from __future__ import annotations

from models import Bot
from services.core.errors import Conflict
from services.core.i18n import Text


def refuse_declared(bot: Bot) -> None:
    """Raise Conflict `declared_in_file` for a bot that follows a file, before something is changed that the file says.

    Its token, start and stop, tags, uncertain sends and its places in pools are not in the file's hand.
    """
    if bot.declared_in:
        raise Conflict(
            Text(
                "@{username} follows the file {file}: change it there; without its file a bot is edited here again",
                username=bot.username,
                file=bot.declared_in,
            ),
            code="declared_in_file",
        )
