"""What takes more than a tap: a code of the account's second factor, good for half an hour, or else a word in the panel.

Whether it may be done is asked where it is done, so that no road leads around it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from models import ChatRequest, ChatRequestState, TelegramLink
from plugins.fleet import FleetButton, Screen
from services.core.errors import FlotillaError, InvalidInput, Unavailable
from services.core.i18n import Text
from services.core.redaction import CODE
from services.core.times import utc_now
from services.core.url_safety import check_link
from services.operations.manager import exporting, reloading, removing, replacing, rotating, waiting
from services.operations.manager.finding import bot_named
from services.operations.manager.person import CANCEL, Person
from services.platform.accounts.code_limits import ChatGuesses
from services.platform.accounts.principal import audit
from services.platform.accounts.second_factor import verify_code
from services.platform.platform import Platform

WAITING: Final = ChatRequestState.WAITING
PAGE: Final = "/panel/confirmations"
NOT_DELETED: Final = Text("⚠️ I could not delete your message with the code. Delete it yourself.")
NOTHING_WAITS: Final = Text("Nothing waits for a code. Send the command first.")


@dataclass(frozen=True)
class Deed:
    """Something sensitive: what it is, in words that stand alone, and the doing of it. Doing it again changes nothing more."""

    words: Callable[[Person, str], Text]
    do: Callable[[Person, str], Screen]
    waits_on: bool = False  # it is not over with the doing: a token is to follow


DEEDS: Final[Mapping[str, Deed]] = {  # by command
    "delete_bot": Deed(removing.words, removing.delete),
    "reload_all": Deed(reloading.words, reloading.reload_everything),
    "export": Deed(exporting.words, exporting.export),
    "replace_token": Deed(replacing.words, replacing.expect_token, waits_on=True),
    "rotate_token": Deed(rotating.words, rotating.rotate_confirmed),
}


def guarded(command: str) -> Callable[[Person, str], Screen]:
    """The tap that does the command's deed, or asks for what it takes."""
    deed = DEEDS[command]

    def tapped(person: Person, payload: str) -> Screen:
        if person.linked.is_confirmed(utc_now()):
            return deed.do(person, payload)
        return _asked(person, waiting.ask(person, command, payload, deed.words(person, payload)))

    return tapped


def export(person: Person, args: str) -> Screen:
    """/export, which asks for nothing else than what it takes."""
    return guarded("export")(person, str(bot_named(person, args).id)) if args else exporting.choose(person)


def dropped(person: Person, request_id: str) -> Screen:
    """It is not wanted any more."""
    waiting.drop(person, request_id)
    return person.screen(Text("Cancelled."))


def code_in(update: Mapping[str, Any]) -> str:
    """The code that the text of a message is and nothing else; "" where it is none."""
    message = update.get("message")
    text = message.get("text") if isinstance(message, dict) else None
    return text if isinstance(text, str) and CODE.fullmatch(text) else ""


def confirm(person: Person, code: str, *, was_deleted: bool) -> Screen:
    """Take a code and do what waits for it. Raises Unavailable alone: then the update is handled again."""
    try:
        screen = _with_code(person, code)
    except Unavailable:
        raise
    except FlotillaError as error:
        screen = Screen(f"❌ {person.say(error.text)}")
    if was_deleted:
        return screen
    return Screen(f"{person.say(NOT_DELETED)}\n{screen.text}", screen.buttons, screen.file)


def approved(person: Person, request_id: str) -> Screen:
    """Do what was approved in the panel. Raises as the deed."""
    found = waiting.request_of(person)
    if found is None or found.id != request_id or found.state == WAITING:
        return person.screen(Text("This is not waiting any more. Send the command again."))
    return _done(person, found)


def _with_code(person: Person, code: str) -> Screen:
    found = waiting.request_of(person)
    if found is None:
        return person.screen(NOTHING_WAITS)
    if person.linked.second_factor_since is None:
        return _asked(person, found) if found.state == WAITING else person.screen(NOTHING_WAITS)
    if not person.linked.is_confirmed(utc_now()):  # else it was taken a moment ago, before a crash
        _take(person, code)
    return _done(person, found)


def _take(person: Person, code: str) -> None:
    """Use the code up and note when; raises Forbidden and RateLimited."""
    guesses = ChatGuesses(person.platform, person.linked.email, person.linked.telegram_id)
    guesses.count()
    now = utc_now()
    with person.platform.database.transaction() as session:
        verify_code(session, person.platform.vault, person.caller, code, now=now)
        session.get_one(TelegramLink, person.linked.link_id).confirmed_at = now
        audit(session, person.caller, "code_confirmed")
    guesses.forget()


def _done(person: Person, request: ChatRequest) -> Screen:
    if request.state == ChatRequestState.DONE:
        return person.screen(Text("This was done already."))
    deed = DEEDS[request.action]
    screen = deed.do(person, request.payload)
    if not deed.waits_on:
        waiting.note_done(person, request.id)
    return screen


def _asked(person: Person, request: ChatRequest) -> Screen:
    """The screen that asks for what the request takes."""
    cancel = FleetButton(person.say(CANCEL), "drop", request.id)
    if person.linked.second_factor_since is not None:
        text = Text(
            "🔐 {words}\n\nSend me a code of your authenticator app, within 5 minutes. I delete your message at once.",
            words=request.words,
        )
        return person.screen(text, [[cancel]])
    text = Text(
        "🔐 {words}\n\nApprove it in the panel within 5 minutes: My account → Manager bot. I answer here.",
        words=request.words,
    )
    address = _address(person.platform)
    opening = [[FleetButton(person.say(Text("🖥️ Open the panel")), url=address)]] if address else []
    return person.screen(text, [*opening, [cancel]])


def _address(platform: Platform) -> str:
    """Where the panel's page is, if a button may open it; "" else."""
    base = platform.settings.public_url or platform.settings.webhook_base_url
    address = f"{base}{PAGE}" if base else ""
    try:
        check_link(address)
    except InvalidInput:
        return ""
    return address
