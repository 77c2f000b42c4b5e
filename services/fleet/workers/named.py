"""The bot that somebody at the command line means, and its worker."""

from __future__ import annotations

from sqlalchemy import or_, select

from models import Bot, BotWorker
from services.core.errors import Conflict, NotFound
from services.core.i18n import Text
from services.core.identifiers import LARGEST_ID, parsed_id
from services.platform.platform import Platform


def worker_named(platform: Platform, name: str) -> tuple[Bot, BotWorker]:
    """A bot by its id, its public id or its username, with or without @, whoever's it is, and its worker.

    Raises NotFound, Conflict `worker_missing` where plugins answer, `worker_ending`, `worker_token_missing` when it was revoked,
    and `bot_not_running` when no updates come.
    """
    number = parsed_id(name) or 0
    by_name = or_(Bot.public_id == name, Bot.username == name.removeprefix("@"))
    with platform.database.reading() as session:
        wanted = Bot.id == number if 0 < number <= LARGEST_ID else by_name
        bot = session.scalars(select(Bot).where(wanted)).first()
        worker = None if bot is None else session.get(BotWorker, bot.id)
    if bot is None:
        raise NotFound("There is no such bot", code="bot_not_found")
    if worker is None:
        reason = Text(
            "@{username} is answered by plugins: give it a worker first, by POST /api/v1/bots/{id}/worker",
            username=bot.username,
            id=bot.id,
        )
        raise Conflict(reason, code="worker_missing")
    if worker.ending_since is not None:
        raise Conflict("This worker is being deleted", code="worker_ending")
    if worker.token_hash is None:
        raise Conflict("This worker's token was revoked: make another first", code="worker_token_missing")
    if not bot.desired_running:
        raise Conflict("This bot is stopped: start it first", code="bot_not_running")
    return bot, worker
