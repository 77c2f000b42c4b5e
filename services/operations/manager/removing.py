"""/delete_bot: asked, confirmed, gone."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import select

from models import AuditEvent, Bot
from plugins.fleet import Screen
from services.core.errors import NotFound
from services.core.i18n import Text
from services.core.times import utc_now
from services.fleet.bots import registry
from services.operations.manager.finding import bot_named, bot_numbered, which_bot
from services.operations.manager.person import Person, confirmation

JUST_NOW: Final = timedelta(minutes=20)  # so long after, a deletion may be the same one once more


def delete_bot(person: Person, args: str) -> Screen:
    """Ask before a bot is deleted."""
    if not args:
        return which_bot(person, "ask_delete_bot")
    return _question(person, bot_named(person, args))


def tapped(person: Person, payload: str) -> Screen:
    """The tap on a bot's name that asks as the command does."""
    return _question(person, bot_numbered(person, payload))


def words(person: Person, payload: str) -> Text:
    """What deleting is."""
    bot = bot_numbered(person, payload)
    return Text("Delete the bot {name} (@{username})", name=bot.name, username=bot.username)


def delete(person: Person, payload: str) -> Screen:
    """Delete it. Doing it again, after a crash, finds that it is gone."""
    try:
        bot = bot_numbered(person, payload)
        registry.delete_bot(person.platform, person.caller, bot.id)
        username = bot.username
    except NotFound:
        username = _deleted_just_now(person, payload)
        if not username:
            raise
    return person.screen(Text("🗑️ Bot @{username} was deleted", username=username))


def _question(person: Person, bot: Bot) -> Screen:
    asked = Text(
        "Delete the bot {name} (@{username})? It leaves its pools, and its people, conversations and settings go with it.",
        name=bot.name,
        username=bot.username,
    )
    return confirmation(person, asked, "do_delete_bot", str(bot.id))


def _deleted_just_now(person: Person, payload: str) -> str:
    """The username of a bot that this person has deleted in these minutes; "" for none."""
    mine = (AuditEvent.account_id == person.caller.account_id, AuditEvent.actor == person.caller.actor)
    when = (AuditEvent.kind == "bot_deleted", AuditEvent.at > utc_now() - JUST_NOW)
    with person.platform.database.reading() as session:
        details = session.scalar(
            select(AuditEvent.details).where(*mine, *when, AuditEvent.bot_id == int(payload)).limit(1)
        )
        return str(details["username"]) if details else ""
