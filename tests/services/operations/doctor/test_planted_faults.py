"""Each planted fault is named by the doctor, and what is safe is mended."""

from __future__ import annotations

from pathlib import Path

import pytest

from models import (
    Bot,
)
from services.operations.doctor.running import SKIPPED, WELL, diagnose
from services.platform.platform import Platform
from tests.services.fleet.pools.fleet import new_account, new_bot
from tests.services.operations.doctor.conftest import make_sound
from tests.services.operations.doctor.faults import FAULTS, SERVED_FAULTS, SQLITE_FAULTS, Plant
from tests.services.operations.doctor.looking import SERVED, changed, state_of


def _plant(platform: Platform, name: str, plant: Plant) -> None:
    make_sound(platform)
    assert state_of(platform, name) in (WELL, SKIPPED), "nothing is wrong yet"
    plant(platform)
    assert state_of(platform, name) in ("error", "warning")


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_named(platform: Platform, name: str) -> None:
    _plant(platform, name, FAULTS[name])


@pytest.mark.parametrize("name", SQLITE_FAULTS)
def test_a_fault_of_sqlite_is_named(platform: Platform, name: str) -> None:
    _plant(platform, name, SQLITE_FAULTS[name])


@pytest.mark.parametrize("name", SERVED_FAULTS)
def test_a_fault_of_production_is_named(platform: Platform, name: str) -> None:
    with changed(platform, **SERVED) as served:
        _plant(served, name, SERVED_FAULTS[name])


# What is mended on the spot. The others ring for a job: that it was rung for is seen in the queue.
MENDED = {**FAULTS, **SQLITE_FAULTS}
ON_THE_SPOT = (
    "redis_syncs_seldom",
    "redis_cuts_idle_connections",
    "redis_evicts",
    "redis_without_aof",
    "forgotten_heartbeats",
    "secret_files_open",
)
RUNG = (
    "backup_missing",
    "backup_never_verified",
    "clicks_wait",
    "dead_letters_not_stored",
    "deletion_missed",
    "webhooks_elsewhere",
    "bots_not_looked_at",
    "snapshot_incomplete",
    "updates_wait",
)


@pytest.mark.parametrize("name", ON_THE_SPOT)
def test_what_is_safe_is_mended_at_once(platform: Platform, name: str) -> None:
    _plant(platform, name, MENDED[name])
    (result,) = diagnose(platform, [name], fix=True)
    assert (result.state, result.mended) == (WELL, True)


@pytest.mark.parametrize("name", RUNG)
def test_what_a_worker_mends_is_rung_for(platform: Platform, name: str) -> None:
    _plant(platform, name, MENDED[name])
    diagnose(platform, [name], fix=True)
    queues = ("updates", "outbound", "default")
    assert sum(int(platform.job_redis.llen(f"rq:queue:{queue}")) for queue in queues) >= 1


def test_webhook_paths_and_folders_are_mended(platform: Platform, tmp_path: Path) -> None:
    make_sound(platform)
    bot = new_bot(platform, new_account(platform))
    with platform.database.transaction() as session:
        session.get_one(Bot, bot.id).mode = "webhook"
    assert state_of(platform, "webhook_paths_wrong") == "error"
    assert state_of(platform, "webhook_paths_wrong", fix=True) == WELL
    with changed(platform, plugins_dir=tmp_path / "a" / "b", **SERVED) as other:
        assert state_of(other, "folders_missing", fix=True) == WELL
        other.settings.data_dir.chmod(0o755)
        assert state_of(other, "data_dir_open", fix=True) == WELL
    assert (tmp_path / "a" / "b").is_dir()
