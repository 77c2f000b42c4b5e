"""Whom a bot answers, as its owner says: lists of people, maintenance, captcha. Every change is made under the bot's lock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from models import AccessList, Bot, BotAccess
from services.core.errors import Conflict, InvalidInput, NotFound
from services.core.i18n import Text
from services.core.identifiers import is_telegram_id
from services.core.times import utc_now
from services.fleet.bots.access_rules import Access, AccessEntry, AccessRules
from services.fleet.bots.declaration import refuse_declared
from services.fleet.bots.registry import locked
from services.fleet.bots.signals import bot_changed
from services.platform.accounts.looking import looking
from services.platform.accounts.principal import Principal, audit, get_owned
from services.platform.platform import Platform

MOST_ENTRIES: Final = 10_000  # of one list; every process that serves the bot holds them in memory
LONGEST_NOTE: Final = 200
LONGEST_MESSAGE: Final = 1000
FIELDS: Final = {
    AccessList.ALLOWED: "allowed_users",
    AccessList.BLOCKED: "blocked_users",
    AccessList.ADMIN: "admin_users",
}


@dataclass(frozen=True)
class AccessChange:
    """What is to be different; None stays. A list is replaced whole."""

    allowed: Sequence[AccessEntry] | None = None
    blocked: Sequence[AccessEntry] | None = None
    admins: Sequence[AccessEntry] | None = None
    maintenance: bool | None = None
    maintenance_message: str | None = None
    captcha: bool | None = None

    @property
    def lists(self) -> dict[AccessList, Sequence[AccessEntry]]:
        """The lists to be replaced."""
        given = zip(AccessList, (self.allowed, self.blocked, self.admins), strict=True)
        return {name: entries for name, entries in given if entries is not None}

    @property
    def switches(self) -> dict[str, bool | str]:
        """The columns of the bot to be set."""
        given = {
            "maintenance": self.maintenance,
            "maintenance_message": self.maintenance_message,
            "captcha": self.captcha,
        }
        return {name: value for name, value in given.items() if value is not None}


def get_access(platform: Platform, caller: Principal, bot_id: int | str) -> AccessRules:
    """The rules of the caller's bot as far as they are in force; NotFound otherwise."""
    with looking(platform, caller) as session:
        return rules_of(session, get_owned(session, caller, Bot, bot_id), utc_now())


def set_access(platform: Platform, caller: Principal, bot_id: int | str, change: AccessChange) -> AccessRules:
    """Replace the lists and switches that are given, all or none.

    InvalidInput names the entry: `telegram_id_invalid`, `until_past` (unless the entry stood so before: then it is
    dropped as ended), `note_too_long`, `access_twice`, `message_too_long`. Conflict `quota_exceeded`, `declared_in_file`.
    """
    now = utc_now()
    with platform.database.transaction() as session:
        bot = _changeable(session, caller, bot_id)
        write_access(session, bot, change, now)
        counts = {FIELDS[name]: len(entries) for name, entries in change.lists.items()}
        _changed(session, caller, bot, "bot_access_set", now, {**counts, **change.switches})
        rules = rules_of(session, bot, now)
    bot_changed(platform, bot.id)
    return rules


def put_entry(
    platform: Platform, caller: Principal, bot_id: int | str, name: AccessList, entry: AccessEntry
) -> AccessRules:
    """Put somebody on a list, or change since when and why; errors as those of `set_access`."""
    now = utc_now()
    with platform.database.transaction() as session:
        bot = _changeable(session, caller, bot_id)
        _check(entry, (), now, "")
        row = _row(session, bot.id, name, entry.telegram_id)
        if row is None:
            row = BotAccess(bot_id=bot.id, list=name, telegram_id=entry.telegram_id)
            session.add(row)
        row.until, row.note = entry.until, entry.note
        until = entry.until.isoformat() if entry.until else None
        details = {"list": name, "telegram_id": entry.telegram_id, "until": until}
        _changed(session, caller, bot, "bot_access_put", now, details)
        rules = rules_of(session, bot, now)
        _refuse_too_many(name, len(rules.lists.of(name)))
    bot_changed(platform, bot.id)
    return rules


def remove_entry(
    platform: Platform, caller: Principal, bot_id: int | str, name: AccessList, telegram_id: int
) -> None:
    """Take somebody off a list; NotFound `access_not_found` for who is not on it."""
    with platform.database.transaction() as session:
        bot = _changeable(session, caller, bot_id)
        row = _row(session, bot.id, name, telegram_id)
        if row is None:
            raise NotFound("Nobody with this Telegram id is on the list", code="access_not_found")
        session.delete(row)
        details = {"list": name, "telegram_id": telegram_id}
        _changed(session, caller, bot, "bot_access_removed", utc_now(), details)
    bot_changed(platform, bot.id)


def write_access(session: Session, bot: Bot, change: AccessChange, now: datetime) -> None:
    """Replace what is given of a locked bot's access, in the caller's transaction; errors as those of `set_access`."""
    if len(change.maintenance_message or "") > LONGEST_MESSAGE:
        too_long = Text("The message has at most {most} characters", most=LONGEST_MESSAGE)
        raise InvalidInput(too_long, code="message_too_long", field="maintenance_message")
    before = rules_of(session, bot, None)
    for name, entries in change.lists.items():
        _replace(session, bot.id, name, entries, before.lists.of(name), now)
    for field, value in change.switches.items():
        setattr(bot, field, value)


def rules_of(session: Session, bot: Bot, now: datetime | None) -> AccessRules:
    """The rules of a bot; entries that have ended by `now` are left out, none without it."""
    return rules_of_many(session, [bot], now)[bot.id]


def rules_of_many(session: Session, bots: Sequence[Bot], now: datetime | None) -> dict[int, AccessRules]:
    """By id the rules of these bots, as `rules_of` says, in one query."""
    lists: dict[tuple[int, str], list[AccessEntry]] = {}
    columns = (BotAccess.bot_id, BotAccess.list, BotAccess.telegram_id, BotAccess.until, BotAccess.note)
    for bot_id, name, telegram_id, until, note in session.execute(
        select(*columns).where(BotAccess.bot_id.in_([bot.id for bot in bots])).order_by(BotAccess.id)
    ):
        entry = AccessEntry(telegram_id, until, note)
        if now is None or entry.is_in_force(now):
            lists.setdefault((bot_id, name), []).append(entry)
    return {
        bot.id: AccessRules(
            Access(*(tuple(lists.get((bot.id, name), ())) for name in AccessList)),
            bot.maintenance,
            bot.maintenance_message,
            bot.captcha,
        )
        for bot in bots
    }


def _changeable(session: Session, caller: Principal, bot_id: int | str) -> Bot:
    """The caller's bot, locked; Conflict `declared_in_file` for one whose access a file says."""
    bot = locked(session, caller, bot_id)
    refuse_declared(bot, behaviour=False)
    return bot


def _replace(
    session: Session,
    bot_id: int,
    name: AccessList,
    entries: Sequence[AccessEntry],
    former: Sequence[AccessEntry],
    now: datetime,
) -> None:
    """Make a list what is wanted; rows of those who stay on it keep their age."""
    for index, entry in enumerate(entries):
        _check(entry, former, now, f"{FIELDS[name]}.{index}.")
    _refuse_twice(name, entries)
    _refuse_too_many(name, len(entries))
    wanted = {entry.telegram_id: entry for entry in entries}
    present = session.scalars(select(BotAccess).where(BotAccess.bot_id == bot_id, BotAccess.list == name))
    for row in present.all():
        if row.telegram_id in wanted:
            entry = wanted.pop(row.telegram_id)
            row.until, row.note = entry.until, entry.note
        else:
            session.delete(row)
    session.add_all(
        BotAccess(bot_id=bot_id, list=name, telegram_id=one.telegram_id, until=one.until, note=one.note)
        for one in wanted.values()
    )


def _changed(
    session: Session, caller: Principal, bot: Bot, kind: str, now: datetime, details: dict[str, object]
) -> None:
    """Note the change, and forget the entries that have ended."""
    session.flush()
    session.execute(delete(BotAccess).where(BotAccess.bot_id == bot.id, BotAccess.until <= now))
    bot.config_version += 1
    audit(session, caller, kind, account_id=bot.account_id, bot_id=bot.id, changes=details)


def _check(entry: AccessEntry, former: Iterable[AccessEntry], now: datetime, place: str) -> None:
    """Raise InvalidInput for what cannot be on a list."""
    if not is_telegram_id(entry.telegram_id):
        raise InvalidInput(
            "A Telegram id is a whole number, such as 123456789",
            code="telegram_id_invalid",
            field=f"{place}telegram_id",
        )
    if len(entry.note) > LONGEST_NOTE:
        too_long = Text("A note has at most {most} characters", most=LONGEST_NOTE)
        raise InvalidInput(too_long, code="note_too_long", field=f"{place}note")
    if not entry.is_in_force(now) and all(
        (entry.telegram_id, entry.until) != (one.telegram_id, one.until) for one in former
    ):
        raise InvalidInput("The end lies in the past", code="until_past", field=f"{place}until")


def _refuse_twice(name: AccessList, entries: Sequence[AccessEntry]) -> None:
    for telegram_id, count in Counter(entry.telegram_id for entry in entries).items():
        if count > 1:
            twice = Text("{id} is on the list twice", id=str(telegram_id))
            raise InvalidInput(twice, code="access_twice", field=FIELDS[name])


def _refuse_too_many(name: AccessList, count: int) -> None:
    if count > MOST_ENTRIES:
        full = Text("A list holds at most {most} people; take some off first", most=MOST_ENTRIES)
        raise Conflict(full, code="quota_exceeded", field=FIELDS[name])


def _row(session: Session, bot_id: int, name: AccessList, telegram_id: int) -> BotAccess | None:
    return session.scalar(
        select(BotAccess).where(
            BotAccess.bot_id == bot_id, BotAccess.list == name, BotAccess.telegram_id == telegram_id
        )
    )
