"""/export: a bot's configuration as the YAML document that the panel gives, which holds no token."""

from __future__ import annotations

from models import Bot
from plugins.fleet import FleetFile, Screen
from services.core.i18n import Text
from services.fleet.declared.exchange import configuration_file
from services.operations.manager.finding import bot_numbered, which_bot
from services.operations.manager.person import Person
from services.platform.accounts.principal import audit


def choose(person: Person) -> Screen:
    """Let the person tap the bot."""
    return which_bot(person, "do_export")


def words(person: Person, payload: str) -> Text:
    """What exporting is."""
    return Text("Send you the configuration of @{username}", username=bot_numbered(person, payload).username)


def export(person: Person, payload: str) -> Screen:
    """The document."""
    bot = bot_numbered(person, payload)
    platform = person.platform
    document = configuration_file(platform, person.caller, bot.id, platform.settings.public_url)
    _record(person, bot)
    text = Text("📄 Configuration of @{username}, without its token", username=bot.username)
    return Screen(person.say(text), file=FleetFile(f"{bot.username}.yml", document))


def _record(person: Person, bot: Bot) -> None:
    with person.platform.database.transaction() as session:
        audit(session, person.caller, "bot_configuration_exported", bot_id=bot.id)
