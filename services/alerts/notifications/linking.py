"""Linking a Telegram chat to a destination: a one-time code that the person sends to the bot as `/start link_<code>`."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Final

from sqlalchemy import select

from models import Account, NotificationDestination
from services.core.encryption import sha256_hex
from services.core.i18n import NO_TEXT, Text, translate
from services.core.times import utc_now
from services.platform.platform import Platform

PREFIX: Final = "link_"
VALID = timedelta(minutes=30)
LINKED: Final = Text("🔔 Done! This chat now gets Flotilla's notifications.")


def new_code(destination: NotificationDestination) -> str:
    """Give the destination a fresh code, valid for half an hour; only its hash is kept."""
    code = secrets.token_urlsafe(24)
    destination.link_hash = sha256_hex(code)
    destination.link_expires_at = utc_now() + VALID
    return code


def link_chat(platform: Platform, bot_id: int | None, payload: str, chat_id: int) -> str | None:
    """Link `chat_id` to the destination of this bot whose code `payload` carries; the answer to the person.

    None when the payload is no valid code of this bot, and is to be handled like any other. `bot_id` None is the manager bot.
    """
    if not payload.startswith(PREFIX):
        return None
    with platform.database.transaction() as session:
        found = session.scalar(
            select(NotificationDestination)
            .where(
                NotificationDestination.link_hash == sha256_hex(payload.removeprefix(PREFIX)),
                NotificationDestination.bot_id.is_not_distinct_from(bot_id),
                NotificationDestination.link_expires_at > utc_now(),
            )
            .with_for_update()
        )
        if found is None:
            return None
        found.address, found.link_hash, found.link_expires_at = str(chat_id), None, None
        found.last_error, found.is_refused = NO_TEXT, False
        account = session.get_one(Account, found.account_id)
        return translate(LINKED, account.language)
