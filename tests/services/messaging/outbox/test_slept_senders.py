"""A process that was stopped (SIGSTOP, a suspended machine) between taking a message up and sending it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from models import Bot, UncertainPolicy
from services.messaging.outbox.journal import Journal
from services.messaging.outbox.sender_cache import SenderCache
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.lease_renewer import HeldLease
from tests.services.messaging.draining import letters, senders, shard_of
from tests.services.messaging.outbox.conftest import Put
from tools.servers.sandbox import Sandbox


@pytest.mark.parametrize(
    ("policy", "step", "sent"),
    [
        (UncertainPolicy.AT_LEAST_ONCE, (SenderCache, "get"), 1),
        (UncertainPolicy.AT_MOST_ONCE, (SenderCache, "get"), 1),
        (UncertainPolicy.AT_MOST_ONCE, (Journal, "mark_in_flight"), 0),  # whoever came next has parked it
    ],
)
def test_who_slept_through_the_lease_sends_nothing_once_another_has_it(
    platform: Platform,
    sandbox: Sandbox,
    bot: Bot,
    people: list[int],
    put: Put,
    left: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
    policy: UncertainPolicy,
    step: tuple[type, str],
    sent: int,
) -> None:
    take, wake_up, held = platform.leases.take, getattr(*step), list[HeldLease]()
    shard = shard_of(platform, bot)

    def remembered(name: str, **options: Any) -> HeldLease | None:
        if lease := take(name, **options):
            held.append(lease)
        return lease

    def sleep_after(*arguments: Any) -> Any:
        found = wake_up(*arguments)
        if len(held) == 1:
            held[0].lost()  # as its own clock says after the sleep
            platform.redis.delete(keys.lease(f"outbox:{shard}"))
            senders(platform).send_shard(shard)
        return found

    with platform.database.transaction() as session:
        session.get_one(Bot, bot.id).uncertain_policy = policy
    monkeypatch.setattr(platform.leases, "take", remembered)
    monkeypatch.setattr(*step, sleep_after)
    put(people[0], "once")
    senders(platform).send_shard(shard)
    assert len(held) == 2
    assert len(sandbox.sent(bot.username, "sendMessage")) == sent
    assert len(letters(platform)) == 1 - sent
    assert left() == 0
