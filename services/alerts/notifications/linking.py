"""Linking a Telegram chat to a destination: a one-time code that the person sends to the bot as `/start link_<code>`."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Final

from sqlalchemy import and_, or_, select

from models import Account, NotificationDestination
from services.core.encryption import sha256_hex
from services.core.i18n import NO_TEXT, Text, translate
from services.core.times import utc_now
from services.platform.platform import Platform

PREFIX: Final = "link_"
VALID = timedelta(minutes=30)
LINKED: Final = Text("🔔 Done! This chat now gets Flotilla's notifications.")

RESERVE_LINKED: Final = Text("🔔 Done! This bot writes here when the other one cannot.")
OTHER_CHAT: Final = Text("Another chat gets the notifications. Open the link there.")


def new_code(destination: NotificationDestination) -> str:
    """Give the destination a fresh code, valid for half an hour; only its hash is kept."""
    code = secrets.token_urlsafe(24)
    destination.link_hash = sha256_hex(code)
    destination.link_expires_at = utc_now() + VALID
    return code


def new_reserve_code(destination: NotificationDestination) -> str:
    """The same for the bot that stands in."""
    code = secrets.token_urlsafe(24)
    destination.reserve_link_hash = sha256_hex(code)
    destination.link_expires_at = utc_now() + VALID
    return code


def link_chat(platform: Platform, bot_id: int | None, payload: str, chat_id: int) -> str | None:
    """Link `chat_id` to the destination of this bot whose code `payload` carries; the answer to the person.

    None when the payload is no valid code of this bot, and is to be handled like any other. `bot_id` None is the manager bot.
    """
    if not payload.startswith(PREFIX):
        return None
    code, table = sha256_hex(payload.removeprefix(PREFIX)), NotificationDestination
    as_first = and_(table.link_hash == code, table.bot_id.is_not_distinct_from(bot_id))
    as_reserve = and_(table.reserve_link_hash == code, table.reserve_bot_id == bot_id)
    with platform.database.transaction() as session:
        query = select(table).where(or_(as_first, as_reserve), table.link_expires_at > utc_now())
        found = session.scalar(query.with_for_update())
        if found is None:
            return None
        said = _linked(found, chat_id) if found.link_hash == code else _reserve_linked(found, chat_id)
        return translate(said, session.get_one(Account, found.account_id).language)


def _linked(row: NotificationDestination, chat_id: int) -> Text:
    if row.address != str(chat_id):  # the stand-in has not been started there
        row.reserve_linked = False
    row.address, row.link_hash = str(chat_id), None
    row.last_error, row.is_refused = NO_TEXT, False
    return LINKED


def _reserve_linked(row: NotificationDestination, chat_id: int) -> Text:
    """Started in another chat than the one that is linked, it could not stand in; where none is, this one becomes it."""
    if row.address not in ("", str(chat_id)):
        return OTHER_CHAT
    row.address, row.reserve_linked, row.reserve_link_hash = str(chat_id), True, None
    return RESERVE_LINKED
