"""When nothing sweeps any more a worker says so, once, and when sweeps are back."""

from __future__ import annotations

import json
import time

import pytest

from services.alerts.notifications.notify import recent
from services.fleet.health.gaps import longest_silence
from services.operations.sweep_watchdog import SweepWatchdog
from services.platform.platform import Platform
from services.platform.redis import keys
from tests.services.alerts.notifications.world import Owner


def limit_seconds(platform: Platform) -> float:
    """The age of the last sweep from which it is missing."""
    return longest_silence(platform.settings).total_seconds()


def swept(platform: Platform, seconds_ago: float, now: float) -> None:
    """A sweep that ended so long before `now`."""
    platform.redis.set(keys.sweep_report(), json.dumps({"at": now - seconds_ago}))


def told(owner: Owner) -> list[str]:
    """What the owner was told, oldest first."""
    return [row.kind for row in reversed(recent(owner.platform, owner.caller))]


@pytest.mark.data
def test_a_missing_sweep_is_one_alarm_and_one_all_clear_however_many_workers_look(owner: Owner) -> None:
    now = time.time()
    watches = [SweepWatchdog(owner.platform) for _ in range(2)]
    swept(owner.platform, limit_seconds(owner.platform) + 1, now)
    for watch in watches * 3:
        watch.look(now)
    assert told(owner) == ["sweep_late"]
    swept(owner.platform, 1, now)
    for watch in watches * 3:
        watch.look(now)
    assert told(owner) == ["sweep_late", "sweep_back"]
    swept(owner.platform, limit_seconds(owner.platform) + 100, now)
    watches[0].look(now)
    assert told(owner) == ["sweep_late", "sweep_back", "sweep_late"]


def test_sweeps_in_time_are_no_news(owner: Owner) -> None:
    now = time.time()
    swept(owner.platform, limit_seconds(owner.platform) - 5, now)
    SweepWatchdog(owner.platform).look(now)
    assert told(owner) == []


def test_a_clock_that_never_ran_is_missed_after_a_while(owner: Owner) -> None:
    watch = SweepWatchdog(owner.platform)
    watch.look(time.time())
    assert told(owner) == []
    watch.look(time.time() + limit_seconds(owner.platform) + 1)
    watch.look(time.time() + limit_seconds(owner.platform) + 11)
    assert told(owner) == ["sweep_late"]


def test_three_missed_sweeps_count_and_short_intervals_are_given_half_a_minute(platform: Platform) -> None:
    assert limit_seconds(platform) == 3 * platform.settings.health_interval_seconds
    quick = Platform(platform.settings.model_copy(update={"health_interval_seconds": 1.0}))
    assert limit_seconds(quick) == 30
