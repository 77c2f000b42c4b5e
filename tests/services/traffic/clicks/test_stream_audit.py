"""Clicks lost: 0, or where they went; deletion of what is too old; the access log."""

from __future__ import annotations

import json
import stat
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from redis import RedisError
from redis.client import Pipeline
from sqlalchemy import func, select, text

from models import CheckDuration, Click, ClickBreakdown, ClickRollup, DailyVisitor, DeadLetter
from services.core.times import hour_of, utc_now
from services.fleet.pools.pools import delete_pool
from services.operations.retention import expiry
from services.operations.retention.deleting import delete_expired, wake_daily
from services.platform.platform import Platform
from services.platform.redis import keys
from services.traffic.clicks.access_log import AccessLog, delete_old
from services.traffic.clicks.flush import flush
from services.traffic.clicks.stream_audit import check_clicks, check_stream, last_check, report
from tests.services.fleet.pools.fleet import new_account, new_pool
from tests.services.traffic.clicks.clicking import click, unstarted

pytestmark = pytest.mark.data


def clicked(platform: Platform, times: int) -> None:
    road = unstarted(platform)
    for _ in range(times):
        click(road)


def test_nothing_is_lost_between_stream_rows_and_rollups(platform: Platform) -> None:
    new_pool(platform, new_account(platform), "red1", 2)
    assert check_stream(platform) is None
    clicked(platform, 7)
    flush(platform)
    clicked(platform, 3)  # these wait
    found = check_clicks(platform)
    assert found.chain is not None
    assert (found.chain.accepted, found.chain.settled, found.chain.waiting, found.chain.rows) == (10, 7, 3, 7)
    assert (found.lost, found.pools, found.clicks, found.mismatches) == (0, 1, 7, ())


def test_a_batch_that_is_repeated_is_settled_once(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_pool(platform, new_account(platform), "red1", 1)
    clicked(platform, 4)

    def broken(self: Pipeline, *_: Any) -> Any:
        raise RedisError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(Pipeline, "xack", broken)
        with pytest.raises(RedisError):
            flush(platform)
    unacknowledged = check_clicks(platform)
    assert unacknowledged.chain is not None
    assert (unacknowledged.lost, unacknowledged.chain.waiting) == (0, 0)
    clicked(platform, 1)
    flush(platform)
    found = check_clicks(platform)
    assert found.chain is not None
    assert (found.lost, found.chain.settled, found.chain.repeated, found.chain.rows) == (0, 5, 0, 5)


def test_an_entry_that_vanishes_from_the_stream_is_missed(platform: Platform) -> None:
    new_pool(platform, new_account(platform), "red1", 1)
    clicked(platform, 1)
    flush(platform)
    clicked(platform, 2)
    entries: Any = platform.redis.xrange(keys.click_stream(), count=1)
    platform.redis.xdel(keys.click_stream(), entries[0][0])
    flush(platform)
    found = check_clicks(platform)
    assert found.chain is not None
    assert (found.lost, found.chain.lost) == (1, 1)
    report(platform, found)
    kept = last_check(platform)
    assert kept is not None
    assert kept["last"]["lost"] == kept["stream_now"]["lost"] == 1


def test_rollups_that_were_changed_by_somebody_are_missed(platform: Platform) -> None:
    pool = new_pool(platform, new_account(platform), "red1", 1)
    clicked(platform, 3)
    flush(platform)
    with platform.database.transaction() as session:
        session.execute(text("UPDATE click_rollups SET clicks = clicks - 1, uncounted = uncounted + 1"))
    (wrong,) = check_clicks(platform).mismatches
    assert (wrong.pool_id, wrong.rows, wrong.rolled_up, wrong.uncounted_rolled_up) == (pool.id, 3, 2, 1)


def test_dropped_and_unreadable_entries_are_no_loss(platform: Platform) -> None:
    owner = new_account(platform)
    pool = new_pool(platform, owner, "red1", 1)
    clicked(platform, 2)
    platform.redis.xadd(keys.click_stream(), {"d": "rubbish"})
    delete_pool(platform, owner, pool.id)
    flush(platform)
    found = check_clicks(platform)
    assert found.chain is not None
    assert (found.lost, found.chain.dropped, found.chain.repeated) == (0, 3, 0)


def test_a_ledger_opened_late_begins_with_what_waits(platform: Platform) -> None:
    new_pool(platform, new_account(platform), "red1", 1)
    clicked(platform, 5)
    flush(platform)
    platform.redis.delete(keys.click_life())  # as before the ledger existed
    clicked(platform, 2)
    flush(platform)
    found = check_clicks(platform)
    assert found.chain is not None
    assert (found.lost, found.chain.accepted, found.chain.rows) == (0, 2, 2)


def test_old_clicks_go_and_their_counts_stay(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiry, "BATCH", 2)
    pool = new_pool(platform, new_account(platform), "red1", 1)
    clicked(platform, 5)
    flush(platform)
    now = utc_now()
    with platform.database.transaction() as session:
        session.add(CheckDuration(bot_id=1, hour=hour_of(now), le_ms=50, checks=1, total_ms=40))
    later = now + timedelta(days=platform.settings.clicks_retention_days, hours=-1)
    assert delete_expired(platform, now=later - timedelta(hours=1)) == 1  # the visitor's hash alone
    assert delete_expired(platform, now=later + timedelta(hours=3)) == 6
    with platform.database.reading() as session:
        left = [
            session.scalar(select(func.count()).select_from(t)) for t in (Click, DailyVisitor, CheckDuration)
        ]
        assert left == [0, 0, 0]
        assert session.scalar(select(func.sum(ClickRollup.clicks)).where(ClickRollup.pool_id == pool.id)) == 5
        assert session.scalar(select(func.count()).select_from(ClickBreakdown)) == 5
    kept = last_check(platform)
    assert kept is not None
    assert kept["last"]["lost"] == 0


def test_settled_dead_letters_go_when_their_time_is_over_and_those_that_wait_stay(platform: Platform) -> None:
    now = utc_now()
    kept_days = platform.settings.dead_letters_retention_days
    states = (("open", None), ("replaying", None), ("resolved", kept_days - 1), ("resolved", kept_days + 1))
    with platform.database.transaction() as session:
        for number, (state, days) in enumerate(states):
            letter = DeadLetter(
                kind="job", source_id=f"job:{number}", error_id=str(number), error="x", state=state
            )
            letter.fingerprint, letter.at = "f" * 32, now - timedelta(days=1000)
            letter.resolved_at = now - timedelta(days=days) if days is not None else None
            session.add(letter)
    assert delete_expired(platform, now=now) == 1
    with platform.database.reading() as session:
        assert sorted(session.scalars(select(DeadLetter.error_id))) == ["0", "1", "2"]


def test_the_deletion_is_rung_for_once_a_day(platform: Platform) -> None:
    assert [wake_daily(platform), wake_daily(platform)] == [True, False]


def test_the_access_log_holds_the_address_and_goes_with_its_day(platform: Platform, tmp_path: Path) -> None:
    new_pool(platform, new_account(platform), "red1", 1)
    road = unstarted(platform)
    road.access_log.enabled = True
    outcome = click(road, HTTP_REFERER="https://x.example/\n")
    road.access_log.write()
    (file,) = (platform.settings.data_dir / "access").iterdir()
    (line,) = map(json.loads, file.read_text().splitlines())
    assert (line["ip"], line["click_id"], line["outcome"]) == ("203.0.113.5", outcome.click_id, "bot")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert delete_old(file.parent, utc_now().date()) == 0
    assert delete_old(file.parent, utc_now().date() + timedelta(days=1)) == 1


def test_without_the_setting_no_address_is_written_anywhere(platform: Platform) -> None:
    new_pool(platform, new_account(platform), "red1", 1)
    road = unstarted(platform)
    click(road)
    road.access_log.write()
    assert not (platform.settings.data_dir / "access").exists()


def test_a_disk_that_refuses_costs_the_log_and_no_click(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "access").write_text("a file where the folder should be")
    log = AccessLog(tmp_path / "access", 30, enabled=True)
    log.note(datetime(2026, 1, 1, tzinfo=UTC).timestamp(), "red1", "x", "bot", {})
    log.write()
    assert "could not be written" in caplog.text
    assert delete_old(tmp_path / "nowhere", date(2026, 1, 1)) == 0
