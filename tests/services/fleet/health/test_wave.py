"""Ban waves on real tables: spares step in once, whoever applies the losses, and step back when the owner says so."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from models import Notification, PoolBot
from services.core.errors import Conflict, NotFound
from services.fleet.health.breaker import Cause, CheckOutcome, Health
from services.fleet.health.members import apply_outcomes
from services.fleet.health.wave import end_waves, revert_wave
from services.fleet.pools.fields import MemberChange
from services.fleet.pools.members import update_member
from services.fleet.pools.model import from_json
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import keys
from tests.services.fleet.health.world import Fleet, add_account, pool_in_tables

DEAD = CheckOutcome(Health.DEAD, Cause.UNAUTHORIZED)
GOOD = CheckOutcome(Health.GOOD)


def with_spares(platform: Platform, members: int, spares: int) -> Fleet:
    fleet = pool_in_tables(platform, members + spares)
    with platform.database.transaction() as session:
        session.execute(
            update(PoolBot).where(PoolBot.bot_id.in_(fleet.bot_ids[members:])).values(priority=-1)
        )
    return fleet


def lose(fleet: Fleet, *which: int) -> None:
    """Two dead answers each, at the moments the breaker asks for."""
    for _ in range(2):
        with fleet.platform.database.transaction() as session:
            apply_outcomes(session, {fleet.bot_ids[index]: DEAD for index in which}, fleet.clock())
        fleet.clock.pause(4)


def priorities(fleet: Fleet) -> list[int]:
    return [fleet.member(index).priority for index in range(len(fleet.bot_ids))]


@pytest.mark.data
def test_two_losses_within_ten_minutes_promote_the_spares_with_one_alert(platform: Platform) -> None:
    fleet = with_spares(platform, 4, 2)
    lose(fleet, 0)
    assert priorities(fleet) == [0, 0, 0, 0, -1, -1]
    fleet.clock.pause(500)
    lose(fleet, 1)
    assert priorities(fleet) == [0] * 6
    begun = fleet.pool().wave_at
    assert begun is not None
    assert fleet.member(4).slow_start_at == fleet.member(4).promoted_at == begun
    lose(fleet, 2)
    assert fleet.pool().wave_at == begun, "a third loss is the same wave"
    waves = [text for text in fleet.told() if text.startswith("🌊")]
    lost, promoted = (", ".join(f"@{name}" for name in names) for names in (fleet.names[:2], fleet.names[4:]))
    assert len(waves) == 1
    assert f"{lost} em 10 minutos" in waves[0]
    assert f"Reservas promovidas: {promoted}." in waves[0]


@pytest.mark.data
def test_the_owner_reverts_a_wave_and_keeps_what_was_set_by_hand(platform: Platform) -> None:
    fleet = with_spares(platform, 2, 2)
    lose(fleet, 0, 1)
    update_member(platform, fleet.caller, fleet.pool_id, fleet.bot_ids[2], MemberChange(priority=1))
    assert revert_wave(platform, fleet.caller, fleet.pool_id) == 1
    assert priorities(fleet) == [0, 0, 1, -1]
    assert fleet.pool().wave_at is None
    text = platform.redis.hget(keys.pool_snapshot(), str(fleet.pool_id))
    assert [member.priority for member in from_json(str(text)).members] == [0, 0, 1, -1]
    with pytest.raises(Conflict):
        revert_wave(platform, fleet.caller, fleet.pool_id)


def test_losses_far_apart_or_that_are_over_are_no_wave(platform: Platform) -> None:
    fleet = with_spares(platform, 3, 1)
    lose(fleet, 0)
    fleet.clock.pause(601)
    lose(fleet, 1)
    assert priorities(fleet)[3] == -1
    with platform.database.transaction() as session:
        session.execute(update(PoolBot).where(PoolBot.status == "offline").values(status="online"))
    lose(fleet, 2)
    assert fleet.pool().wave_at is None


def test_a_spare_that_is_switched_off_stays_a_spare_and_a_pool_without_any_is_told_all_the_same(
    platform: Platform,
) -> None:
    fleet = with_spares(platform, 2, 1)
    update_member(platform, fleet.caller, fleet.pool_id, fleet.bot_ids[2], MemberChange(draining=True))
    lose(fleet, 0, 1)
    assert priorities(fleet) == [0, 0, -1]
    assert any("Não havia reserva." in text and "reverter" not in text for text in fleet.told())


@pytest.mark.data
def test_processes_that_apply_at_once_promote_once(platform: Platform) -> None:
    fleet = with_spares(platform, 4, 1)
    with platform.database.transaction() as session:
        apply_outcomes(session, dict.fromkeys(fleet.bot_ids[:4], DEAD), fleet.clock())
    fleet.clock.pause(4)
    now = fleet.clock()

    def lose_one(index: int) -> None:
        with platform.database.transaction() as session:
            apply_outcomes(session, {fleet.bot_ids[index]: DEAD}, now + timedelta(milliseconds=index))

    with ThreadPoolExecutor(4) as executor:
        list(executor.map(lose_one, range(4)))
    assert fleet.statuses() == ["offline"] * 4 + ["online"]
    assert priorities(fleet)[4] == 0
    with platform.database.reading() as session:
        assert len(session.scalars(select(Notification).where(Notification.kind == "ban_wave")).all()) == 1


def test_another_accounts_wave_is_nobodys_business(platform: Platform) -> None:
    fleet = with_spares(platform, 2, 1)
    lose(fleet, 0, 1)
    with platform.database.transaction() as session:
        stranger = add_account(session)
    with pytest.raises(NotFound):
        revert_wave(platform, Principal(stranger.id, f"account:{stranger.id}"), fleet.pool_id)


def waves_told(fleet: Fleet) -> list[str]:
    return [text for text in fleet.told() if text.startswith("🌊")]


def give_back(fleet: Fleet, *which: int) -> None:
    """Two good checks each, after the hold."""
    fleet.clock.pause(121)
    for _ in range(2):
        with fleet.platform.database.transaction() as session:
            apply_outcomes(session, {fleet.bot_ids[index]: GOOD for index in which}, fleet.clock())
        fleet.clock.pause(4)


@pytest.mark.data
def test_a_wave_that_promoted_nobody_ends_when_all_are_back_and_the_next_one_is_told(
    platform: Platform,
) -> None:
    fleet = pool_in_tables(platform, 6)
    lose(fleet, 0, 1)
    give_back(fleet, 0)
    end_waves(platform, fleet.clock())
    assert fleet.pool().wave_at is not None, "one is still away"
    with platform.database.transaction() as session:
        session.execute(update(PoolBot).values(next_check_at=None))
    give_back(fleet, 1)
    end_waves(platform, fleet.clock())
    assert fleet.pool().wave_at is None
    lose(fleet, 2, 3)
    assert len(waves_told(fleet)) == 2
    assert ", ".join(f"@{name}" for name in fleet.names[2:4]) in waves_told(fleet)[1]


@pytest.mark.data
def test_a_wave_that_promoted_nobody_ends_ten_minutes_after_its_last_loss(platform: Platform) -> None:
    fleet = pool_in_tables(platform, 6)
    lose(fleet, 0, 1)
    fleet.clock.pause(500)
    lose(fleet, 2)
    fleet.clock.pause(500)
    end_waves(platform, fleet.clock())
    assert fleet.pool().wave_at is not None
    fleet.clock.pause(101)
    lose(fleet, 3, 4)
    assert len(waves_told(fleet)) == 2
    fleet.clock.pause(601)
    end_waves(platform, fleet.clock())
    assert fleet.pool().wave_at is None


@pytest.mark.data
def test_a_standing_wave_with_promotions_tells_of_the_next_one(platform: Platform) -> None:
    fleet = with_spares(platform, 6, 1)
    lose(fleet, 0, 1)
    fleet.clock.pause(300)
    lose(fleet, 2)
    assert len(waves_told(fleet)) == 1, "the same wave goes on"
    fleet.clock.pause(601)
    end_waves(platform, fleet.clock())
    assert fleet.pool().wave_at is not None, "its owner has not taken the promotion back"
    lose(fleet, 3)
    assert len(waves_told(fleet)) == 1, "one loss is no wave"
    lose(fleet, 4)
    assert len(waves_told(fleet)) == 2
    assert ", ".join(f"@{name}" for name in fleet.names[3:5]) in waves_told(fleet)[1]


def test_a_bot_that_never_served_is_no_loss_of_a_wave(platform: Platform) -> None:
    fleet = with_spares(platform, 3, 1)
    with platform.database.transaction() as session:
        session.execute(update(PoolBot).where(PoolBot.bot_id == fleet.bot_ids[0]).values(status="checking"))
    lose(fleet, 0, 1)
    assert fleet.statuses()[:2] == ["offline", "offline"]
    assert (fleet.pool().wave_at, waves_told(fleet), priorities(fleet)[3]) == (None, [], -1)
    lose(fleet, 2)
    assert fleet.names[0] not in waves_told(fleet)[0]
