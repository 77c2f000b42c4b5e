"""How many notifications the account has not read."""

from __future__ import annotations

from sqlalchemy import func, select

from models import Notification
from services.accounts.caller import Caller
from services.platform import Platform


def count_unread(platform: Platform, caller: Caller) -> int:
    """Unread notifications of the caller's account."""
    unread = (Notification.account_id == caller.account_id) & Notification.read_at.is_(None)
    with platform.database.reading() as session:
        return session.scalar(select(func.count()).select_from(Notification).where(unread)) or 0
