"""Writing down what a bot is seen to do, and telling its owner when it fails."""

from __future__ import annotations

from sqlalchemy import CursorResult, update
from sqlalchemy.orm import Session

from models import Bot, BotStatus
from services.alerts.notifications.kinds import Kind
from services.alerts.notifications.notify import notify
from services.core.i18n import NO_TEXT, Text
from services.core.times import utc_now
from services.platform.platform import Platform

LONGEST_REASON = 300  # characters of the column
DAY, MINUTE = "%Y-%m-%d", "%Y-%m-%dT%H:%M"  # how long a notification is not repeated


def write_status(
    platform: Platform, bot: Bot, status: BotStatus | None, reason: Text = NO_TEXT, cause: str = ""
) -> None:
    """Write the bot's status and why, unless nothing changes or its owner changed it meanwhile. None keeps the status.

    `cause` is a stable word for the reason where one is known, such as those of the checks.
    """
    seen, why = status or bot.status, reason.fitting(LONGEST_REASON)
    if (bot.status, bot.status_reason, bot.status_cause) == (seen, why, cause):
        return
    new = {"status": seen, "status_reason": why, "status_cause": cause}
    query = update(Bot).where(Bot.id == bot.id, Bot.config_version == bot.config_version)
    with platform.database.transaction() as session:
        done = session.execute(query.values(**new, updated_at=utc_now()))
        is_written = isinstance(done, CursorResult) and done.rowcount == 1
        if is_written and seen == BotStatus.FAILED != bot.status:
            notify_owner(session, bot, Kind.BOT_FAILED, once_in=MINUTE, reason=why)
        elif is_written and seen == BotStatus.RUNNING and bot.status == BotStatus.FAILED:
            notify_owner(session, bot, Kind.BOT_RECOVERED, once_in=MINUTE)
    bot.status, bot.status_reason, bot.status_cause = seen, why, cause


def notify_owner(session: Session, bot: Bot, kind: Kind, *, once_in: str = DAY, **params: str | Text) -> None:
    """Notify the bot's owner of `kind`, at most once per bot in a day, or in a MINUTE for what is told per change."""
    key = f"{kind}:{bot.id}:{utc_now():{once_in}}"
    notify(session, bot.account_id, kind, kind.level, key, {"bot": bot.username, **params}, bot_id=bot.id)
