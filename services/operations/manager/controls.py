"""/start_bot, /stop_bot and /restart_bot: asked, confirmed, done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from models import Bot
from plugins.fleet import Screen
from services.core.i18n import N_, Text
from services.fleet.bots.lifecycle import restart_bot, start_bot, stop_bot
from services.operations.manager.finding import bot_named, bot_numbered, which_bot
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


def _question(person: Person, word: str, bot: Bot) -> Screen:
    asked = Text(QUESTIONS[word], name=bot.name, username=bot.username)
    return confirmation(person, asked, f"do_{word}", str(bot.id))
