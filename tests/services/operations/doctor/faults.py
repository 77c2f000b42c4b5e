"""Faults to plant into a sound installation, by the check that is to name each."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from models import (
    Account,
    Click,
    DeadLetter,
    DeadLetterState,
    DeliveryStatus,
    Notification,
    NotificationDelivery,
    NotificationDestination,
)
from services.core.times import utc_now
from services.fleet.health.delivery import DeliveryCause, DeliveryState
from services.platform.platform import Platform
from services.platform.redis import keys, upkeep_keys
from services.queueing.heartbeats import beat, farewell
from tests.services.fleet.pools.fleet import new_account, new_bot, new_pool

LONG_AGO = utc_now() - timedelta(days=30)


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


def _backup_report(**fields: Any) -> Plant:
    told: dict[Any, Any] = {name: json.dumps(value) for name, value in fields.items()}
    return lambda platform: platform.redis.hset(upkeep_keys.backup_report(), mapping=told)


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
    "backup_missing": _backup_report(first_seen=LONG_AGO.timestamp()),
    "backup_old": _backup_report(last_success=LONG_AGO.timestamp()),
    "backup_failing": _backup_report(failure_code="backup_disk_full"),
    "backup_unusable": _backup_report(verify_failure="backup_damaged"),
    "backup_never_verified": _backup_report(
        first_seen=LONG_AGO.timestamp(), last_success=utc_now().timestamp()
    ),
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
