"""Jobs about bots: bringing Telegram to the desired state."""

from __future__ import annotations

from jobs.process import platform
from services.fleet.bots import reconcile
from services.fleet.workers.registry import finish_endings
from services.messaging.timers.putting_off import look_again
from services.operations.managed.round import keep_managed_bots
from services.operations.manager.ensuring import ensure_manager


def reconcile_bots() -> None:
    """One round over all bots: the manager bot as the settings say and workers' interrupted endings first, what it manages
    last; the clock asks for it every minute."""
    ensure_manager(platform())
    finish_endings(platform())
    reconcile.reconcile_bots(platform())
    keep_managed_bots(platform())


def reconcile_bot(bot_id: int) -> None:
    """One bot, right after a change, or when the last copy of its program has ended."""
    finish_endings(platform(), bot_id)
    look_again(platform(), bot_id)
    reconcile.reconcile_bot(platform(), bot_id)
