"""/start_bot, /stop_bot, /restart_bot, /reload and /reload_all: asked, confirmed, done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from models import Bot
from plugins.fleet import Screen
from services.core.i18n import N_, Text
from services.fleet.bots.lifecycle import reload_bots, restart_bot, start_bot, stop_bot
from services.operations.manager.finding import bot_named, bot_numbered, own_bots, which_bot
from services.operations.manager.person import Person, confirmation
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform

CONTROLS: Final[Mapping[str, Callable[[Platform, Principal, int], Bot]]] = {
    "start": start_bot,
    "stop": stop_bot,
    "restart": restart_bot,
}
QUESTIONS: Final = {
    "start": N_("Start bot {name} ({username})?"),
    "stop": N_("Stop bot {name} ({username})?"),
    "restart": N_("Restart bot {name} ({username})?"),
}
DONE: Final = {
    "start": N_("✅ Bot {username} started successfully"),
    "stop": N_("✅ Bot {username} stopped successfully"),
    "restart": N_("✅ Bot {username} restarted successfully"),
}


def command(word: str) -> Callable[[Person, str], Screen]:
    """The command that asks for a control of the bot that it names."""

    def asked(person: Person, args: str) -> Screen:
        if not args:
            return which_bot(person, f"ask_{word}")
        return _question(person, word, bot_named(person, args))

    return asked


def tap(word: str) -> Callable[[Person, str], Screen]:
    """The tap on a bot's name that asks as the command does."""
    return lambda person, payload: _question(person, word, bot_numbered(person, payload))


def confirmed(word: str) -> Callable[[Person, str], Screen]:
    """The tap on the confirmation. Doing it again, after a crash, changes nothing more."""

    def done(person: Person, payload: str) -> Screen:
        bot = bot_numbered(person, payload)
        CONTROLS[word](person.platform, person.caller, bot.id)
        return person.screen(Text(DONE[word], username=bot.username))

    return done


def reload(person: Person, args: str) -> Screen:
    """Have one bot loaded anew, at once: nothing changes by it."""
    if not args:
        return which_bot(person, "reload")
    return _reloaded(person, [bot_named(person, args)])


def reload_tapped(person: Person, payload: str) -> Screen:
    """The same for the bot of a button."""
    return _reloaded(person, [bot_numbered(person, payload)])


def reload_all(person: Person, _args: str) -> Screen:
    """Ask before all bots are loaded anew."""
    count = len(own_bots(person))
    return confirmation(person, Text("Reload all bots ({count})?", count=count), "do_reload_all", "")


def reload_all_confirmed(person: Person, _payload: str) -> Screen:
    """Do it."""
    return _reloaded(person, own_bots(person))


def _reloaded(person: Person, bots: Sequence[Bot]) -> Screen:
    reload_bots(person.platform, person.caller, [bot.id for bot in bots])
    if len(bots) == 1:
        return person.screen(Text("✅ Bot {username} reloaded successfully", username=bots[0].username))
    return person.screen(Text("✅ Bots reloaded successfully: {count}", count=len(bots)))


def _question(person: Person, word: str, bot: Bot) -> Screen:
    asked = Text(QUESTIONS[word], name=bot.name, username=bot.username)
    return confirmation(person, asked, f"do_{word}", str(bot.id))
