"""Telling the administrators, once a month, that the newest encryption key has grown old."""

from __future__ import annotations

from sqlalchemy import select

from models import Account
from services.alerts.notifications.kinds import Kind
from services.alerts.notifications.notify import notify
from services.core.times import utc_now
from services.operations.keys.ages import key_ages
from services.platform.platform import Platform


def remind_of_rotation(platform: Platform) -> bool:
    """Notify every administrator if the newest key is older than KEY_REMINDER_DAYS; whether anybody was told now.

    Raises Unavailable, RedisError, OSError or ConfigurationError.
    """
    days = platform.settings.key_reminder_days
    newest = key_ages(platform)[0]  # also with 0 days: this is how a key of the environment is first seen
    if not days or newest.days < days:
        return False
    params = {"days": int(newest.days), "key": newest.fingerprint}
    told = False
    with platform.database.transaction() as session:
        for account_id in session.scalars(select(Account.id).where(Account.is_admin)).all():
            once = f"{Kind.KEY_OLD}:{account_id}:{newest.fingerprint}:{utc_now():%Y-%m}"
            told |= notify(session, account_id, Kind.KEY_OLD, Kind.KEY_OLD.level, once, params)
    return told
