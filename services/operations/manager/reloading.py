"""/reload and /reload_all: every process loads bots anew."""

from __future__ import annotations

from collections.abc import Sequence

from models import Bot
from plugins.fleet import Screen
from services.core.i18n import Text
from services.fleet.bots.lifecycle import reload_bots
from services.operations.manager.finding import bot_named, bot_numbered, own_bots, which_bot
from services.operations.manager.person import Person, confirmation


def reload(person: Person, args: str) -> Screen:
    """Have one bot loaded anew, at once: nothing changes by it."""
    if not args:
        return which_bot(person, "reload")
    return _reloaded(person, [bot_named(person, args)])


def tapped(person: Person, payload: str) -> Screen:
    """The same for the bot of a button."""
    return _reloaded(person, [bot_numbered(person, payload)])


def reload_all(person: Person, _args: str) -> Screen:
    """Ask before all bots are loaded anew."""
    count = len(own_bots(person))
    return confirmation(person, Text("Reload all bots ({count})?", count=count), "do_reload_all", "")


def words(person: Person, _payload: str) -> Text:
    """What reloading all is."""
    return Text("Load all bots anew ({count})", count=len(own_bots(person)))


def reload_everything(person: Person, _payload: str) -> Screen:
    """Do it."""
    return _reloaded(person, own_bots(person))


def _reloaded(person: Person, bots: Sequence[Bot]) -> Screen:
    reload_bots(person.platform, person.caller, [bot.id for bot in bots])
    if len(bots) == 1:
        return person.screen(Text("✅ Bot {username} reloaded successfully", username=bots[0].username))
    return person.screen(Text("✅ Bots reloaded successfully: {count}", count=len(bots)))
