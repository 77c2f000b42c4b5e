"""Who gets a broadcast: one row per person, by the bot that they met last and that can still write to them."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Subquery,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    null,
    or_,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from models import (
    AccessList,
    Bot,
    BotAccess,
    BotStatus,
    Broadcast,
    BroadcastKind,
    BroadcastRecipient,
    BroadcastStatus,
    Lead,
    RecipientStatus,
)
from plugins.database import OPTED_OUT
from services.core.times import utc_now
from services.fleet.flows.users import plays_flows
from services.messaging.broadcasts.contents import has_step
from services.traffic.audience.conditions import Conditions
from services.traffic.audience.selecting import select_people
from services.traffic.audience.tag_conditions import has_tag
from services.traffic.clicks.leads import is_reachable

EVERYBODY: Final = (0, 2**62)  # Telegram's ids are positive and below 2**52
CHANGEABLE: Final = timedelta(hours=47)  # Telegram lets a bot delete for 48 h; the pass itself takes time
HAD: Final = (RecipientStatus.SENT, RecipientStatus.UNCERTAIN, RecipientStatus.QUEUED)
SPREAD: Final = 1_000_003  # a prime: ids are spread over variants by what is left of it


def count_by_bot(session: Session, broadcast: Broadcast) -> dict[int, int]:
    """Bot id -> how many people the broadcast would reach by it now."""
    chosen = choose(broadcast, EVERYBODY).subquery()
    rows = session.execute(select(chosen.c.bot_id, func.count()).group_by(chosen.c.bot_id))
    return {row[0]: row[1] for row in rows}


def choose(broadcast: Broadcast, between: tuple[int, int]) -> Select[int, int, int, int, int | None]:
    """The ledger's rows (broadcast, person, bot, variant, message) of people with ids above the first of `between`, up to the second."""
    if broadcast.kind != BroadcastKind.SEND:
        return _written_to(broadcast, between)
    ranked = _ranked(broadcast, between)
    variant = _variant(broadcast, ranked.c.telegram_id)
    return select(
        literal(broadcast.id).label("broadcast_id"),
        ranked.c.telegram_id,
        ranked.c.bot_id,
        variant.label("variant"),
        cast(null(), BigInteger).label("message_id"),
    ).where(ranked.c.turn == 1)


def _ranked(broadcast: Broadcast, between: tuple[int, int]) -> Subquery:
    """Everybody once per bot, the bot that they met last first."""
    people = select_people(broadcast.account_id, Conditions.model_validate(broadcast.audience)).subquery()
    lead_id, *_ = people.c
    last_met = func.row_number().over(
        partition_by=Lead.telegram_id, order_by=(Lead.last_interaction.desc(), Lead.id.desc())
    )
    query = (
        select(Lead.telegram_id, Lead.bot_id, last_met.label("turn"))
        .join(people, lead_id == Lead.id)
        .join(Bot, Bot.id == Lead.bot_id)
        .where(Lead.account_id == broadcast.account_id, _within(Lead.telegram_id, between))
        .where(is_reachable(Bot.identity), Bot.status != BotStatus.FAILED, Bot.desired_running)
        .where(Lead.telegram_id.not_in(_opted_out(broadcast, between)), ~_is_kept_out())
    )
    if has_step(broadcast):
        query = query.where(plays_flows())
    if broadcast.new_since is not None:
        # Up to the turn's own beginning: the next one takes those who come while this one is prepared.
        query = query.where(
            Lead.first_interaction >= broadcast.new_since, Lead.first_interaction < broadcast.created_at
        )
    if broadcast.parent_id is not None and broadcast.once_per_person:
        query = query.where(Lead.telegram_id.not_in(_had_it(broadcast, between)))
    return query.subquery()


def _written_to(broadcast: Broadcast, between: tuple[int, int]) -> Select[int, int, int, int, int | None]:
    """Who got a message of the parent that Telegram still lets a bot change."""
    row = BroadcastRecipient
    return select(
        literal(broadcast.id).label("broadcast_id"), row.telegram_id, row.bot_id, row.variant, row.message_id
    ).where(
        row.broadcast_id == broadcast.parent_id,
        _within(row.telegram_id, between),
        row.status == RecipientStatus.SENT,
        row.message_id.is_not(None),
        row.at >= utc_now() - CHANGEABLE,
    )


def _within(person: InstrumentedAttribute[int], between: tuple[int, int]) -> ColumnElement[bool]:
    return and_(person > between[0], person <= between[1])


def _opted_out(broadcast: Broadcast, between: tuple[int, int]) -> Select[int]:
    return select(Lead.telegram_id).where(
        Lead.account_id == broadcast.account_id, _within(Lead.telegram_id, between), has_tag(OPTED_OUT)
    )


def _had_it(broadcast: Broadcast, between: tuple[int, int]) -> Select[int]:
    """Who got an earlier turn of the series, may have got it, or will: whom a stopped one left waiting did not."""
    row = BroadcastRecipient
    comes = and_(row.status == RecipientStatus.WAITING, Broadcast.status != BroadcastStatus.STOPPED)
    return (
        select(row.telegram_id)
        .join(Broadcast, Broadcast.id == row.broadcast_id)
        .where(Broadcast.parent_id == broadcast.parent_id, Broadcast.id < broadcast.id)
        .where(_within(row.telegram_id, between), or_(row.status.in_(HAD), comes))
    )


def _is_kept_out() -> ColumnElement[bool]:
    """On the bot's list of blocked people."""
    return exists().where(
        BotAccess.bot_id == Lead.bot_id,
        BotAccess.telegram_id == Lead.telegram_id,
        BotAccess.list == AccessList.BLOCKED,
        or_(BotAccess.until.is_(None), BotAccess.until > utc_now()),
    )


def _variant(broadcast: Broadcast, telegram_id: ColumnElement[int]) -> ColumnElement[int]:
    """The place of the variant that a person gets: by their id, so the same whenever it is asked."""
    if len(broadcast.variants) < 2:
        return literal(0)
    salted = (telegram_id % SPREAD) * 7919 + broadcast.id * 104_729
    return case((salted % 100 < int(broadcast.variants[0]["percent"]), 0), else_=1)
