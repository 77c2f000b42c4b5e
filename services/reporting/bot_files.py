"""The files that people sent to a bot, the latest first, with who sent them and how much room the account has, a page at a time."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Bot, Lead, StoredFile
from services.messaging.files.listing import describe_file
from services.messaging.files.reservations import MEGABYTE, used_bytes
from services.platform.accounts.looking import looking
from services.platform.accounts.principal import Principal, get_owned
from services.platform.platform import Platform

PAGE: Final = 25


def files_page(platform: Platform, caller: Principal, bot_id: int | str, page: int = 1) -> dict[str, Any]:
    """A page of the kept files of the caller's bot, whether there are more, and the bytes that all of the account's files
    take (`used`) and may take (`limit`, 0 for as many as there are). NotFound for somebody else's bot.
    """
    with looking(platform, caller) as session:
        bot = get_owned(session, caller, Bot, bot_id)
        kept = select(StoredFile).where(StoredFile.bot_id == bot.id, StoredFile.stored_at.is_not(None))
        rows = session.scalars(
            kept.order_by(StoredFile.id.desc()).offset((page - 1) * PAGE).limit(PAGE + 1)
        ).all()
        names = _names(session, bot.id, {row.telegram_id for row in rows})
        used = used_bytes(session, bot.account_id)
    files = [{**describe_file(row), "person": names.get(row.telegram_id, "")} for row in rows[:PAGE]]
    limit = platform.settings.quota_files_mb * MEGABYTE
    return {"files": files, "page": page, "more": len(rows) > PAGE, "used": used, "limit": limit}


def _names(session: Session, bot_id: int, telegram_ids: set[int]) -> dict[int, str]:
    leads = select(Lead).where(Lead.bot_id == bot_id, Lead.telegram_id.in_(telegram_ids))
    return {
        lead.telegram_id: f"{lead.first_name} {lead.last_name}".strip() for lead in session.scalars(leads)
    }
