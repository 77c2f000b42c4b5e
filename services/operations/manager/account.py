"""/start, /help, /whoami and /unlink: who the person is here, and what they may ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from plugins.fleet import Screen
from services.core.i18n import N_, Text
from services.operations.manager.person import Person, confirmation
from services.platform.accounts.telegram_links import unlink_person

# The menu that Telegram shows, in its order; each word with what it does.
MENU: Final[Mapping[str, str]] = {
    "status": N_("State of your bots, or of one"),
    "list": N_("Your bots with their ids"),
    "health": N_("Whether all is well"),
    "start_bot": N_("Start a bot"),
    "stop_bot": N_("Stop a bot"),
    "restart_bot": N_("Restart a bot"),
    "reload": N_("Load a bot anew"),
    "reload_all": N_("Load all bots anew"),
    "export": N_("A bot's configuration as a file"),
    "replace_token": N_("Give a bot a new token"),
    "delete_bot": N_("Delete a bot"),
    "pools": N_("Your pools"),
    "pool": N_("A pool with its members"),
    "pause_pool": N_("Pause a pool, or let it go on"),
    "stats": N_("The last hour in numbers"),
    "broadcasts": N_("How far each broadcast is; pause, resume or stop it"),
    "dead_letters": N_("What was given up, and sending it in again"),
    "logs": N_("Last events of a bot"),
    "new_bot": N_("Make a new bot by one tap"),
    "rotate_token": N_("End a bot's token; it gets a new one"),
    "whoami": N_("Who you are here"),
    "unlink": N_("End the link to your account"),
    "help": N_("All commands"),
}


def start(person: Person, _args: str) -> Screen:
    """A welcome."""
    return person.screen(
        Text(
            "👋 You are linked to {email}. Paste a token from @BotFather to add a bot, or send /help.",
            email=person.linked.email,
        )
    )


def show_help(person: Person, _args: str) -> Screen:
    """All commands."""
    lines = [f"/{word} – {person.say(Text(MENU[word]))}" for word in MENU]
    paste = Text("Paste a token from @BotFather to add a bot; I delete your message at once.")
    return Screen("\n".join([*lines, "", person.say(paste)]))


def whoami(person: Person, _args: str) -> Screen:
    """The account, and the person's number at Telegram."""
    number = person.say(Text("Telegram id: {id}", id=str(person.linked.telegram_id)))
    return Screen(f"👤 {person.linked.email}\n{number}")


def unlink(person: Person, _args: str) -> Screen:
    """Ask before the link ends."""
    asked = Text(
        "End your link to {email}? You will need a new link to come back.", email=person.linked.email
    )
    return confirmation(person, asked, "do_unlink", "")


def unlink_confirmed(person: Person, _payload: str) -> Screen:
    """End it."""
    unlink_person(person.platform, person.caller, person.linked.telegram_id)
    return person.screen(Text("👋 You are not linked any more."))


def cancelled(person: Person, _payload: str) -> Screen:
    """Nothing was done."""
    return person.screen(Text("Cancelled."))
