"""Claiming people in the ledger and writing down what came of them. Each function belongs to its caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, Select, and_, bindparam, func, select, update
from sqlalchemy.orm import Session

from models import Bot, Broadcast, BroadcastKind, BroadcastRecipient, Lead, RecipientStatus
from plugins.database import OPTED_OUT
from services.core.times import utc_now
from services.messaging.broadcasts.outcomes import Outcome
from services.messaging.broadcasts.rendering import Reader
from services.traffic.clicks.leads import ACTIVE

ROW: Final = BroadcastRecipient
LEAD: Final = (  # what is asked of a person
    Lead.first_name,
    Lead.last_name,
    Lead.username,
    Lead.language,
    Lead.tags,
    Lead.state,
    Lead.identity,
)
MOST_CAUSES: Final = 50  # different ones that are counted


@dataclass(frozen=True)
class Claimed:
    """One claimed row: who, which variant, and of an older message its number."""

    reader: Reader
    variant: int
    message_id: int | None


@dataclass(frozen=True)
class Chosen:
    """People per bot who are to be written to, and why others in the ledger are not: person -> cause."""

    people: dict[int, list[Claimed]]
    causes: dict[int, str]
    exhausted: set[int] = field(default_factory=set)  # bots with nobody left who waits

    @property
    def claimed(self) -> list[Claimed]:
        """Those who are to be written to."""
        return [each for those in self.people.values() for each in those]

    @property
    def everybody(self) -> list[int]:
        """All of them."""
        return [each.reader.telegram_id for each in self.claimed] + [*self.causes]


def choose(session: Session, broadcast_id: int, kind: str, shares: Mapping[int, int]) -> Chosen:
    """Who is next, so many people per bot; nothing is changed, so nobody waits for it.

    A bot with fewer than its share has nobody left who waits: `exhausted`.
    """
    rows: dict[int, Sequence[Any]] = {}
    for bot_id, number in shares.items():
        waiting = _rows(broadcast_id, RecipientStatus.WAITING).where(ROW.bot_id == bot_id)
        rows[bot_id] = session.execute(waiting.order_by(ROW.telegram_id).limit(number)).all()
    found = judge(session, kind, rows)
    found.exhausted.update(bot_id for bot_id, number in shares.items() if len(rows[bot_id]) < number)
    return found


def _rows(broadcast_id: int, status: RecipientStatus) -> Select[Any]:
    """People of the ledger in that state, with what is known of them: Nones for who was erased."""
    same = and_(Lead.bot_id == ROW.bot_id, Lead.telegram_id == ROW.telegram_id)
    return (
        select(ROW.bot_id, ROW.telegram_id, ROW.variant, ROW.message_id, ROW.at, *LEAD)
        .outerjoin(Lead, same)
        .where(ROW.broadcast_id == broadcast_id, ROW.status == status)
    )


def judge(session: Session, kind: str, rows: Mapping[int, Sequence[Any]]) -> Chosen:
    """Rows per bot as people, and who of them is not to be written to any more."""
    found = Chosen({}, {})
    asked = session.execute(select(Bot.id, Bot.name, Bot.identity).where(Bot.id.in_(list(rows))))
    bots = {bot.id: bot for bot in asked}
    for bot_id, those in rows.items():
        found.people[bot_id] = []
        for row in those:
            bot, lead = bots.get(bot_id), row if row.state is not None else None
            cause = _against(kind, bot, lead)
            if cause:
                found.causes[row.telegram_id] = cause
            else:
                reader = _reader(bot, lead, row.telegram_id)
                found.people[bot_id].append(Claimed(reader, row.variant, row.message_id))
    return found


def claim(session: Session, broadcast: Broadcast, chosen: Chosen) -> bool:
    """Claim the chosen, and settle those who are skipped; False when somebody else has claimed one of them meanwhile."""
    wanted = chosen.everybody
    claimed: Any = session.execute(
        update(ROW)
        .where(ROW.broadcast_id == broadcast.id, ROW.telegram_id.in_(wanted))
        .where(ROW.status == RecipientStatus.WAITING)
        .values(status=RecipientStatus.QUEUED, at=utc_now())
        .execution_options(synchronize_session=False)
    )
    skip(session, broadcast, chosen.causes)
    return bool(claimed.rowcount == len(wanted))


def _against(kind: str, bot: Any, lead: Any) -> str:
    """Why somebody is not written to though the ledger has them; what was sent is changed all the same."""
    if bot is None:
        return "bot_gone"
    if kind != BroadcastKind.SEND:
        return ""
    if lead is None:
        return "person_erased"
    if OPTED_OUT in lead.tags:
        return OPTED_OUT
    if lead.state != ACTIVE:
        return str(lead.state)
    return "" if lead.identity == bot.identity else "not_returned"


def _reader(bot: Any, lead: Any, person: int) -> Reader:
    name = bot.name if bot is not None else ""
    bot_id = bot.id if bot is not None else 0
    if lead is None:
        return Reader(bot_id, name, person)
    return Reader(bot_id, name, person, lead.first_name, lead.last_name, lead.username, lead.language)


def skip(session: Session, broadcast: Broadcast, causes: Mapping[int, str]) -> None:
    """These are claimed and not written to."""
    if causes:
        skipped = {person: Outcome(RecipientStatus.SKIPPED, why) for person, why in causes.items()}
        settle(session, broadcast, skipped)


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
    rows = session.execute(
        select(ROW.bot_id, func.count())
        .where(ROW.broadcast_id == broadcast_id, ROW.status == RecipientStatus.WAITING)
        .group_by(ROW.bot_id)
    )
    return {row[0]: row[1] for row in rows}


def queued(session: Session, broadcast_id: int) -> list[Any]:
    """Rows, as `judge` takes them, that are claimed and not settled, and since when: `at`."""
    claimed = _rows(broadcast_id, RecipientStatus.QUEUED)
    return list(session.execute(claimed.order_by(ROW.bot_id, ROW.telegram_id)))
