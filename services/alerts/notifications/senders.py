"""The bots that write to a chat: which may be chosen, which stands in, and whether anybody can be told at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import exists, or_, select, update
from sqlalchemy.orm import Session

from models import (
    Bot,
    BotStatus,
    DestinationKind,
    MemberStatus,
    NotificationDestination,
    PoolBot,
)
from services.alerts.notifications.linking import new_code, new_reserve_code
from services.core.errors import Conflict, InvalidInput, NotFound
from services.core.i18n import Text
from services.platform.accounts.principal import Principal, get_owned, owned
from services.platform.platform import Platform

NONE_YET: Final = Text(
    "Nobody is told when a bot goes down: the panel alone knows. Add a destination for notifications."
)
NONE_WORKS: Final = Text("No destination of notifications works: nobody is told when a bot goes down.")


def lost_bots(session: Session, account_id: int) -> frozenset[int]:
    """Ids of the account's bots that nothing can be expected of now: failed, or lost to a pool."""
    away = exists().where(
        PoolBot.bot_id == Bot.id, PoolBot.status.in_([MemberStatus.OFFLINE, MemberStatus.BANNED])
    )
    query = select(Bot.id).where(Bot.account_id == account_id, or_(Bot.status == BotStatus.FAILED, away))
    return frozenset(session.scalars(query))


def chosen_bot(
    session: Session, caller: Principal, account_id: int, bot_id: int | str, field: str = "bot_id"
) -> Bot:
    """A bot of the account that can write now. Raises NotFound, Conflict `bot_unwell`."""
    bot = get_owned(session, caller, Bot, bot_id)
    if bot.account_id != account_id:  # which an admin can see
        raise NotFound("There is no such bot", code="bot_not_found")
    if bot.id in lost_bots(session, account_id):
        raise Conflict(
            Text("@{bot} is not well itself; choose another bot", bot=bot.username),
            code="bot_unwell",
            field=field,
        )
    return bot


def set_sender(session: Session, caller: Principal, row: NotificationDestination, bot_id: int | str) -> str:
    """Have another bot write; the code by which the chat starts it, "" where it need not.

    Until then the former one stands in, unless another was chosen for that.
    """
    _check_chat(row, "bot_id")
    bot, former = chosen_bot(session, caller, row.account_id, bot_id), row.bot_id
    if bot.id == former:
        return ""
    was_reserve, was_linked = bot.id == row.reserve_bot_id, row.reserve_linked
    row.bot_id = bot.id
    if was_reserve or row.reserve_bot_id is None:
        row.reserve_bot_id, row.reserve_linked = former, former is not None and bool(row.address)
        row.reserve_link_hash = None
    return "" if was_reserve and was_linked else new_code(row)


def set_reserve(
    session: Session, caller: Principal, row: NotificationDestination, bot_id: int | str | None
) -> str:
    """Choose the bot that writes while the other cannot, or none; the code by which the chat starts it, "" where it need not."""
    _check_chat(row, "reserve_bot_id")
    if bot_id is None:
        row.reserve_bot_id, row.reserve_linked, row.reserve_link_hash = None, False, None
        return ""
    bot = chosen_bot(session, caller, row.account_id, bot_id, "reserve_bot_id")
    if bot.id == row.bot_id:
        raise InvalidInput("Choose another bot than the one that writes", field="reserve_bot_id")
    if bot.id == row.reserve_bot_id and row.reserve_linked:
        return ""
    row.reserve_bot_id, row.reserve_linked = bot.id, False
    return new_reserve_code(row)


def promote_reserves(session: Session, bot_id: int) -> None:
    """Before a bot is deleted: where another stands in for it, that one writes from now on."""
    session.execute(
        update(NotificationDestination)
        .where(NotificationDestination.bot_id == bot_id, NotificationDestination.reserve_linked)
        .values(
            bot_id=NotificationDestination.reserve_bot_id,
            reserve_bot_id=None,
            reserve_linked=False,
            link_hash=None,
        )
    )


def unheard(platform: Platform, caller: Principal) -> Text | None:
    """What to say of an account with bots whose notifications reach nobody; None where somebody is told."""
    with platform.database.reading() as session:
        rows = session.scalars(owned(caller, NotificationDestination)).all()
        if any(_is_sound(row) and row.kind != DestinationKind.TELEGRAM for row in rows):
            return None
        if not session.scalar(select(exists().where(Bot.account_id == caller.account_id))):
            return None
        if not rows:
            return NONE_YET
        lost = lost_bots(session, caller.account_id)
    return None if any(_is_sound(row) and _can_write(row, lost) for row in rows) else NONE_WORKS


def offered_bots(platform: Platform, caller: Principal, bots: Sequence[Bot]) -> list[Bot]:
    """Those of `bots` that can write to a chat, first those in no pool: advertising wears them out least."""
    with platform.database.reading() as session:
        lost = lost_bots(session, caller.account_id)
        busy = set(
            session.scalars(select(PoolBot.bot_id).where(PoolBot.bot_id.in_([bot.id for bot in bots])))
        )
    well = [bot for bot in bots if bot.desired_running and bot.id not in lost]
    return sorted(well, key=lambda bot: bot.id in busy)


def _is_sound(row: NotificationDestination) -> bool:
    """Whether it is switched on, and the last message to it arrived, if only through the stand-in."""
    arrived = not row.last_error or row.last_error_at == row.last_sent_at
    return row.is_enabled and bool(row.address) and arrived


def _can_write(row: NotificationDestination, lost: frozenset[int]) -> bool:
    first = row.bot_id is None or row.bot_id not in lost
    return first or (row.reserve_linked and row.reserve_bot_id not in lost)


def _check_chat(row: NotificationDestination, field: str) -> None:
    if row.kind != DestinationKind.TELEGRAM:
        raise InvalidInput("Only a Telegram chat is written to by a bot", field=field)
