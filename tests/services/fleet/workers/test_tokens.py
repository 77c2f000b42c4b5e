"""What one process does to a worker's token holds in every other at its next request: nothing is remembered of tokens."""

from __future__ import annotations

import pytest

from services.core.errors import Unauthenticated
from services.core.settings import Settings
from services.fleet.bots.lifecycle import stop_bot
from services.fleet.workers.registry import NewWorker, end_worker, give_worker, renew_token, revoke_token
from services.fleet.workers.tokens import resolve_worker
from services.messaging.workers.webhooks.methods import set_webhook
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tools.servers.fleet import add_bot


@pytest.mark.data
def test_a_token_that_is_renewed_revoked_or_ended_elsewhere_opens_nothing_here(
    platform: Platform, settings: Settings
) -> None:
    other_process = Platform(settings)
    bot = add_bot(platform, {"id": 7001, "username": "worker_bot", "token": "7001:" + "A" * 35})
    owner = Principal(bot.account_id, f"account:{bot.account_id}")
    first = give_worker(platform, owner, bot.id, NewWorker())[2]
    seen = resolve_worker(other_process, first)
    assert (seen.bot_id, seen.is_running, seen.has_webhook) == (bot.id, True, False)
    assert set_webhook(platform, seen, {"url": "https://93.184.216.34/"}).status == 200
    assert resolve_worker(other_process, first).has_webhook is True
    stop_bot(platform, owner, bot.id)
    assert resolve_worker(other_process, first).is_running is False
    second = renew_token(platform, owner, bot.id)[2]
    assert resolve_worker(other_process, second).has_webhook is False
    revoke_token(platform, owner, bot.id)
    third = renew_token(platform, owner, bot.id)[2]
    end_worker(platform, owner, bot.id)
    for dead in (first, second, third):
        with pytest.raises(Unauthenticated):
            resolve_worker(other_process, dead)
    other_process.database.dispose()
