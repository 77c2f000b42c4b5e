"""Start, stop, restart: the wish goes into the database, the reconciler and the poller bring it about."""

from __future__ import annotations

from models import Bot
from services.fleet.bots.registry import locked
from services.fleet.bots.signals import bot_changed
from services.fleet.pools.members import start_slowly
from services.platform.accounts.principal import Principal, audit, get_owned
from services.platform.platform import Platform


def start_bot(platform: Platform, caller: Principal, bot_id: int | str) -> Bot:
    """Let the bot receive updates; starting a running one changes nothing."""
    return _set_desired_state(platform, caller, bot_id, running=True, kind="bot_started")


def stop_bot(platform: Platform, caller: Principal, bot_id: int | str) -> Bot:
    """Stop receiving updates; Telegram keeps them for 24 hours."""
    return _set_desired_state(platform, caller, bot_id, running=False, kind="bot_stopped")


def restart_bot(platform: Platform, caller: Principal, bot_id: int | str) -> Bot:
    """Have every process load the bot anew and Telegram's side checked; pending updates stay."""
    return _set_desired_state(platform, caller, bot_id, running=True, kind="bot_restarted")


def _set_desired_state(
    platform: Platform, caller: Principal, bot_id: int | str, *, running: bool, kind: str
) -> Bot:
    with platform.database.transaction() as session:
        bot = get_owned(session, caller, Bot, bot_id)
        if running and not bot.desired_running:
            start_slowly(session, bot.id)
        bot = locked(session, caller, bot_id)
        bot.desired_running = running
        bot.config_version += 1
        audit(session, caller, kind, account_id=bot.account_id, bot_id=bot.id)
    bot_changed(platform, bot.id)
    return bot
