"""Each planted fault is named by the doctor, what is safe is mended, and nothing is said of what is well."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from models import (
    Account,
    Bot,
    Click,
    DeadLetter,
    DeadLetterState,
    DeliveryStatus,
    Notification,
    NotificationDelivery,
    NotificationDestination,
)
from services.core.fault_injection import CrashPoint
from services.core.setting_types import AppEnv, LogLevel
from services.core.times import utc_now
from services.core.worker_settings import WorkerDriver
from services.fleet.health.delivery import DeliveryCause, DeliveryState
from services.operations.doctor.check import every
from services.operations.doctor.running import SKIPPED, UNKNOWN, WELL, described, diagnose, exit_code
from services.platform.platform import Platform
from services.platform.redis import keys, upkeep_keys
from services.queueing.heartbeats import beat, farewell
from tests.services.fleet.pools.fleet import new_account, new_bot, new_pool
from tests.services.operations.doctor.conftest import make_sound, random_key
from tools.servers.sandbox import Sandbox

SERVED: dict[str, Any] = {
    "app_env": AppEnv.PROD,
    "secret_key": SecretStr(random_key()),
    "telegram_link_url": "https://t.me",
}
LONG_AGO = utc_now() - timedelta(days=30)


def state_of(platform: Platform, name: str, *, fix: bool = False) -> str:
    (result,) = diagnose(platform, [name], fix=fix)
    return result.state


@contextmanager
def changed(platform: Platform, **settings: Any) -> Iterator[Platform]:
    """The same installation with other settings."""
    other = Platform(platform.settings.model_copy(update=settings))
    try:
        yield other
    finally:
        other.database.dispose()


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
    "folders_missing": {"plugins_dir": Path("/nowhere/at/all")},
}


@pytest.mark.parametrize("name", WRONG_SETTINGS)
def test_a_wrong_setting_is_named(platform: Platform, name: str) -> None:
    assert state_of(platform, name) in (WELL, SKIPPED), "the tests' own settings are none of it"
    with changed(platform, **WRONG_SETTINGS[name]) as wrong:
        assert state_of(wrong, name) in ("error", "warning")


Plant = Callable[[Platform], object]


def _sql(statement: str) -> Plant:
    def run(platform: Platform) -> None:
        with platform.database.transaction() as session:
            session.execute(text(statement))

    return run


def _config(name: str, value: str) -> Plant:
    return lambda platform: platform.redis.config_set(name, value)


def _end(service: str) -> Plant:
    def end(platform: Platform) -> None:
        number = {"web": 1, "worker": 2, "clock": 3, "poller": 4, "programs": 5}[service]
        farewell(platform, f"{service}@here:{number}")

    return end


def _bot(**fields: Any) -> Plant:
    def add(platform: Platform) -> None:
        new_bot(platform, new_account(platform), **fields)

    return add


def _poll_without_poller(platform: Platform) -> None:
    _bot()(platform)
    _end("poller")(platform)


def _old_entry(stream: Callable[[], str]) -> Plant:
    entry = f"{int(time.time() - 90) * 1000}-0"
    return lambda platform: platform.redis.xadd(stream(), {"x": "y"}, id=entry)


def _stored(*rows: Callable[[Account], Any]) -> Plant:
    def add(platform: Platform) -> None:
        with platform.database.transaction() as session:
            (account,) = session.query(Account).filter_by(email="boss@example.com")
            session.add_all([row(account) for row in rows])

    return add


def _letter(**fields: Any) -> Callable[[Account], DeadLetter]:
    given: dict[str, Any] = {"state": DeadLetterState.OPEN, "at": LONG_AGO, **fields}
    return lambda account: DeadLetter(
        account_id=account.id, kind="job", source_id="x", error_id="x", error="x", fingerprint="x", **given
    )


def _late_delivery(platform: Platform) -> None:
    with platform.database.transaction() as session:
        (destination,) = session.query(NotificationDestination)
        news = Notification(
            account_id=destination.account_id, kind="bot_banned", level="info", dedupe_key="x"
        )
        session.add(news)
        session.flush()
        session.add(
            NotificationDelivery(
                notification_id=news.id,
                destination_id=destination.id,
                status=DeliveryStatus.PENDING,
                next_attempt_at=LONG_AGO,
            )
        )


def _click(platform: Platform) -> None:
    owner = new_account(platform)
    pool = new_pool(platform, owner, "red1", 1)
    with platform.database.transaction() as session:
        params = {"utm_source": "{{site_source_name}}"}
        session.add(Click(id="c1", at=utc_now(), account_id=owner.account_id, pool_id=pool.id, params=params))


def _pool(members: int = 0, **fields: Any) -> Plant:
    return lambda platform: new_pool(platform, new_account(platform), "red1", members, **fields)


def _unpublished_pool(platform: Platform) -> None:
    _pool(1)(platform)
    platform.redis.delete(keys.pool_snapshot())


def _open_file(platform: Platform) -> None:
    file = platform.settings.data_dir / "keys.json"
    file.write_text("{}")
    file.chmod(0o644)


def _broken_plugin(platform: Platform) -> None:
    beat(platform, "web@here:1", {"plugins": {"shop.py": {"hash": "", "problem": {"title": "x"}}}})


def _two_plugins(platform: Platform) -> None:
    for process, version in (("web@here:1", "a"), ("worker@here:2", "b")):
        beat(platform, process, {"plugins": {"shop.py": {"hash": version}}})


def _lost_clicks(platform: Platform) -> None:
    platform.redis.set(keys.click_check(), json.dumps({"lost": 1, "mismatches": [{"pool": 1}]}))


FAULTS: dict[str, Plant] = {
    "schema_outdated": _sql("UPDATE alembic_version SET version_num = '0001'"),
    "schema_newer": _sql("UPDATE alembic_version SET version_num = '9999'"),
    "tables_missing": _sql("DROP TABLE handled_updates"),
    "redis_syncs_seldom": _config("appendfsync", "no"),
    "redis_cuts_idle_connections": _config("timeout", "30"),
    "redis_evicts": _config("maxmemory-policy", "allkeys-lru"),
    "redis_without_aof": _config("appendonly", "no"),
    "redis_connections_too_few": _config("maxclients", "100"),
    "no_web": _end("web"),
    "no_worker": _end("worker"),
    "no_clock": _end("clock"),
    "no_poller": _poll_without_poller,
    "nobody_leads": lambda platform: platform.redis.delete(keys.lease("clock")),
    "sweep_late": lambda platform: platform.redis.set(keys.sweep_report(), '{"at": 5}'),
    "forgotten_heartbeats": lambda platform: platform.redis.zadd(keys.processes(), {"web@gone:9": 1}),
    "plugins_differ": _two_plugins,
    "plugins_broken": _broken_plugin,
    "plugins_taken_back": lambda platform: platform.redis.hset(keys.refused_plugins(), "shop.py:a", "{}"),
    "bot_files_wrong": lambda platform: platform.redis.set(
        keys.bot_files(), '{"at": "", "files": [{"file": "a.yaml", "problems": [{}]}]}'
    ),
    "updates_wait": _old_entry(lambda: keys.update_lane(0)),
    "clicks_wait": _old_entry(keys.click_stream),
    "dead_letters_not_stored": _old_entry(keys.intake_dead),
    "clicks_miscounted": _lost_clicks,
    "dead_letters_old": _stored(_letter()),
    "deletion_missed": lambda platform: platform.redis.delete(
        upkeep_keys.expired_deleted(utc_now().date().isoformat())
    ),
    "jobs_failed": lambda platform: platform.redis.zadd("rq:failed:default", {"x": 1}),
    "jobs_wait": lambda platform: platform.redis.rpush("rq:queue:default", *["x"] * 1001),
    "no_administrator": _sql("UPDATE accounts SET is_admin = false"),
    "destination_refuses": _sql("UPDATE notification_destinations SET is_refused = true"),
    "notifications_late": _late_delivery,
    "tokens_unreadable": _bot(),  # its token is sealed with nothing
    "tokens_rejected": _bot(status="failed", status_cause="unauthorized"),
    "webhooks_elsewhere": _bot(delivery_cause=DeliveryCause.STOLEN),
    "updates_not_delivered": _bot(delivery_state=DeliveryState.FAILING, delivery_cause=DeliveryCause.FAILING),
    "bots_not_looked_at": _bot(created_at=LONG_AGO),
    "pools_without_bots": _pool(0),
    "snapshot_incomplete": _unpublished_pool,
    "macros_not_filled_in": _click,
    "macro_in_a_fallback": _pool(1, fallback_url="https://x.example/?a={{ad.id}}"),
    "secret_files_open": _open_file,
    "clicks_on_disk": lambda platform: _spool(platform),
}
SQLITE_FAULTS: dict[str, Plant] = {
    "rows_without_owner": lambda platform: _alone(
        platform, "INSERT INTO recovery_codes (account_id, code_hash) VALUES (77, 'x')"
    ),
}
SERVED_FAULTS: dict[str, Plant] = {
    "alarms_reach_nobody": _sql("UPDATE notification_destinations SET is_enabled = false"),
    "administrator_with_password_alone": _sql("DELETE FROM second_factors"),
    "data_dir_open": lambda platform: platform.settings.data_dir.chmod(0o755),
    "pools_with_one_bot": _pool(1, fallback_url="https://x.example/"),
    "pools_without_fallback": _pool(2),
}


def _spool(platform: Platform) -> None:
    folder = platform.settings.data_dir / "spool"
    folder.mkdir(exist_ok=True)
    (folder / "1.jsonl").write_text("{}")


def _alone(platform: Platform, statement: str) -> None:
    """On the only connection, one that holds to no foreign keys."""
    platform.database.engine.dispose()
    with closing(sqlite3.connect(str(platform.database.engine.url.database))) as own:
        own.execute(statement)
        own.commit()


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
EXPECTED = {"no_webhook_address", "metrics_without_token", "encryption_key_weak"}  # true of these set-ups


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
