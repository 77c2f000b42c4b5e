"""The manager bot's way into the house: for each update the fleet of whoever is behind it, by their link and by nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from plugins.context import Context
from plugins.fleet import Fleet, Screen
from services.core.errors import FlotillaError, Unavailable
from services.core.i18n import Text, translate
from services.operations.manager import account, newbots, registering, sensitive
from services.operations.manager.commands import COMMANDS, TAPS, Answer
from services.operations.manager.person import Person
from services.platform.accounts.principal import audit
from services.platform.accounts.telegram_links import LinkedPerson, link_person, linked_person
from services.platform.platform import Platform
from services.platform.redis import keys

NOTICE_SECONDS: Final = 86_400  # between two lines to the same stranger or group
STRANGER: Final = Text(
    "👋 I only help the people of this installation. If you are one of them, open your link in the panel."
)
NOT_IN_GROUPS: Final = Text("🔒 I answer in private chats only.")
UNKNOWN: Final = Text("I do not know this command. Send /help for all of them.")


class ManagerDesk:
    """Gives the manager bot's plugin the fleet of the person behind an update."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def __call__(self, ctx: Context) -> Fleet:
        """The fleet for one update."""
        return PersonsFleet(self._platform, ctx)


class PersonsFleet:
    """The fleet of the person behind one update; who that is, is looked up when something is asked."""

    def __init__(self, platform: Platform, ctx: Context) -> None:
        self._platform = platform
        self._ctx = ctx

    def command(self, name: str, args: str) -> Screen | None:
        """See `plugins.fleet.Fleet`."""
        if name == "start" and args and self._may_be_linked():
            return self._link(args)
        person = self._person()
        if person is None:
            return self._said_once(STRANGER)
        if name not in COMMANDS:
            return person.screen(UNKNOWN)
        self._record(person.linked, name)
        return _answered(person, COMMANDS[name], args)

    def tap(self, action: str, payload: str) -> Screen | None:
        """See `plugins.fleet.Fleet`."""
        person = self._person()
        return _answered(person, TAPS[action], payload) if person and action in TAPS else None

    def in_group(self) -> Screen | None:
        """See `plugins.fleet.Fleet`."""
        return self._said_once(NOT_IN_GROUPS)

    def tokens_in(self, update: dict[str, Any]) -> list[str]:
        """See `plugins.fleet.Fleet`."""
        return registering.tokens_in(update)

    def register(self, tokens: Sequence[str], *, was_deleted: bool) -> Screen | None:
        """See `plugins.fleet.Fleet`."""
        if not tokens:
            return Screen(translate(registering.IN_GROUP, self._ctx.lead.language))
        person = self._person()
        if person is None:
            return self._said_once(STRANGER)
        return registering.register(person, tokens, was_deleted=was_deleted)

    def code_in(self, update: dict[str, Any]) -> str:
        """See `plugins.fleet.Fleet`. Of a stranger no message is a code."""
        code = sensitive.code_in(update)
        return code if code and self._person() else ""

    def confirm(self, code: str, *, was_deleted: bool) -> Screen | None:
        """See `plugins.fleet.Fleet`."""
        person = self._person()
        return sensitive.confirm(person, code, was_deleted=was_deleted) if person else None

    def approved(self, request: str) -> Screen | None:
        """See `plugins.fleet.Fleet`."""
        person = self._person()
        return _answered(person, sensitive.approved, request) if person else None

    def managed(self, update: dict[str, Any]) -> Screen | None:
        """See `plugins.fleet.Fleet`."""
        return newbots.managed(self._platform, self._person(), self._ctx.lead.language, update)

    def _person(self) -> Person | None:
        if not self._may_be_linked():
            return None
        found = linked_person(self._platform, self._ctx.lead.telegram_id)
        return None if found is None else self._as_person(found)

    def _may_be_linked(self) -> bool:
        allowed = self._platform.settings.allowed_admin_ids
        return not allowed or self._ctx.lead.telegram_id in allowed

    def _as_person(self, found: LinkedPerson) -> Person:
        return Person(self._platform, found, found.locale or self._ctx.lead.language)

    def _link(self, code: str) -> Screen:
        """Use up a code; a linked person's second tap on the same link finds what the first one did."""
        lead = self._ctx.lead
        name = f"{lead.first_name} {lead.last_name}".strip() or lead.username
        try:
            person = self._as_person(link_person(self._platform, lead.telegram_id, name, code))
        except Unavailable:
            raise
        except FlotillaError as error:
            known = self._person()
            if known is None or error.code != "link_code_wrong":
                return Screen(f"⚠️ {translate(error.text, known.language if known else lead.language)}")
            person = known
        welcome = account.start(person, "")
        return Screen("\n".join([welcome.text, *newbots.take_waiting(person)]))

    def _record(self, linked: LinkedPerson, name: str) -> None:
        with self._platform.database.transaction() as session:
            audit(session, linked.principal, "manager_command", command=f"/{name}")

    def _said_once(self, text: Text) -> Screen | None:
        """The text, unless it was said in this chat within a day."""
        key = keys.notice(self._ctx.bot.id, f"chat:{self._ctx.chat_id}")
        if not self._platform.redis.set(key, "1", nx=True, ex=NOTICE_SECONDS):
            return None
        return Screen(translate(text, self._ctx.lead.language))


def _answered(person: Person, answer: Answer, asked: str) -> Screen:
    """What `answer` says, or why it cannot; a database that is away is not an answer: the update waits."""
    try:
        return answer(person, asked)
    except Unavailable:
        raise
    except FlotillaError as error:
        return Screen(f"⚠️ {person.say(error.text)}")
