"""One `/metrics` for all processes."""

from __future__ import annotations

import json
import time

from prometheus_client.parser import text_string_to_metric_families

from services.core.metrics import REDIRECTS
from services.operations.metrics import exposition
from services.platform.platform import Platform
from services.platform.redis import keys
from services.queueing.heartbeats import beat, process_name
from tests.services.fleet.health.world import add_account, add_bot, add_pool


def samples(platform: Platform) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = exposition(platform).decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_other_processes_figures_stand_beside_ones_own(platform: Platform) -> None:
    REDIRECTS.labels("a-slug", "online").inc()
    beat(platform, "worker@elsewhere:7")  # a copy of this process's own figures, under another name
    found = samples(platform)
    own = process_name("web")
    for process in (own, "worker@elsewhere:7"):
        labels = (("outcome", "online"), ("pool", "a-slug"), ("process", process))
        assert found["redirects_total", labels] >= 1
    assert not any(name.endswith("_created") for name, _ in found)


def test_ones_own_heartbeat_is_not_counted_twice(platform: Platform) -> None:
    REDIRECTS.labels("b-slug", "online").inc()
    beat(platform, process_name("web"))
    lines = [line for line in exposition(platform).decode().splitlines() if 'pool="b-slug"' in line]
    assert len(lines) == 1


def test_gauges_are_read_at_the_scrape(platform: Platform) -> None:
    with platform.database.transaction() as session:
        account = add_account(session)
        bots = [add_bot(session, account, number) for number in (1, 2)]
        bots[0].status = "running"
        add_pool(session, account, bots, status="degraded")
    late = int((time.time() - 30) * 1000)
    platform.redis.xadd(keys.update_lane(3), {"x": "y"}, id=f"{late}-0")
    platform.redis.zadd(keys.outbox_active(0), {"1": 0})
    platform.redis.xadd(keys.outbox(1, "reply"), {"x": "y"})
    platform.redis.set(keys.lease("clock"), "t", px=5000)
    platform.redis.set(keys.sweep_report(), json.dumps({"at": time.time() - 40}))
    beat(platform, "clock@here:1")
    found = {
        (name, *(value for _, value in labels)): value for (name, labels), value in samples(platform).items()
    }
    assert found["telegram_active_bots",] == 1
    assert (found["pool_members", "degraded"], found["pool_members", "online"]) == (2, 0)
    assert (found["queue_size", "lane:3"], found["queue_size", "outbox"]) == (1, 1)
    assert 29 < found["queue_lag_seconds", "lane:3"] < 60
    assert 0 < found["lease_remaining_seconds", "clock"] <= 5
    assert 39 < found["health_sweep_age_seconds",] < 60
    assert found["process_heartbeat_age_seconds", "clock"] < 10
    assert found["spool_bytes",] == 0
    assert found["disk_size_bytes",] > found["disk_free_bytes",] > 0
    assert found["memory_size_bytes",] > found["memory_used_bytes",] > 0
    assert found["redis_memory_used_bytes",] > 0
    assert found["redis_memory_max_bytes",] == 0


def test_without_redis_the_rest_is_still_told(platform: Platform) -> None:
    away = Platform(platform.settings.model_copy(update={"redis_url": "redis://127.0.0.1:9/0"}))
    text = exposition(away).decode()
    assert "telegram_active_bots 0.0" in text
    assert "queue_size{" not in text
    away.database.dispose()
