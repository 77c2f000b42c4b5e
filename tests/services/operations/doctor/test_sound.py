"""Of what is well the doctor says nothing, and what could not be looked at is never well."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from pydantic import SecretStr

from services.core.setting_types import AppEnv, LogLevel
from services.operations.doctor.check import every
from services.operations.doctor.running import SKIPPED, UNKNOWN, WELL, described, diagnose, exit_code
from services.platform.platform import Platform
from services.queueing.heartbeats import farewell
from tests.services.operations.doctor.conftest import make_sound, random_key
from tests.services.operations.doctor.faults import FAULTS, SERVED_FAULTS, SQLITE_FAULTS
from tests.services.operations.doctor.looking import SERVED, changed, state_of
from tests.services.operations.doctor.test_settings_faults import WRONG_SETTINGS
from tools.servers.sandbox import Sandbox

# What a busy machine may rightly be told of while tests run, or of what is installed on it.
OF_THE_MACHINE = {"processors_busy", "memory_low", "database_slow", "redis_slow", "telegram_slow", "disk_nearly_full", "few_open_files", "no_inodes_left", "other_versions_installed", "telegram_unreachable", "clock_wrong"}  # fmt: skip
SET_UPS: dict[str, dict[str, Any]] = {
    "as it comes": {},
    "production": SERVED,
    "production behind a proxy": {
        **SERVED,
        "trusted_proxies": 1,
        "webhook_base_url": "",
        "public_url": "https://x.example",
    },
    "three proxies": {"trusted_proxies": 3, "proxy_addresses": (ip_network("10.0.0.0/8"),)},
    "two web processes": {"web_concurrency": 2},
    "monitoring with a token": {"metrics_token": SecretStr(random_key())},
    "no health alarms": {"health_interval_seconds": 60.0},
    "required second step": {**SERVED, "require_totp_for_admins": True},
    "slower limits": {"pacing_bot_per_second": 20, "user_rate_per_minute": 10},
    "access log": {"access_log": True, "log_level": LogLevel.INFO},
}
EXPECTED = {
    "no_webhook_address",
    "metrics_without_token",
    "encryption_key_weak",
    "backup_key_missing",
    "backup_folder_on_same_disk",
}  # fmt: skip - true of these set-ups


@pytest.mark.data
@pytest.mark.parametrize("set_up", SET_UPS)
def test_nothing_is_said_of_what_is_well(platform: Platform, sandbox: Sandbox, set_up: str) -> None:
    with changed(platform, **SET_UPS[set_up]) as sound:
        make_sound(sound)
        told = {
            result.check.name: result for result in diagnose(sound) if result.state not in (WELL, SKIPPED)
        }
        alarms = told.keys() - OF_THE_MACHINE - (EXPECTED if sound.settings.app_env is AppEnv.PROD else set())
        if not platform.database.is_sqlite:
            alarms -= {"database_role_too_mighty"}  # the tests' server has one role
        assert {name: str(told[name].what.template) for name in alarms} == {}


def test_a_bot_api_server_that_is_away_is_named(platform: Platform, sandbox: Sandbox) -> None:
    assert state_of(platform, "telegram_unreachable") == WELL
    with changed(platform, telegram_api_url="http://127.0.0.1:9") as away:
        assert state_of(away, "telegram_unreachable") == "error"


def test_a_check_that_could_not_look_is_never_well(platform: Platform) -> None:
    with changed(platform, redis_url="redis://127.0.0.1:9/0") as away:
        results = {
            result.check.name: result.state
            for result in diagnose(away, ["redis_evicts", "no_worker", "updates_wait"])
        }
    assert results == dict.fromkeys(results, UNKNOWN)


def test_the_exit_code_says_how_bad_it_is(platform: Platform) -> None:
    make_sound(platform)
    assert exit_code(diagnose(platform, ["no_worker"])) == 0
    farewell(platform, "poller@here:4")
    assert exit_code(diagnose(platform, ["no_web", "no_poller"])) == 0
    farewell(platform, "web@here:1")
    found = diagnose(platform, ["no_web", "people_without_limit"])
    assert exit_code(found) == 2
    view = described(found)
    assert [each["name"] for each in view["results"]] == ["no_web"]


def test_there_are_enough_checks_and_each_says_all(platform: Platform) -> None:
    checks = list(every())
    assert len(checks) >= 90
    assert sum(check.remedy is not None for check in checks) >= 20
    for check in checks:
        assert check.why.template.endswith((".", "…")), check.name
        assert check.advice, check.name
    planted = {*WRONG_SETTINGS, *FAULTS, *SQLITE_FAULTS, *SERVED_FAULTS}
    assert planted <= {check.name for check in checks}
    assert len(planted) >= 70


def test_looking_whether_the_disk_takes_clicks_opens_nothing(platform: Platform) -> None:
    with changed(platform, **SERVED) as served:
        make_sound(served)
        assert state_of(served, "data_dir_not_writable") == WELL
        assert (served.settings.data_dir / "spool").exists()
        assert state_of(served, "data_dir_open") == WELL
