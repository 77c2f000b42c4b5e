"""Claiming people in the ledger and writing down what came of them. Each function belongs to its caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, bindparam, func, select, update
from sqlalchemy.orm import Session

from models import Bot, Broadcast, BroadcastKind, BroadcastRecipient, Lead, RecipientStatus
from services.core.times import utc_now
from services.messaging.broadcasts.outcomes import Outcome
from services.messaging.broadcasts.rendering import Reader
from services.traffic.audience.conditions import OPTED_OUT
from services.traffic.clicks.leads import ACTIVE

ROW: Final = BroadcastRecipient
MOST_CAUSES: Final = 50  # different ones that are counted


@dataclass(frozen=True)
class Claimed:
    """One claimed row: who, which variant, and of an older message its number."""

    reader: Reader
    variant: int
    message_id: int | None


def claim(session: Session, broadcast: Broadcast, shares: Mapping[int, int]) -> dict[int, list[Claimed]]:
    """Claim so many people per bot, and skip those who are not to be written to any more; bot -> the claimed.

    A bot with fewer than its share has nobody left who waits.
    """
    found: dict[int, list[Claimed]] = {}
    for bot_id, number in shares.items():
        rows = session.execute(
            select(ROW.telegram_id, ROW.variant, ROW.message_id)
            .where(
                ROW.broadcast_id == broadcast.id,
                ROW.bot_id == bot_id,
                ROW.status == RecipientStatus.WAITING,
            )
            .order_by(ROW.telegram_id)
            .limit(number)
        ).all()
        found[bot_id] = []
        if rows:
            mark(session, broadcast.id, [row[0] for row in rows], RecipientStatus.QUEUED)
            found[bot_id] = readers(session, broadcast, bot_id, rows)
    return found


def readers(session: Session, broadcast: Broadcast, bot_id: int, rows: Sequence[Any]) -> list[Claimed]:
    """Claimed rows (person, variant, message) as people; the others are skipped, each with its cause."""
    ids = [row[0] for row in rows]
    bot = session.get(Bot, bot_id)
    leads = {
        lead.telegram_id: lead
        for lead in session.scalars(select(Lead).where(Lead.bot_id == bot_id, Lead.telegram_id.in_(ids)))
    }
    causes = {person: _against(broadcast, bot, leads.get(person)) for person in ids}
    for cause in sorted({cause for cause in causes.values() if cause}):
        skip(session, broadcast, [person for person, why in causes.items() if why == cause], cause)
    return [
        Claimed(_reader(bot, leads.get(person), person), variant, message_id)
        for person, variant, message_id in rows
        if bot is not None and not causes[person]
    ]


def _against(broadcast: Broadcast, bot: Bot | None, lead: Lead | None) -> str:
    """Why somebody is not written to though the ledger has them; what was sent is changed all the same."""
    if bot is None:
        return "bot_gone"
    if broadcast.kind != BroadcastKind.SEND:
        return ""
    if lead is None:
        return "person_erased"
    if OPTED_OUT in lead.tags:
        return OPTED_OUT
    if lead.state != ACTIVE:
        return lead.state
    return "" if lead.identity == bot.identity else "not_returned"


def _reader(bot: Bot | None, lead: Lead | None, person: int) -> Reader:
    name = bot.name if bot is not None else ""
    bot_id = bot.id if bot is not None else 0
    if lead is None:
        return Reader(bot_id, name, person)
    return Reader(bot_id, name, person, lead.first_name, lead.last_name, lead.username, lead.language)


def mark(session: Session, broadcast_id: int, people: Iterable[int], status: RecipientStatus) -> None:
    """Give these rows a status."""
    session.execute(
        update(ROW)
        .where(ROW.broadcast_id == broadcast_id, ROW.telegram_id.in_(list(people)))
        .values(status=status, at=utc_now())
        .execution_options(synchronize_session=False)
    )


def skip(session: Session, broadcast: Broadcast, people: list[int], cause: str) -> None:
    """These are not written to."""
    settle(session, broadcast, {person: Outcome(RecipientStatus.SKIPPED, cause) for person in people})


def settle(
    session: Session, broadcast: Broadcast, outcomes: Mapping[int, Outcome]
) -> list[tuple[int, Outcome]]:
    """Write down what came of claimed people; of those who are settled already nothing changes. (bot, outcome) of each that was.

    The broadcast's row is locked by the caller, so counts and rows agree.
    """
    claimed = session.execute(
        select(ROW.telegram_id, ROW.bot_id).where(
            ROW.broadcast_id == broadcast.id,
            ROW.telegram_id.in_(list(outcomes)),
            ROW.status == RecipientStatus.QUEUED,
        )
    ).all()
    if not claimed:
        return []
    now, table = utc_now(), ROW.__table__
    statement = (
        update(table)  # type: ignore[arg-type]
        .where(table.c.broadcast_id == broadcast.id, table.c.telegram_id == bindparam("person"))
        .values(
            status=bindparam("became"),
            cause=bindparam("why"),
            message_id=func.coalesce(bindparam("number", type_=BigInteger), table.c.message_id),
            at=bindparam("now"),
        )
    )
    session.connection().execute(statement, [_values(person, outcomes[person], now) for person, _ in claimed])
    _count(broadcast, [outcomes[person] for person, _ in claimed])
    return [(bot_id, outcomes[person]) for person, bot_id in claimed]


def _values(person: int, outcome: Outcome, now: datetime) -> dict[str, Any]:
    return {
        "person": person,
        "became": str(outcome.status),
        "why": outcome.cause,
        "number": outcome.message_id,
        "now": now,
    }


def _count(broadcast: Broadcast, outcomes: Iterable[Outcome]) -> None:
    counts = dict(broadcast.counts)
    causes = dict(counts.get("causes", {}))
    for outcome in outcomes:
        if outcome.status is RecipientStatus.WAITING:
            continue
        counts[outcome.status] = counts.get(outcome.status, 0) + 1
        if outcome.cause and (outcome.cause in causes or len(causes) < MOST_CAUSES):
            causes[outcome.cause] = causes.get(outcome.cause, 0) + 1
    broadcast.counts = {**counts, "causes": causes}


def waiting_by_bot(session: Session, broadcast_id: int) -> dict[int, int]:
    """Bot id -> people who wait."""
    return _by_bot(session, broadcast_id, RecipientStatus.WAITING)


def queued_by_bot(session: Session, broadcast_id: int) -> dict[int, int]:
    """Bot id -> people who were claimed and are not settled."""
    return _by_bot(session, broadcast_id, RecipientStatus.QUEUED)


def _by_bot(session: Session, broadcast_id: int, status: RecipientStatus) -> dict[int, int]:
    rows = session.execute(
        select(ROW.bot_id, func.count())
        .where(ROW.broadcast_id == broadcast_id, ROW.status == status)
        .group_by(ROW.bot_id)
    )
    return {row[0]: row[1] for row in rows}


def queued(session: Session, broadcast_id: int, before: datetime) -> list[Any]:
    """(bot, person, variant, message) of rows that were claimed before that moment and are not settled."""
    return list(
        session.execute(
            select(ROW.bot_id, ROW.telegram_id, ROW.variant, ROW.message_id)
            .where(ROW.broadcast_id == broadcast_id, ROW.status == RecipientStatus.QUEUED, ROW.at <= before)
            .order_by(ROW.bot_id, ROW.telegram_id)
        )
    )
