"""A wrong setting is named."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from services.core.fault_injection import CrashPoint
from services.core.setting_types import AppEnv, LogLevel
from services.core.worker_settings import WorkerDriver
from services.operations.doctor.running import SKIPPED, WELL
from services.platform.platform import Platform
from tests.services.operations.doctor.looking import SERVED, changed, state_of

# Settings, each fault with what makes it well again.
WRONG_SETTINGS: dict[str, dict[str, Any]] = {
    "dev_is_public": {"app_env": AppEnv.DEV, "bind": "0.0.0.0"},
    "no_webhook_address": {**SERVED, "webhook_base_url": ""},
    "public_links_without_https": {**SERVED, "public_url": "http://links.example"},
    "proxies_not_told": {**SERVED, "webhook_base_url": "https://bots.example"},
    "proxies_are_anybody": {"proxy_addresses": (ip_network("0.0.0.0/0"),)},
    "debug_log": {**SERVED, "log_level": LogLevel.DEBUG},
    "fast_path_off": {**SERVED, "fast_path": False},
    "more_web_processes_than_processors": {"web_concurrency": 64},
    "metrics_without_token": SERVED,
    "metrics_token_short": {"metrics_token": SecretStr("1234")},
    "managers_without_a_bot": {"allowed_admin_ids": (5,)},
    "bot_api_without_https": {"telegram_api_url": "http://bots.example"},
    "links_lead_elsewhere": {**SERVED, "telegram_link_url": "https://t.example"},
    "pacing_above_the_limits": {"telegram_api_url": "https://api.telegram.org", "pacing_bot_per_second": 60},
    "people_without_limit": {"user_rate_per_minute": 0},
    "checks_longer_than_their_rhythm": {"health_timeout_seconds": 20.0},
    "a_tests_setting": {**SERVED, "crash_at": next(point for point in CrashPoint if point.value)},
    "many_processes_on_sqlite": {"web_concurrency": 3},
    "secret_key_short": {**SERVED, "secret_key": SecretStr("short")},
    "encryption_key_weak": SERVED,  # the tests' own key is digits
    "redis_without_password": {"redis_url": "redis://redis.example:6379/0"},
    "redis_over_the_internet": {"redis_url": "redis://:x@redis.example.com:6379/0"},
    "redis_certificate_ignored": {
        "redis_url": "rediss://:x@redis.example.com:6379/0",
        "redis_verify_tls": False,
    },
    "host_unknown": {"webhook_base_url": "https://nowhere.invalid"},
    "host_unreachable": {"webhook_base_url": "http://127.0.0.1:9"},
    "mail_server_refuses": {"smtp_url": SecretStr("smtp://127.0.0.1:9")},
    "cluster_not_found": {"worker_driver": WorkerDriver.KUBERNETES, "kubeconfig": "/nowhere/at/all"},
    "manager_bot_broken": {"manager_bot_token": SecretStr(f"5:{'A' * 35}")},
    "backup_key_missing": SERVED,
    "backup_folder_on_same_disk": SERVED,
    "folders_missing": {"plugins_dir": Path("/nowhere/at/all")},
}


@pytest.mark.parametrize("name", WRONG_SETTINGS)
def test_a_wrong_setting_is_named(platform: Platform, name: str) -> None:
    assert state_of(platform, name) in (WELL, SKIPPED), "the tests' own settings are none of it"
    with changed(platform, **WRONG_SETTINGS[name]) as wrong:
        assert state_of(wrong, name) in ("error", "warning")
