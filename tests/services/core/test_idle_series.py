"""Series of bots that are gone leave a process that runs for weeks; those that move stay, with their counts."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter

from services.core.idle_series import IDLE_SECONDS, LOOK_SECONDS, IdleSeries


def counter(registry: CollectorRegistry) -> Counter:
    return Counter("messages", "by bot", ("bot", "kind"), registry=registry)


def test_a_fleet_that_changes_daily_keeps_the_series_of_its_last_days_alone() -> None:
    registry, now = CollectorRegistry(), [0.0]
    messages = counter(registry)
    series = IdleSeries((messages,), lambda: now[0])
    for day in range(30):
        messages.labels(f"{day}", "text").inc()
        messages.labels("steady", "text").inc()
        series.drop()
        now[0] += IDLE_SECONDS / 2
        messages.labels("steady", "text").inc()
        series.drop()
        now[0] += IDLE_SECONDS / 2
    kept = {sample.labels["bot"] for family in registry.collect() for sample in family.samples}
    assert kept == {"steady", "29"}
    assert registry.get_sample_value("messages_total", {"bot": "steady", "kind": "text"}) == 60


def test_a_series_that_comes_back_counts_from_nothing() -> None:
    registry, now = CollectorRegistry(), [0.0]
    messages = counter(registry)
    series = IdleSeries((messages,), lambda: now[0])
    messages.labels("5", "text").inc(7)
    assert series.drop() == 0
    now[0] = IDLE_SECONDS - LOOK_SECONDS
    assert series.drop() == 0
    now[0] = IDLE_SECONDS
    assert series.drop() == 1
    messages.labels("5", "text").inc()
    assert registry.get_sample_value("messages_total", {"bot": "5", "kind": "text"}) == 1
    assert series.drop() == 0
