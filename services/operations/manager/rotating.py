"""/rotate_token: the present token of a managed bot is dead, and the house has a new one."""

from __future__ import annotations

from models import Bot
from plugins.fleet import Screen
from services.core.i18n import Text
from services.operations.managed.rotation import rotatable, rotate_token
from services.operations.manager.finding import Turn, bot_named, bot_numbered, own_bots, which_of
from services.operations.manager.person import Person, confirmation, page_of


def rotate(person: Person, args: str) -> Screen:
    """Ask before the token of a bot is ended; the bot is named, or tapped."""
    if args:
        return _question(person, bot_named(person, args))
    return _which(person)


def which_turned(person: Person, payload: str) -> Screen:
    """Another page of the bots whose token can be ended; `payload` is `<page>:`."""
    return _which(person, page_of(payload.partition(":")[0]))


def rotate_tapped(person: Person, payload: str) -> Screen:
    """The same for the bot of a button."""
    return _question(person, bot_numbered(person, payload))


def rotate_confirmed(person: Person, payload: str) -> Screen:
    """Do it. Done again, after a crash, it ends one more token and keeps the newest."""
    bot = bot_numbered(person, payload)
    rotate_token(person.platform, person.caller, bot.id)
    return person.screen(
        Text("🔑 @{username} has a new token. The one before is dead.", username=bot.username)
    )


def _which(person: Person, page: int = 0) -> Screen:
    managed = rotatable(person.platform, own_bots(person))
    if not managed:
        return person.screen(
            Text("None of your bots was made by my link; change their tokens at @BotFather and in the panel.")
        )
    return which_of(person, managed, "ask_rotate", Turn("rotate", "", page))


def words(person: Person, payload: str) -> Text:
    """What ending a token is."""
    return Text("End the token of @{username}", username=bot_numbered(person, payload).username)


def _question(person: Person, bot: Bot) -> Screen:
    asked = Text(
        "End the token of @{username}? Whoever has it is out at once; the bot goes on with a new one.",
        username=bot.username,
    )
    return confirmation(person, asked, "do_rotate_token", str(bot.id))
