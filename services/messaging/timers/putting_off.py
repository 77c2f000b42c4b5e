"""Timers that are due and served by nobody: looked at more and more seldom, and at once when their bot is at work again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, exists, or_, select, update

from models import Bot, BotPlugin, BotWorker, Timer
from services.core.times import utc_now
from services.platform.platform import Platform

AGAIN: Final = timedelta(seconds=60)  # after which what nobody handled is rung for again
LATE: Final = ((timedelta(hours=1), timedelta(minutes=10)), (timedelta(days=1), timedelta(hours=1)))
LATEST: Final = timedelta(hours=6)
AT_ONCE: Final = 5000


def is_served() -> ColumnElement[bool]:
    """Whether the plugin of a timer is at work for its bot now; a bot that its owner stopped or has in maintenance waits."""
    at_work = exists().where(
        Bot.id == Timer.bot_id,
        Bot.desired_running,
        Bot.maintenance.is_(False),
        BotPlugin.bot_id == Bot.id,
        BotPlugin.name == Timer.plugin,
        BotPlugin.enabled,
    )
    by_program = exists().where(BotWorker.bot_id == Timer.bot_id, BotWorker.ending_since.is_(None))
    return and_(at_work, ~by_program)


def put_off(platform: Platform, now: datetime) -> None:
    """Look again later at what is due and served by nobody, so that it hides nothing else: the later it is, the later.

    In its first minutes each minute, then every ten, after an hour hourly, after a day four times a day.
    """
    due: Any = select(Timer.id).where(Timer.ring_at <= now, ~is_served()).limit(AT_ONCE)
    with platform.database.reading() as session:
        if session.scalar(due.limit(1)) is None:
            return
    recent = [(Timer.due_at > now - 10 * AGAIN, now + AGAIN)]
    later = case(
        *recent, *((Timer.due_at > now - late, now + wait) for late, wait in LATE), else_=now + LATEST
    )
    with platform.database.transaction() as session:
        session.execute(
            update(Timer)
            .where(Timer.id.in_(due))
            .values(ring_at=later)
            .execution_options(synchronize_session=False)
        )


def look_again(platform: Platform, bot_id: int) -> None:
    """Have what was put off for a bot that is at work again rung for at once. Raises Unavailable.

    What was rung for lately is left alone: its update may be under way.
    """
    now = utc_now()
    was_put_off = or_(Timer.rings == 0, Timer.ring_at > now + AGAIN)
    late: Any = select(Timer.id).where(
        Timer.bot_id == bot_id, Timer.due_at <= now, Timer.ring_at > now, was_put_off, is_served()
    )
    with platform.database.reading() as session:
        if session.scalar(late.limit(1)) is None:
            return
    with platform.database.transaction() as session:
        session.execute(
            update(Timer)
            .where(Timer.id.in_(late))
            .values(ring_at=now)
            .execution_options(synchronize_session=False)
        )
