"""Bots that visitors are sent to are looked at between the sweeps; what they answer is left to the breaker."""

from __future__ import annotations

import time
from typing import Any

from services.fleet.health import clicked_bots
from services.platform.platform import Platform
from services.platform.redis import keys
from services.traffic.clicks.rows import ClickRow, parse_entry, visited_bots
from tests.services.fleet.health.world import Fleet, make_fleet
from tools.servers.sandbox import Sandbox


def click(fleet: Fleet, number: int, audience: str = "human") -> ClickRow:
    text = (
        f'{{"id":"click{number:07d}","at":{time.time():.3f},"pool":{fleet.pool_id},"bot":{fleet.bot_ids[number]},'
        f'"candidates":"","reason":"random/normal","audience":"{audience}","visitor":"v","unique":"u","country":"",'
        '"device":"","language":"","referrer":"","params":{}}'
    )
    row = parse_entry("1-1", {"d": text, "n": "0", "o": "0"})
    assert row is not None
    return row


def remember(platform: Platform, *rows: ClickRow) -> None:
    with platform.redis.pipeline(transaction=True) as pipe:
        clicked_bots.remember(pipe, visited_bots(rows))
        pipe.execute()


def test_a_clicked_bot_that_refuses_its_token_is_handed_to_a_check(
    platform: Platform, sandbox: Sandbox
) -> None:
    fleet = make_fleet(platform, sandbox, 3)
    sandbox.revoke(fleet.names[0])
    remember(platform, click(fleet, 0), click(fleet, 1))
    assert clicked_bots.check_clicked_bots(platform) == 2
    assert [platform.redis.exists(keys.wakeup("check", bot_id)) for bot_id in fleet.bot_ids] == [1, 0, 0]
    assert clicked_bots.check_clicked_bots(platform) == 0  # looked at once per click, not for ever


def test_only_people_count_as_visitors(platform: Platform, sandbox: Sandbox) -> None:
    fleet = make_fleet(platform, sandbox, 2)
    remember(platform, click(fleet, 0, audience="crawler"))
    assert not clicked_bots.wake_if_clicked(platform)
    remember(platform, click(fleet, 1))
    assert clicked_bots.wake_if_clicked(platform)


def test_a_silent_bot_is_left_to_the_sweep(platform: Platform, sandbox: Sandbox) -> None:
    fleet = make_fleet(platform, sandbox, 2)
    sandbox.fault("timeout", bot=fleet.names[0], seconds=10)
    remember(platform, click(fleet, 0), click(fleet, 1))
    assert clicked_bots.check_clicked_bots(platform) == 2
    assert not platform.redis.exists(keys.wakeup("check", fleet.bot_ids[0]))


def test_the_busiest_bots_come_first(platform: Platform) -> None:
    bots: dict[Any, Any] = {str(bot_id): str(bot_id) for bot_id in range(1, clicked_bots.MAX_BOTS + 11)}
    platform.redis.hset(keys.clicked_bots(), mapping=bots)
    assert min(clicked_bots._take(platform)) == 11
    assert not platform.redis.exists(keys.clicked_bots())
