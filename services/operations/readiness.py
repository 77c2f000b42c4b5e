"""Is this installation fit to serve? Failures say what does not work; warnings, what will soon hurt.

Only what this process cannot serve without makes it unready. A missing worker or clock is a warning: taking the web
process off its balancer for it would end the redirects too, which go on without both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from redis import RedisError
from sqlalchemy.exc import SQLAlchemyError

from services.core.errors import Unavailable
from services.core.i18n import Text
from services.fleet.health.sweep import last_report, last_sweep_age
from services.operations.backup_watchdog import backup_findings
from services.operations.findings import Finding, Readiness
from services.operations.manager.ensuring import manager_trouble
from services.operations.storage import redis_findings, storage_findings
from services.platform import schema
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.trouble import is_set_up_wrong, redis_trouble
from services.queueing.backlog import backlogs
from services.queueing.heartbeats import processes
from services.queueing.memory_guard import Memory
from services.traffic.clicks.spool import Spool
from services.traffic.clicks.stream_audit import last_check

SERVICES = ("web", "worker", "clock", "poller", "programs")
NEEDED_SERVICES = {  # the poller matters only to bots that poll, programs only to those whose owners have some
    "worker": Text("The worker process is not running: updates and messages wait."),
    "clock": Text("The clock process is not running: the bots' health is not being checked."),
}
LATE_SWEEPS = 4  # missed sweeps before one worries
LAG_SECONDS = 60.0  # an entry that old: workers are stuck or too few
LEASES = ("clock", "sweep", "clicks", "poller", "programs", "bots:reconcile")


def readiness(platform: Platform) -> Readiness:
    """Ask Redis and the database, a handful of round trips; never raises for one that is away."""
    findings = [*_database(platform), *_spool(platform), *_manager(platform)]
    try:
        findings += [*_redis(platform), *_processes(platform), *_sweeps(platform), *_backlogs(platform)]
        findings += backup_findings(platform)
    except RedisError as error:
        findings.append(_redis_away(error))
    return Readiness(tuple(findings))


def details(platform: Platform) -> dict[str, Any]:
    """Everything known of the installation's condition, for those who run it; never raises for a part that is away."""
    answer: dict[str, Any] = {
        **readiness(platform).as_json(),
        "database": {"kind": platform.database.engine.dialect.name},
        "spool_bytes": spool_bytes(platform),
    }
    try:
        answer |= {
            "redis": _engine(platform),
            "processes": [
                {
                    "name": process.name,
                    "service": process.service,
                    "age_seconds": round(process.age_seconds, 1),
                    "uptime_seconds": round(process.at - process.started_at),
                    "figures": process.figures,
                }
                for process in processes(platform)
            ],
            "sweep": last_report(platform),
            "clicks": last_check(platform),
            "backlogs": [asdict(backlog) for backlog in backlogs(platform)],
            "leases": leases(platform),
        }
    except RedisError as error:
        answer["redis"] = {"error": type(error).__name__}
    return answer


def leases(platform: Platform) -> dict[str, float]:
    """Held leases by name, and the seconds until they run out. Raises RedisError."""
    with platform.redis.pipeline(transaction=False) as pipe:
        for name in LEASES:
            pipe.pttl(keys.lease(name))
        remaining = pipe.execute()
    return {name: ms / 1000 for name, ms in zip(LEASES, remaining, strict=True) if ms > 0}


def spool_bytes(platform: Platform) -> int:
    """Bytes of clicks that wait on this machine's disk for Redis."""
    try:
        return Spool(platform.settings.data_dir / "spool").waiting_bytes()
    except OSError:
        return 0


def _redis_away(error: RedisError) -> Finding:
    if is_set_up_wrong(error):
        trouble = redis_trouble(error)
        return Finding(trouble.code, trouble.text, fatal=True)
    words = Text(
        "Redis does not answer: links keep redirecting from memory and clicks are kept on disk, but bots do not reply until it is back."
    )
    return Finding("redis_away", words, fatal=True)


def _manager(platform: Platform) -> Iterator[Finding]:
    """Whether the manager bot works, where MANAGER_BOT_TOKEN wants one."""
    try:
        trouble = manager_trouble(platform)
    except Unavailable:
        return  # which another finding says
    if trouble:
        yield Finding("manager_bot_failed", Text("The manager bot does not work: {reason}", reason=trouble))


def _database(platform: Platform) -> Iterator[Finding]:
    try:
        platform.database.ping()
        if schema.is_behind(platform.database):
            words = Text("The database's schema is out of date: run “flask db upgrade”.")
            yield Finding("schema_outdated", words, fatal=True)
        yield from storage_findings(platform)
    except (Unavailable, SQLAlchemyError):
        words = Text(
            "The database does not answer: links keep redirecting, but nothing can be changed until it is back."
        )
        yield Finding("database_away", words, fatal=True)


def _spool(platform: Platform) -> Iterator[Finding]:
    if spool_bytes(platform):
        words = Text("Clicks wait on this server's disk until they can be written to Redis.")
        yield Finding("clicks_spooled", words)


def _engine(platform: Platform) -> dict[str, Any]:
    with platform.redis.pipeline(transaction=False) as pipe:
        for section in ("server", "memory", "persistence"):
            pipe.info(section)
        server, memory, persistence = pipe.execute()
    return {
        "version": server.get("valkey_version") or server.get("redis_version"),
        "used_memory_bytes": int(memory["used_memory"]),
        "maxmemory_policy": memory.get("maxmemory_policy"),
        "maxmemory_bytes": int(memory.get("maxmemory", 0)),
        "aof_enabled": bool(persistence.get("aof_enabled")),
    }


def _redis(platform: Platform) -> Iterator[Finding]:
    engine = _engine(platform)
    yield from redis_findings(platform.redis, Memory(engine["used_memory_bytes"], engine["maxmemory_bytes"]))
    if engine["maxmemory_policy"] != "noeviction":
        words = Text("Redis may throw clicks and updates away: set maxmemory-policy to noeviction.")
        yield Finding("redis_evicts", words)
    if not engine["aof_enabled"]:
        words = Text("Redis keeps no append-only file: a crash loses what waits in it.")
        yield Finding("redis_without_aof", words)


def _processes(platform: Platform) -> Iterator[Finding]:
    alive = {process.service for process in processes(platform) if process.is_alive}
    for service, words in NEEDED_SERVICES.items():
        if service not in alive:
            yield Finding(f"no_{service}", words)


def _sweeps(platform: Platform) -> Iterator[Finding]:
    age = last_sweep_age(platform)
    if age is None or age > LATE_SWEEPS * platform.settings.health_interval_seconds:
        yield Finding(
            "sweep_late", Text("The health check of the bots is late: what you see of them may be old.")
        )


def _backlogs(platform: Platform) -> Iterator[Finding]:
    for backlog in backlogs(platform):
        if backlog.queue.startswith("lane:") and backlog.size >= platform.settings.intake_max_backlog:
            words = Text(
                "The queue {queue} is full: Telegram is asked to deliver later.", queue=backlog.queue
            )
            yield Finding("lane_full", words)
        elif backlog.queue == "outbox":  # where bulk messages wait by design, and those of a banned bot
            continue
        elif (backlog.lag_seconds or 0) > LAG_SECONDS:
            words = Text(
                "The queue {queue} lags behind by more than a minute: replies come late.",
                queue=backlog.queue,
            )
            yield Finding("queue_lags", words)
