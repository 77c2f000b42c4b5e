"""Many people put on the lists of those whom their bots never answer, or taken off them: a bot's at a time, under its lock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from models import AccessList, Bot, BotAccess, PeopleChange
from services.core.times import utc_now
from services.fleet.bots.access import MOST_ENTRIES
from services.platform.accounts.principal import Principal, audit


def set_blocked(session: Session, change: PeopleChange, people: Iterable[tuple[int, int]]) -> list[int]:
    """Make one step of a change, for people as (bot, Telegram id); the bots whose lists are others now.

    Counts in the change who was changed and who was left: those of a bot whose list is full, or said in a file or setting.
    """
    by_bot: dict[int, set[int]] = defaultdict(set)
    for bot_id, telegram_id in people:
        by_bot[bot_id].add(telegram_id)
    bots = select(Bot).where(Bot.id.in_(by_bot)).order_by(Bot.id).with_for_update()
    return [bot.id for bot in session.scalars(bots).all() if _set_at(session, change, bot, by_bot[bot.id])]


def _set_at(session: Session, change: PeopleChange, bot: Bot, people: set[int]) -> bool:
    """One bot's people; whether anybody's place is another now."""
    if bot.is_manager or bot.declared_in:
        change.refused += len(people)
        return False
    query = select(BotAccess).where(
        BotAccess.bot_id == bot.id, BotAccess.list == AccessList.BLOCKED, BotAccess.telegram_id.in_(people)
    )
    there = {row.telegram_id: row for row in session.scalars(query)}
    changed = (
        _block(session, change, bot, people, there) if change.action == "block" else _free(session, there)
    )
    if not changed:
        return False
    change.changed += changed
    bot.config_version += 1
    asker = Principal(change.account_id, change.actor)
    details = {"list": AccessList.BLOCKED, "people": changed, "change": change.id}
    kind = "bot_access_many_put" if change.action == "block" else "bot_access_many_removed"
    audit(session, asker, kind, bot_id=bot.id, changes=details)
    return True


def _block(
    session: Session, change: PeopleChange, bot: Bot, people: set[int], there: dict[int, BotAccess]
) -> int:
    """Block them for good, as many as the list still holds; how many were not."""
    now = utc_now()
    in_force = or_(BotAccess.until.is_(None), BotAccess.until > now)
    listed = select(func.count()).where(
        BotAccess.bot_id == bot.id, BotAccess.list == AccessList.BLOCKED, in_force
    )
    room = MOST_ENTRIES - (session.scalar(listed) or 0)
    changed = 0
    for telegram_id in sorted(people):
        row = there.get(telegram_id)
        if row is not None and row.until is None:
            continue
        if row is not None and row.until is not None and row.until > now:  # has its place already
            row.until = None
        elif room <= 0:
            change.refused += 1
            continue
        elif row is not None:
            row.until, room = None, room - 1
        else:
            session.add(BotAccess(bot_id=bot.id, list=AccessList.BLOCKED, telegram_id=telegram_id))
            room -= 1
        changed += 1
    return changed


def _free(session: Session, there: dict[int, BotAccess]) -> int:
    """Take them off; how many stood there, those whose time was over aside."""
    now = utc_now()
    for row in there.values():
        session.delete(row)
    return sum(row.until is None or row.until > now for row in there.values())
