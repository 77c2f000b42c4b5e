"""Start, stop, restart (B3): the wish goes into the database, the reconciler and the poller bring it about."""

from __future__ import annotations

from models import Bot
from services.accounts.caller import Caller, get_owned, record
from services.bots.registry import locked
from services.bots.signals import bot_changed
from services.platform import Platform
from services.pools.members import start_slowly


def start_bot(platform: Platform, caller: Caller, bot_id: int | str) -> Bot:
    """Let the bot receive updates; starting a running one changes nothing."""
    return _wish(platform, caller, bot_id, running=True, kind="bot_started")


def stop_bot(platform: Platform, caller: Caller, bot_id: int | str) -> Bot:
    """Stop receiving updates; Telegram keeps them for 24 hours."""
    return _wish(platform, caller, bot_id, running=False, kind="bot_stopped")


def restart_bot(platform: Platform, caller: Caller, bot_id: int | str) -> Bot:
    """Have every process load the bot anew and Telegram's side checked; pending updates stay."""
    return _wish(platform, caller, bot_id, running=True, kind="bot_restarted")


def _wish(platform: Platform, caller: Caller, bot_id: int | str, *, running: bool, kind: str) -> Bot:
    with platform.database.transaction() as session:
        bot = get_owned(session, caller, Bot, bot_id)
        if running and not bot.desired_running:
            start_slowly(session, bot.id)
        bot = locked(session, caller, bot_id)
        bot.desired_running = running
        bot.config_version += 1
        record(session, caller, kind, account_id=bot.account_id, bot_id=bot.id)
    bot_changed(platform, bot.id)
    return bot
