"""The end of a bot that may have a worker: first the worker's, in its order, then the bot's."""

from __future__ import annotations

from services.core.errors import Conflict
from services.fleet.bots.registry import delete_bot, get_bot
from services.fleet.workers.registry import end_worker, has_worker
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform

SOON_SECONDS = 5.0


def remove_bot(platform: Platform, caller: Principal, bot_id: int | str) -> None:
    """End the bot's worker, if it has one, and remove the bot. Repeating it after a crash at any step goes on.

    Raises Conflict `worker_ending` while its program is still coming to its end: repeat it then; and as `end_worker` and `delete_bot` do.
    """
    bot = get_bot(platform, caller, bot_id)
    if has_worker(platform, bot):
        end_worker(platform, caller, bot.id)
        if has_worker(platform, bot):
            raise Conflict(
                "This bot's program is being ended; repeat it in a moment",
                code="worker_ending",
                retry_after=SOON_SECONDS,
            )
    delete_bot(platform, caller, bot.id)
