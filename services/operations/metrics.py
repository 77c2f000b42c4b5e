"""What `/metrics` answers: this process's figures, those of the others from their heartbeats, and gauges read now."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from shutil import disk_usage
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from redis import RedisError
from sqlalchemy import func, select

from models import Bot, BotStatus, BotWorker, MemberStatus, PoolBot
from services.core.errors import ConfigurationError, Unavailable
from services.core.metrics import REGISTRY, SCRAPED
from services.core.times import utc_now
from services.fleet.health.sweep import last_sweep_age
from services.fleet.workers.copies import all_copies
from services.operations.backup.reports import backup_report
from services.operations.keys.ages import key_ages
from services.operations.machine_memory import machine_memory
from services.operations.readiness import leases, spool_bytes
from services.platform.platform import Platform
from services.platform.switchboard import SwitchName, active_rows
from services.queueing.backlog import backlogs
from services.queueing.heartbeats import Sample, process_name, processes
from services.queueing.memory_guard import memory_in
from services.queueing.work_queue import lags

logger = logging.getLogger(__name__)
Reading = tuple[str, tuple[str, ...], float]  # family, label values, value


def exposition(platform: Platform, service: str = "web") -> bytes:
    """All metrics in Prometheus' text format; what cannot be asked now is left out. `service` names this process."""
    registry = CollectorRegistry()
    registry.register(_Everything(platform, process_name(service)))
    return bytes(generate_latest(registry))


class _Everything:
    """A collector over all processes; the label `process` tells whose figure it is."""

    def __init__(self, platform: Platform, process: str) -> None:
        self._platform = platform
        self._process = process

    def describe(self) -> Iterable[Metric]:
        """Nothing in advance: registering must not ask Redis or the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The families, each once."""
        try:
            others = _others(self._platform, self._process)
            gauges = list(_from_redis(self._platform))
        except RedisError:
            logger.warning("metrics left out: Redis does not answer")
            others, gauges = {}, []
        for family in REGISTRY.collect():
            own: list[Sample] = [(item.name, dict(item.labels), item.value) for item in family.samples]
            yield _merged(family, [(self._process, own), *others.get(family.name, [])])
        yield from _scraped(self._platform, gauges)


def _others(platform: Platform, process: str) -> dict[str, list[tuple[str, list[Sample]]]]:
    found: dict[str, list[tuple[str, list[Sample]]]] = {}
    for other in processes(platform):
        for family, samples in other.samples.items() if other.name != process else ():
            found.setdefault(family, []).append((other.name, samples))
    return found


def _merged(family: Metric, parts: Iterable[tuple[str, list[Sample]]]) -> Metric:
    merged = Metric(family.name, family.documentation, family.type)
    for process, samples in parts:
        for name, labels, value in samples:
            if not name.endswith("_created"):
                merged.add_sample(name, {**labels, "process": process}, value)
    return merged


def _scraped(platform: Platform, readings: Iterable[Reading]) -> Iterator[Metric]:
    families = {
        scraped.name: GaugeMetricFamily(scraped.name, scraped.help, labels=scraped.labels)
        for scraped in SCRAPED
    }
    for name, labels, value in [*readings, *_local(platform)]:
        families[name].add_metric(labels, value)
    yield from families.values()


def _local(platform: Platform) -> Iterator[Reading]:
    yield "spool_bytes", (), spool_bytes(platform)
    try:
        yield from _of_machine(platform)
    except OSError as error:
        logger.warning("metrics left out: the machine does not tell (%s)", error.strerror)
    try:
        yield "encryption_key_age_days", (), key_ages(platform)[0].days
    except (OSError, ConfigurationError, RedisError):
        logger.warning("metrics left out: the age of the keys cannot be known")
    try:
        yield from _from_database(platform)
        yield from _of_workers(platform)
    except (Unavailable, RedisError) as error:
        logger.warning("metrics left out: %s", type(error).__name__)


def _of_machine(platform: Platform) -> Iterator[Reading]:
    disk = disk_usage(platform.settings.data_dir)
    yield "disk_free_bytes", (), disk.free
    yield "disk_size_bytes", (), disk.total
    memory = machine_memory()
    yield "memory_used_bytes", (), memory.used
    yield "memory_size_bytes", (), memory.most


def _from_redis(platform: Platform) -> Iterator[Reading]:
    for backlog in backlogs(platform):
        yield "queue_size", (backlog.queue,), backlog.size
        if backlog.lag_seconds is not None:
            yield "queue_lag_seconds", (backlog.queue,), backlog.lag_seconds
    youngest: dict[str, float] = {}
    for process in processes(platform):
        youngest[process.service] = min(
            process.age_seconds, youngest.get(process.service, process.age_seconds)
        )
    for service, age in youngest.items():
        yield "process_heartbeat_age_seconds", (service,), age
    for lease, seconds in leases(platform).items():
        yield "lease_remaining_seconds", (lease,), seconds
    if (sweep_age := last_sweep_age(platform)) is not None:
        yield "health_sweep_age_seconds", (), sweep_age
    yield from _of_backups(platform)
    memory = memory_in(platform.redis.info("memory"))
    yield "redis_memory_used_bytes", (), memory.used
    yield "redis_memory_max_bytes", (), memory.most


def _of_backups(platform: Platform) -> Iterator[Reading]:
    report = backup_report(platform)
    if report.last_success:
        yield "backup_age_seconds", (), report.age_seconds(utc_now())
        yield "backup_last_success_timestamp_seconds", (), report.last_success
        yield "backup_size_bytes", (), report.last_size
    if report.last_verified:
        yield "backup_verified_timestamp_seconds", (), report.last_verified
    yield "backup_failing", (), int(bool(report.failure_code or report.verify_failure))


def _from_database(platform: Platform) -> Iterator[Reading]:
    with platform.database.reading() as session:
        running: Any = session.scalar(
            select(func.count()).select_from(Bot).where(Bot.status == BotStatus.RUNNING)
        )
        rows = session.execute(select(PoolBot.status, func.count()).group_by(PoolBot.status))
        switched = active_rows(session, utc_now())
        counted = {str(status): int(count) for status, count in rows}
    yield "telegram_active_bots", (), int(running or 0)
    for switch in SwitchName:
        yield "switches_active", (str(switch),), switch in switched
    for status in MemberStatus:
        yield "pool_members", (str(status),), counted.get(str(status), 0)


def _of_workers(platform: Platform) -> Iterator[Reading]:
    with platform.database.reading() as session:
        rows = session.execute(select(Bot.id, Bot.public_id).join(BotWorker, BotWorker.bot_id == Bot.id))
        bots = [(number, name) for number, name in rows]
    for (bot_id, _), lag in zip(bots, lags(platform.redis, bots), strict=True):
        yield "worker_lag", (str(bot_id),), lag
    for bot_id, copies in all_copies(platform.redis).items():
        yield "worker_replicas", (str(bot_id),), copies.current
