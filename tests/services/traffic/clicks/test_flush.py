"""Stream -> rows, rollups, totals: each click once, whenever and however often the flusher dies."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from redis import RedisError
from redis.client import Pipeline
from sqlalchemy import func, select

from models import Click, ClickRollup, PoolBot, RedirectPool
from services.core.times import utc_now
from services.fleet.pools.click_counts import redirects_hour
from services.fleet.pools.pools import delete_pool
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.leases import Lease
from services.traffic.clicks import flush as flushing
from services.traffic.clicks.flush import flush, wake_if_waiting
from tests.services.fleet.pools.fleet import new_account, new_pool
from tests.services.traffic.clicks.clicking import click, unstarted

pytestmark = pytest.mark.data


def figures(platform: Platform, pool_id: int) -> dict[str, int]:
    """What the tables say about a pool, from four sources."""
    with platform.database.reading() as session:
        rows = select(func.count()).select_from(Click).where(Click.pool_id == pool_id)
        rolled = select(func.sum(ClickRollup.clicks), func.sum(ClickRollup.uncounted)).where(
            ClickRollup.pool_id == pool_id
        )
        clicks, uncounted = session.execute(rolled).one()
        return {
            "rows": session.scalar(rows) or 0,
            "clicks": int(clicks or 0),
            "uncounted": int(uncounted or 0),
            "pool": session.scalar(select(RedirectPool.total_redirects).where(RedirectPool.id == pool_id))
            or 0,
            "members": int(
                session.scalar(select(func.sum(PoolBot.total_redirects)).where(PoolBot.pool_id == pool_id))
                or 0
            ),
            "hour": sum(redirects_hour(session, pool_id).values()),
        }


def test_clicks_become_rows_rollups_and_totals_and_leave_the_stream(platform: Platform) -> None:
    pool = new_pool(platform, new_account(platform), "red1", 3)
    road = unstarted(platform)
    for _ in range(10):
        click(road, QUERY_STRING="utm_source=fb&fbclid=abc&evil=1", HTTP_REFERER="https://l.instagram.com/x")
    for _ in range(4):
        click(road, REQUEST_METHOD="HEAD")
    assert flush(platform) == 14
    expected = {"rows": 14, "clicks": 10, "uncounted": 4, "pool": 10, "members": 10, "hour": 10}
    assert figures(platform, pool.id) == expected
    assert platform.redis.xlen(keys.click_stream()) == 0
    assert platform.redis.xpending(keys.click_stream(), flushing.GROUP)["pending"] == 0
    with platform.database.reading() as session:
        row = session.scalars(select(Click).where(Click.counted)).first()
        assert row is not None
        assert row.params == {"utm_source": "fb", "fbclid": "abc"}
        assert (row.referrer_host, row.device, row.reason) == (
            "l.instagram.com",
            "phone",
            "round_robin/tier0",
        )
        assert "203.0.113" not in str(vars(row))


def test_a_flusher_that_dies_between_commit_and_acknowledgement_counts_nothing_twice(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = new_pool(platform, new_account(platform), "red1", 3)
    road = unstarted(platform)
    for _ in range(10):
        click(road)

    def broken(self: Pipeline, *_: Any) -> Any:
        raise RedisError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(Pipeline, "xack", broken)
        with pytest.raises(RedisError):
            flush(platform)
    assert figures(platform, pool.id)["clicks"] == 10
    click(road)
    assert flush(platform) == 1
    assert figures(platform, pool.id) == {
        "rows": 11,
        "clicks": 11,
        "uncounted": 0,
        "pool": 11,
        "members": 11,
        "hour": 11,
    }
    assert platform.redis.xlen(keys.click_stream()) == 0


def test_a_flusher_that_dies_before_the_commit_loses_nothing(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = new_pool(platform, new_account(platform), "red1", 1)
    road = unstarted(platform)
    click(road)
    with monkeypatch.context() as patch:

        def killed(*_: Any) -> Any:
            raise KeyboardInterrupt

        patch.setattr("services.traffic.clicks.store._add_totals", killed)
        with pytest.raises(KeyboardInterrupt):
            flush(platform)
    assert figures(platform, pool.id)["rows"] == 0
    flush(platform)
    assert figures(platform, pool.id)["clicks"] == figures(platform, pool.id)["pool"] == 1


def test_clicks_of_a_deleted_pool_do_not_hold_up_the_others(platform: Platform) -> None:
    owner = new_account(platform)
    gone = new_pool(platform, owner, "red1", 1)
    kept = new_pool(platform, owner, "red2", 1)
    road = unstarted(platform)
    click(road, "red1")
    click(road, "red2")
    delete_pool(platform, owner, gone.id)
    assert flush(platform) == 1
    assert figures(platform, kept.id)["clicks"] == 1
    assert platform.redis.xlen(keys.click_stream()) == 0


def test_an_unreadable_entry_does_not_hold_up_the_others(platform: Platform) -> None:
    new_pool(platform, new_account(platform), "red1", 1)
    road = unstarted(platform)
    platform.redis.xadd(keys.click_stream(), {"d": "{", "n": "0", "o": "0"})
    click(road)
    assert flush(platform) == 1
    assert platform.redis.xlen(keys.click_stream()) == 0


def test_a_click_that_comes_twice_is_one_click(platform: Platform) -> None:
    pool = new_pool(platform, new_account(platform), "red1", 1)
    road = unstarted(platform)
    click(road)
    entries: Any = platform.redis.xrange(keys.click_stream())
    _, entry = entries[0]
    platform.redis.xadd(keys.click_stream(), entry)
    flush(platform)
    platform.redis.xadd(keys.click_stream(), entry)
    flush(platform)
    assert figures(platform, pool.id)["clicks"] == figures(platform, pool.id)["rows"] == 1


def test_one_flusher_works_at_a_time(platform: Platform) -> None:
    new_pool(platform, new_account(platform), "red1", 1)
    click(unstarted(platform))
    lease = Lease.take(platform.redis, flushing.LEASE, ttl_seconds=5)
    assert lease is not None
    assert flush(platform) == 0
    lease.release()
    assert flush(platform) == 1


def test_the_bell_rings_while_clicks_wait_and_only_once_until_answered(platform: Platform) -> None:
    new_pool(platform, new_account(platform), "red1", 1)
    platform.redis.set(keys.late_starts(), "1")
    assert not wake_if_waiting(platform)
    click(unstarted(platform))
    assert wake_if_waiting(platform)
    assert not wake_if_waiting(platform)
    flush(platform)
    assert not wake_if_waiting(platform)


def test_clicks_of_another_pool_of_this_number_are_dropped(platform: Platform) -> None:
    pool = new_pool(platform, new_account(platform), "red1", 1)
    road = unstarted(platform)
    for _ in range(4):
        click(road)
    entries: Any = platform.redis.xrange(keys.click_stream())
    day_before = f'"at":{(utc_now() - timedelta(days=1)).timestamp():.3f}'
    account = f'"account":{pool.account_id}'
    changes = (
        (account, '"account":987654'),  # the pool of somebody who was here before
        (re.search(r'"at":[0-9.]+', entries[1][1]["d"])[0], day_before),  # type: ignore[index]
        (f"{account},", ""),  # as a former release wrote it
        ("", ""),
    )
    platform.redis.xtrim(keys.click_stream(), maxlen=0)
    for (_, fields), (part, other) in zip(entries, changes, strict=True):
        platform.redis.xadd(keys.click_stream(), {**fields, "d": fields["d"].replace(part, other)})
    assert flush(platform) == 2
    assert figures(platform, pool.id)["rows"] == figures(platform, pool.id)["clicks"] == 2
    assert platform.redis.xlen(keys.click_stream()) == 0
