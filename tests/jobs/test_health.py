"""The jobs of health decide only whether to work at all."""

from __future__ import annotations

import json
import time

import pytest

from jobs import health, process
from services.fleet.health.sweep import last_report
from services.platform.platform import Platform
from services.platform.redis import keys
from tests.services.fleet.health.world import make_fleet
from tools.servers.sandbox import Sandbox


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch, platform: Platform) -> None:
    monkeypatch.setattr(process, "platform", lambda: platform)


@pytest.mark.parametrize(("age", "sweeps"), [(1, False), (80, False), (151, True), (600, True)])
def test_sweeps_that_piled_up_are_made_once(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, age: int, sweeps: bool
) -> None:
    rare = Platform(platform.settings.model_copy(update={"health_interval_seconds": 300.0}))
    monkeypatch.setattr(process, "platform", lambda: rare)
    before = {"at": time.time() - age}
    platform.redis.set(keys.sweep_report(), json.dumps(before))
    health.sweep_health()
    assert (last_report(platform) != before) is sweeps


def test_the_first_sweep_needs_no_report(platform: Platform) -> None:
    health.sweep_health()
    assert last_report(platform) is not None


def test_one_bot_is_checked_when_asked(platform: Platform, sandbox: Sandbox) -> None:
    fleet = make_fleet(platform, sandbox, 2, status="checking")
    health.check_bot(fleet.bot_ids[1])
    assert fleet.statuses() == ["checking", "online"]
    health.check_bot(10_000)  # deleted meanwhile: nothing to do
