"""The people whom a bot knows: their rows, and whether they can be written to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final, Protocol

from sqlalchemy import ColumnElement, and_, bindparam, case, func, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from models import Bot, Lead
from services.core.storable import storable
from services.platform.database import among_named, insert_by, named_rows, rows_parameter

ACTIVE: Final = "active"
BLOCKED: Final = "blocked"
UNREACHABLE: Final = "unreachable"  # never stored: they have met a former identity of the bot only

# As a table, with the rows as parameters: one statement that is compiled once, whatever their number.
LEADS: Final[Any] = Lead.__table__
BOTS: Final[Any] = Bot.__table__
_PERSON: Final = ("bot_id", "telegram_id")
_NAMES: Final = {"first_name": 64, "last_name": 64, "username": 32, "language": 16}  # and their lengths
Person = tuple[int, int]  # bot, somebody's id at Telegram


class TelegramUser(Protocol):
    """A user as Telegram describes one; the Bot API library's type has this shape, and so have tests' values."""

    @property
    def id(self) -> int: ...
    @property
    def first_name(self) -> str | None: ...
    @property
    def last_name(self) -> str | None: ...
    @property
    def username(self) -> str | None: ...
    @property
    def language_code(self) -> str | None: ...


class KnownBot(Protocol):
    """What is asked of a bot whom people turn to: its row, or these columns of it."""

    @property
    def id(self) -> int: ...
    @property
    def account_id(self) -> int: ...
    @property
    def identity(self) -> int: ...


@dataclass(frozen=True)
class Contact:
    """Somebody turned to a bot, `privately` in their own chat with it or elsewhere, or blocked it."""

    bot: KnownBot
    user: TelegramUser
    at: datetime
    privately: bool = True

    @property
    def person(self) -> Person:
        """Who it is."""
        return self.bot.id, self.user.id


def last_met(
    session: Session, users: Mapping[Person, TelegramUser], since: datetime
) -> dict[Person, datetime]:
    """Of these people, in one query, whose row says what `touch_leads` would write but for the time: when they were last met.

    Whoever was last met before `since` is not among them.
    """
    dialect = session.get_bind().dialect.name
    found = session.execute(_meeting(dialect), {"people": named_rows(dialect, users), "since": since})
    return {
        (bot_id, telegram_id): at
        for bot_id, telegram_id, at, *told in found
        if told == list(_names_of(users[bot_id, telegram_id]).values())
    }


@cache
def _meeting(dialect: str) -> Any:
    """Built once, as `_touching` is: each batch with somebody in it whom the process does not know asks it."""
    names = [LEADS.c[name] for name in _NAMES]
    met = select(LEADS.c.bot_id, LEADS.c.telegram_id, LEADS.c.last_interaction, *names)
    met = met.join(BOTS, and_(BOTS.c.id == LEADS.c.bot_id, BOTS.c.identity == LEADS.c.identity))
    met = met.where(LEADS.c.state == ACTIVE, LEADS.c.last_interaction > bindparam("since"))
    people = rows_parameter(dialect, "people")
    return met.where(among_named(dialect, (LEADS.c.bot_id, LEADS.c.telegram_id), people))


def touch_leads(session: Session, contacts: Sequence[Contact]) -> dict[Person, int]:
    """Note that people wrote to bots: makes leads or refreshes their names; the leads' ids. One statement, and one for all those
    who wrote elsewhere than in their own chat with the bot: a group brings nobody back who has blocked it, nor to its new identity.
    A stranger counts as active until Telegram refuses them. On PostgreSQL two batches with people of both kinds may wait for each
    other: the one that is ended is written once more.
    """
    dialect, ids = session.get_bind().dialect.name, dict[Person, int]()
    in_private = {contact.person for contact in contacts if contact.privately}
    for privately in (True, False):
        those = [contact for contact in contacts if (contact.person in in_private) is privately]
        if those:
            found = session.execute(_touching(dialect, privately=privately), _rows(those, ACTIVE))
            ids |= {(bot_id, telegram_id): lead_id for bot_id, telegram_id, lead_id in found}
    return ids


def block_leads(session: Session, contacts: Sequence[Contact]) -> None:
    """Note that people blocked bots; somebody unknown, who wrote before we served the bot, becomes a lead by it."""
    if contacts:
        session.execute(_blocking(session.get_bind().dialect.name), _rows(contacts, BLOCKED))


@cache
def _touching(dialect: str, *, privately: bool) -> Any:
    """Built once: at a worker's start building it was dearer than running it."""
    statement = insert_by(dialect, LEADS)
    later = func.max if dialect == "sqlite" else func.greatest
    told = (*_NAMES, "identity") if privately else tuple(_NAMES)
    elsewhere = case((LEADS.c.state == BLOCKED, BLOCKED), else_=ACTIVE)  # whoever writes has an account
    changes = {
        **{name: statement.excluded[name] for name in told},
        "state": ACTIVE if privately else elsewhere,
        "last_interaction": later(LEADS.c.last_interaction, statement.excluded.last_interaction),
    }
    statement = statement.on_conflict_do_update(index_elements=_PERSON, set_=changes)
    return statement.returning(LEADS.c.bot_id, LEADS.c.telegram_id, LEADS.c.id)


@cache
def _blocking(dialect: str) -> Any:
    statement = insert_by(dialect, LEADS)
    changes = {name: statement.excluded[name] for name in (*_NAMES, "identity", "state")}
    return statement.on_conflict_do_update(index_elements=_PERSON, set_=changes)


def welcome_back(session: Session, bot: KnownBot, telegram_id: int) -> None:
    """Somebody has unblocked `bot`, as it is now; of a stranger nothing is kept."""
    session.execute(
        update(Lead)
        .where(Lead.bot_id == bot.id, Lead.telegram_id == telegram_id)
        .where(or_(Lead.state != ACTIVE, Lead.identity != bot.identity))
        .values(state=ACTIVE, identity=bot.identity)
        .execution_options(synchronize_session=False)
    )


def is_reachable(identity: int | InstrumentedAttribute[int]) -> ColumnElement[bool]:
    """The condition of leads that a bot of this `identity` can write to."""
    return and_(Lead.state == ACTIVE, Lead.identity == identity)


def present_state(lead: Lead, identity: int) -> str:
    """The lead's state for a bot that has this `identity` now: `unreachable` until they turn to it in private."""
    return lead.state if lead.identity == identity else UNREACHABLE


def set_lead_state(session: Session, bot_id: int, telegram_id: int, state: str) -> None:
    """What is known of whether somebody can be written to; of a stranger nothing is kept."""
    session.execute(
        update(Lead)
        .where(Lead.bot_id == bot_id, Lead.telegram_id == telegram_id, Lead.state != state)
        .values(state=state)
        .execution_options(synchronize_session=False)
    )


def _rows(contacts: Sequence[Contact], state: str) -> list[dict[str, Any]]:
    """One row for each person, whom a statement can change but once; always in one order, so that no two statements wait in a
    circle.
    """
    rows = {
        contact.person: {
            "account_id": contact.bot.account_id,
            "bot_id": contact.bot.id,
            "telegram_id": contact.user.id,
            "state": state,
            "identity": contact.bot.identity,
            "tags": [],
            "first_interaction": contact.at,
            "last_interaction": contact.at,
            **_names_of(contact.user),
        }
        for contact in contacts
    }
    return [rows[person] for person in sorted(rows)]


def _names_of(user: TelegramUser) -> dict[str, str]:
    texts = (user.first_name, user.last_name, user.username, user.language_code)
    return {
        name: storable(str(text or ""))[:longest]
        for (name, longest), text in zip(_NAMES.items(), texts, strict=True)
    }
