"""Start, stop, restart: the wish goes into the database, the reconciler and the poller bring it about."""

from __future__ import annotations

from collections.abc import Sequence

from models import Bot
from services.core.outcomes import Outcome, only
from services.core.times import utc_now
from services.fleet.bots.registry import locked_each
from services.fleet.bots.signals import bot_changed
from services.fleet.pools.members import start_slowly
from services.platform.accounts.principal import Principal, audit
from services.platform.platform import Platform


def start_bot(platform: Platform, caller: Principal, bot_id: int | str) -> Bot:
    """Let the bot receive updates; starting a running one changes nothing."""
    return only(start_bots(platform, caller, [bot_id]))


def stop_bot(platform: Platform, caller: Principal, bot_id: int | str) -> Bot:
    """Stop receiving updates; Telegram keeps them for 24 hours."""
    return only(stop_bots(platform, caller, [bot_id]))


def restart_bot(platform: Platform, caller: Principal, bot_id: int | str) -> Bot:
    """Have every process load the bot anew and Telegram's side checked; pending updates stay."""
    return only(_set_desired_state(platform, caller, [bot_id], running=True, kind="bot_restarted"))


def reload_bots(platform: Platform, caller: Principal, bot_ids: Sequence[int | str]) -> list[Outcome[Bot]]:
    """Have every process load the bots anew, running or not; for each in order the bot, or NotFound."""
    with platform.database.transaction() as session:
        outcomes = locked_each(session, caller, bot_ids)
        bots = {one.id: one for one in outcomes if isinstance(one, Bot)}
        for bot in bots.values():
            bot.config_version += 1
            audit(session, caller, "bot_reloaded", account_id=bot.account_id, bot_id=bot.id)
    bot_changed(platform, *bots)
    return outcomes


def start_bots(platform: Platform, caller: Principal, bot_ids: Sequence[int | str]) -> list[Outcome[Bot]]:
    """Start several in one transaction; for each in order the bot, or NotFound."""
    return _set_desired_state(platform, caller, bot_ids, running=True, kind="bot_started")


def stop_bots(platform: Platform, caller: Principal, bot_ids: Sequence[int | str]) -> list[Outcome[Bot]]:
    """Stop several in one transaction; for each in order the bot, or NotFound."""
    return _set_desired_state(platform, caller, bot_ids, running=False, kind="bot_stopped")


def _set_desired_state(
    platform: Platform, caller: Principal, bot_ids: Sequence[int | str], *, running: bool, kind: str
) -> list[Outcome[Bot]]:
    with platform.database.transaction() as session:
        outcomes = locked_each(session, caller, bot_ids, before=start_slowly if running else None)
        bots = {one.id: one for one in outcomes if isinstance(one, Bot)}
        for bot in bots.values():
            if running and (not bot.desired_running or kind == "bot_restarted"):
                bot.running_since = utc_now()
            bot.desired_running = running
            bot.config_version += 1
            audit(session, caller, kind, account_id=bot.account_id, bot_id=bot.id)
    bot_changed(platform, *bots)
    return outcomes
