"""Where the data of a person lies in the database, over all bots of an account or in one of them.

Not among it, because it says nothing of who they are: counts made of clicks, and outcomes of updates, which go after three
days. The audit trail tells what the account's people did, and ends by its own time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Select, String, cast, or_, select
from sqlalchemy.orm import Session

from models import (
    Base,
    Bot,
    BotAccess,
    Click,
    DeadLetter,
    ExperimentVisitor,
    FlowRun,
    FlowVisit,
    Lead,
    Notification,
    PluginState,
    Start,
    StoredFile,
    Timer,
)
from services.platform.accounts.principal import Principal, get_owned


@dataclass(frozen=True)
class Person:
    """Somebody at Telegram, as the bots `bot_ids` of an account know them."""

    account_id: int
    telegram_id: int
    bot_ids: tuple[int, ...]


@dataclass(frozen=True)
class Traces:
    """All rows about a person."""

    leads: Sequence[Lead]
    starts: Sequence[Start]
    clicks: Sequence[Click]
    experiments: Sequence[ExperimentVisitor]
    files: Sequence[StoredFile]
    plugin_keys: Sequence[PluginState]
    flow_runs: Sequence[FlowRun]
    flow_visits: Sequence[FlowVisit]
    timers: Sequence[Timer]
    dead_letters: Sequence[DeadLetter]
    notifications: Sequence[Notification]
    access_lists: Sequence[BotAccess]

    def counts(self) -> dict[str, int]:
        """How many rows of each kind."""
        return {field.name: len(getattr(self, field.name)) for field in fields(self)}

    def __bool__(self) -> bool:
        return any(self.counts().values())


def person_of(
    session: Session, caller: Principal, telegram_id: int, bot_id: int | str | None = None
) -> Person:
    """Somebody as all bots of the caller's account know them, or of the account of `bot_id`, which an admin may reach.

    Raises NotFound for a bot of somebody else.
    """
    account_id = caller.account_id if bot_id is None else get_owned(session, caller, Bot, bot_id).account_id
    return Person(account_id, telegram_id, bots_of(session, account_id))


def bots_of(session: Session, account_id: int) -> tuple[int, ...]:
    """The account's bots."""
    return tuple(session.scalars(select(Bot.id).where(Bot.account_id == account_id).order_by(Bot.id)))


def find_traces(session: Session, person: Person) -> Traces:
    """All of it: twelve queries, each by an index to the account's or the bots' rows."""
    every = session.scalars
    leads = every(
        select(Lead)
        .where(Lead.account_id == person.account_id, Lead.telegram_id == person.telegram_id)
        .where(Lead.bot_id.in_(person.bot_ids))
        .order_by(Lead.id)
    ).all()
    known = [lead.id for lead in leads]
    return Traces(
        leads=leads,
        starts=every(select(Start).where(Start.lead_id.in_(known)).order_by(Start.id)).all(),
        clicks=every(select(Click).where(Click.lead_id.in_(known)).order_by(Click.at, Click.id)).all(),
        experiments=every(select(ExperimentVisitor).where(ExperimentVisitor.lead_id.in_(known))).all(),
        files=every(_of_person(StoredFile, person).order_by(StoredFile.id)).all(),
        plugin_keys=[row for row in every(_perhaps_keys(person)) if is_about(row, person.telegram_id)],
        flow_runs=every(_of_person(FlowRun, person).order_by(FlowRun.id)).all(),
        flow_visits=every(_of_person(FlowVisit, person).order_by(FlowVisit.first_at, FlowVisit.step)).all(),
        timers=every(_of_person(Timer, person).order_by(Timer.id)).all(),
        dead_letters=list(_naming(every(_perhaps_letters(person)), "payload", person)),
        notifications=list(_naming(every(_perhaps_notifications(person)), "params", person)),
        access_lists=every(_of_person(BotAccess, person).order_by(BotAccess.id)).all(),
    )


def is_about(row: PluginState, telegram_id: int) -> bool:
    """Whether a plugin keeps this about the person: their id is a part of the key between colons, or the whole value."""
    return str(telegram_id) in row.key.split(":") or _is_number(row.value, telegram_id)


def _of_person(table: type[Any], person: Person) -> Select[Any]:
    return select(table).where(table.bot_id.in_(person.bot_ids), table.telegram_id == person.telegram_id)


def _perhaps_keys(person: Person) -> Select[PluginState]:
    number = str(person.telegram_id)
    return (
        select(PluginState)
        .where(PluginState.bot_id.in_(person.bot_ids))
        .where(
            or_(
                PluginState.key.contains(number), cast(PluginState.value, String).in_((number, f'"{number}"'))
            )
        )
        .order_by(PluginState.id)
    )


def _perhaps_letters(person: Person) -> Select[DeadLetter]:
    return (
        select(DeadLetter)
        .where(DeadLetter.account_id == person.account_id, DeadLetter.bot_id.in_(person.bot_ids))
        .where(cast(DeadLetter.payload, String).contains(str(person.telegram_id)))
        .order_by(DeadLetter.id)
    )


def _perhaps_notifications(person: Person) -> Select[Notification]:
    return (
        select(Notification)
        .where(Notification.account_id == person.account_id, Notification.bot_id.in_(person.bot_ids))
        .where(cast(Notification.params, String).contains(str(person.telegram_id)))
        .order_by(Notification.id)
    )


def _naming(rows: Iterator[Base] | Any, column: str, person: Person) -> Iterator[Any]:
    for row in rows:
        if any(_is_number(leaf, person.telegram_id) for leaf in _leaves(getattr(row, column))):
            yield row


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for each in value.values():
            yield from _leaves(each)
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each)
    else:
        yield value


def _is_number(value: Any, number: int) -> bool:
    return not isinstance(value, bool) and (value == number or value == str(number))
