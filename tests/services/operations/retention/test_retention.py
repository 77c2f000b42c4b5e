"""Each kind of data goes when its time is over and no sooner; what there is of each is counted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from models import BanWave, Base, CheckGap, Notification, PoolBot, PoolBotTransition
from services.core.errors import InvalidInput
from services.core.settings import Settings
from services.core.times import utc_now
from services.operations.retention.deleting import delete_expired, delete_kinds, kinds_named
from services.operations.retention.kinds import KINDS
from services.operations.retention.report import last_report, make_report
from services.platform.platform import Platform
from services.traffic.clicks.access_log import access_folder
from tests.services.fleet.pools.fleet import new_account, new_pool

Row = Callable[[int, PoolBot, datetime], Base]


def transition(_account: int, member: PoolBot, at: datetime) -> Base:
    return PoolBotTransition(pool_bot_id=member.id, from_status="online", to_status="offline", at=at)


def gap(_account: int, member: PoolBot, at: datetime) -> Base:
    return CheckGap(pool_bot_id=member.id, began_at=at - timedelta(days=30), ended_at=at)


def wave(account: int, member: PoolBot, at: datetime) -> Base:
    return BanWave(account_id=account, pool_id=member.pool_id, began_at=at, reverted_at=at)


def notification(account: int, _member: PoolBot, at: datetime) -> Base:
    return Notification(account_id=account, kind="bot_banned", level="info", dedupe_key=str(at), at=at)


@pytest.mark.data
@pytest.mark.parametrize(
    ("kind", "row"),
    [
        ("health_changes", transition),
        ("check_gaps", gap),
        ("ban_waves", wave),
        ("notifications", notification),
    ],
)
def test_what_happened_goes_after_its_days_and_the_younger_stays(
    platform: Platform, kind: str, row: Row
) -> None:
    owner = new_account(platform)
    pool = new_pool(platform, owner, "red1", 1)
    now = utc_now()
    end = now - timedelta(days=platform.settings.events_retention_days)
    with platform.database.transaction() as session:
        (member,) = session.query(PoolBot).filter_by(pool_id=pool.id)
        session.query(type(row(1, member, now))).delete()
        for seconds in (-3600, -1, 60):
            session.add(row(owner.account_id, member, end + timedelta(seconds=seconds)))
    (counted,) = make_report(platform, kinds_named([kind]), now=now)["kinds"]
    assert (counted["number"], counted["due"]) == (3, 2)
    assert counted["days"] == 365
    assert delete_kinds(platform, kinds_named([kind]), now=now) == {kind: 2}
    (counted,) = make_report(platform, kinds_named([kind]), now=now)["kinds"]
    assert (counted["number"], counted["due"]) == (1, 0)


def test_a_wave_that_stands_is_kept_however_old(platform: Platform) -> None:
    owner = new_account(platform)
    pool = new_pool(platform, owner, "red1", 1)
    with platform.database.transaction() as session:
        session.add(
            BanWave(account_id=owner.account_id, pool_id=pool.id, began_at=datetime(2020, 1, 1, tzinfo=UTC))
        )
    assert delete_kinds(platform, kinds_named(["ban_waves"]), now=utc_now()) == {"ban_waves": 0}


def test_every_kind_with_a_setting_heeds_it_and_none_is_named_twice(settings: Settings) -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    changes = {kind.setting.lower(): 4321 for kind in KINDS if kind.setting}
    changed = settings.model_copy(update=changes)
    assert {kind.name for kind in KINDS if kind.setting and kind.days(changed) != 4321} == set()
    named = {name.upper() for name in Settings.model_fields if name.endswith("retention_days")}
    assert {kind.setting for kind in KINDS if kind.setting} == named


@pytest.mark.data
def test_the_daily_run_leaves_figures_of_all_kinds(platform: Platform) -> None:
    new_pool(platform, new_account(platform), "red1", 1)
    folder = access_folder(platform.settings.data_dir)
    folder.mkdir(parents=True)
    (folder / "2020-01-02.77.jsonl").write_text("{}\n")
    (folder / f"{utc_now().date()}.77.jsonl").write_text("{}\n{}\n")
    assert last_report(platform) is None
    assert delete_expired(platform) == 1, "the old file of the access log"
    made = last_report(platform)
    assert made is not None
    found = {kind["kind"]: kind for kind in made["kinds"]}
    assert list(found) == [kind.name for kind in KINDS]
    log = found["access_log"]
    assert (log["number"], log["due"], log["size"]) == (1, 0, 6)
    assert found["people"]["days"] == 0
    sizes = {kind["kind"]: kind["size"] for kind in made["kinds"]}
    assert all(size is None or size >= 0 for size in sizes.values()), sizes
    assert made["database_size"] > 100_000


def test_a_kind_that_there_is_not_is_named_with_those_that_there_are() -> None:
    with pytest.raises(InvalidInput, match="clicks") as caught:
        kinds_named(["clicks", "clocks"])
    assert caught.value.code == "unknown_kind"
