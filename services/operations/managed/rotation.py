"""A new token for a managed bot in one step: whoever has the old one is out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models import Bot, ManagedBot
from services.core.errors import FlotillaError, TelegramError, Unavailable
from services.core.times import utc_now
from services.fleet.bots.reconcile import bot_lock
from services.fleet.bots.registry import get_bot
from services.fleet.bots.token_replacement import store_own_token
from services.operations.managed.managing import (
    managed_by,
    managed_token,
    not_managed,
    replaced_token,
)
from services.operations.manager.ensuring import manager_of
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.tokens import token_of

BROKEN_OFF: Final = timedelta(minutes=1)  # a rotation that takes longer has lost its process
MOST: Final = 20  # healed in one round


def rotate_token(platform: Platform, caller: Principal, bot_id: int | str) -> Bot:
    """End the token of a managed bot and keep a new one; places, webhook path and leads stay.

    What is asked for is noted first: a process that dies before the new token is stored leaves it to
    the next round (`broken_off`). Raises NotFound, Conflict `not_managed`, `manager_token_rejected` or `identity_changed`,
    Unavailable while somebody else is at it, or TelegramError.
    """
    bot = get_bot(platform, caller, bot_id)
    manager = manager_of(platform)
    if manager is None or managed_by(platform, manager, bot.telegram_bot_id) is None:
        raise not_managed()
    with bot_lock(platform, bot.id) as ours:
        if not ours:
            raise Unavailable("Something else is being done to this bot; try again in a minute")
        _mark(platform, bot, asked=True)
        try:
            token = replaced_token(platform, manager, bot.telegram_bot_id)
        except FlotillaError as error:
            if not (isinstance(error, TelegramError) and error.may_have_arrived):
                _mark(platform, bot, asked=False)  # nothing has happened
            raise
        return _store(platform, caller, bot, token)


def rotatable(platform: Platform, bots: Iterable[Bot]) -> list[Bot]:
    """Those of the bots for which `rotate_token` can do it."""
    manager = manager_of(platform)
    if manager is None:
        return []
    mine = ManagedBot.manager_telegram_id == manager.telegram_bot_id
    with platform.database.reading() as session:
        known = set(session.scalars(select(ManagedBot.telegram_bot_id).where(mine)))
    return [bot for bot in bots if bot.telegram_bot_id in known]


def fetch_token(platform: Platform, manager: Bot, bot: Bot) -> bool:
    """Take over the token that Telegram has for a managed bot, if it is another one; whether it was. Raises as `managed_token`."""
    with bot_lock(platform, bot.id) as ours:
        if not ours:
            raise Unavailable("Something else is being done to this bot; try again in a minute")
        with platform.database.reading() as session:
            now = session.get(Bot, bot.id)
        if now is None or now.telegram_bot_id != bot.telegram_bot_id:
            return False
        token = managed_token(platform, manager, now.telegram_bot_id)
        if token == token_of(platform, now):
            _mark(platform, now, asked=False)
            return False
        _store(platform, Principal(now.account_id, "system:managed"), now, token)
        return True


def broken_off(platform: Platform, manager: Bot) -> list[Bot]:
    """Bots whose new token was asked for and never stored, at most 20: `fetch_token` ends it."""
    lost = (
        select(Bot)
        .join(ManagedBot, ManagedBot.telegram_bot_id == Bot.telegram_bot_id)
        .where(
            ManagedBot.rotating_at < utc_now() - BROKEN_OFF,
            ManagedBot.manager_telegram_id == manager.telegram_bot_id,
        )
        .order_by(ManagedBot.rotating_at)
    )
    with platform.database.reading() as session:
        return list(session.scalars(lost.limit(MOST)))


def _mark(platform: Platform, bot: Bot, *, asked: bool) -> None:
    with platform.database.transaction() as session:
        _note(session, bot, asked=asked)


def _note(session: Session, bot: Bot, *, asked: bool) -> None:
    row = update(ManagedBot).where(ManagedBot.telegram_bot_id == bot.telegram_bot_id)
    session.execute(row.values(rotating_at=utc_now() if asked else None))


def _store(platform: Platform, caller: Principal, bot: Bot, token: str) -> Bot:
    return store_own_token(
        platform, caller, bot, token, also=lambda session: _note(session, bot, asked=False)
    )
