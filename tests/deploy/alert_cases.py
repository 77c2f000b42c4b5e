"""For each alert, how the figures of a healthy installation must change until it fires, and what else does then.

Series in promtool's notation, one value a minute: `0+60x40` grows by 60, `5x40` stays, `_x40` is missing. NEARLY is what
must not yet fire.
"""

from __future__ import annotations

from dataclasses import dataclass, field

GONE = "_x40"


def worker(series: str) -> str:
    """A counter of the worker's process."""
    name, _, labels = series.partition("{")
    return f'{name}{{process="worker@a:1",{labels or "}"}'


HEALTHY = {
    'up{job="flotilla",instance="a"}': "1x40",
    "redis_memory_used_bytes": "10x40",
    "redis_memory_max_bytes": "100x40",
    "telegram_active_bots": "6x40",
    'process_heartbeat_age_seconds{service="worker"}': "3x40",
    'process_heartbeat_age_seconds{service="clock"}': "3x40",
    'process_heartbeat_age_seconds{service="poller"}': "3x40",
    'lease_remaining_seconds{lease="clock"}': "8x40",
    "health_sweep_age_seconds": "14x40",
    'pool_members{status="banned"}': "2x40",
    'redirects_total{outcome="online",pool="a"}': "0+600x40",
    'redirects_total{outcome="unavailable",pool="a"}': "0x40",
    'queue_size{queue="lane:0"}': "0x40",
    'queue_size{queue="outbox"}': "50000x40",
    'queue_lag_seconds{queue="lane:0"}': "0x40",
    'queue_lag_seconds{queue="outbox"}': "900x40",
    worker('update_lag_seconds_bucket{le="0.1"}'): "0+600x40",
    worker('update_lag_seconds_bucket{le="10"}'): "0+600x40",
    worker('update_lag_seconds_bucket{le="+Inf"}'): "0+600x40",
    'worker_lag{bot="7"}': "0x40",
    worker('retries_total{kind="update"}'): "0x40",
    worker('updates_total{outcome="handled"}'): "0+600x40",
    worker('dead_letters_total{kind="send"}'): "4x40",
    worker('external_api_errors_total{api="telegram",status="500"}'): "0x40",
    worker('external_api_errors_total{api="telegram",status="403"}'): "0+200x40",
    worker('sends_total{outcome="done"}'): "0+600x40",
    worker("flood_waits_total"): "0x40",
    worker('send_duration_seconds_bucket{le="0.25",method="sendMessage"}'): "0+600x40",
    worker('send_duration_seconds_bucket{le="5",method="sendMessage"}'): "0+600x40",
    worker('send_duration_seconds_bucket{le="+Inf",method="sendMessage"}'): "0+600x40",
    "spool_bytes": "0x40",
    "clicks_lost_total": "0x40",
    "disk_free_bytes": "50x40",
    "disk_size_bytes": "100x40",
    "memory_used_bytes": "50x40",
    "memory_size_bytes": "100x40",
    "backup_age_seconds": "4000x40",
}


@dataclass(frozen=True)
class Case:
    """`changed` series make `fires` fire, twenty minutes in; nothing else does."""

    fires: tuple[str, ...]
    changed: dict[str, str]
    added: dict[str, str] = field(default_factory=dict)


def heart(service: str) -> str:
    """The series of a service's sign of life."""
    return f'process_heartbeat_age_seconds{{service="{service}"}}'


REDIS_AWAY = [
    name for name in HEALTHY if name.startswith(("redis_", "queue_", "process_", "lease_", "health_"))
]
CASES = (
    Case(("FlotillaDown",), {name: "0x40" if name.startswith("up") else GONE for name in HEALTHY}),
    Case(("RedisDown",), dict.fromkeys(REDIS_AWAY, GONE)),
    Case(("DatabaseDown",), {"telegram_active_bots": GONE}),
    Case(("WorkerDown",), {heart("worker"): GONE}),
    Case(("WorkerDown",), {heart("worker"): "40x40"}),
    Case(("ClockDown",), {heart("clock"): GONE}),
    Case(("PollerDown",), {heart("poller"): GONE}),
    Case(("LeaderMissing",), {'lease_remaining_seconds{lease="clock"}': GONE}),
    Case(("SweepLate",), {"health_sweep_age_seconds": "61x40"}),
    Case(("SweepLate",), {"health_sweep_age_seconds": GONE}),
    Case(("BotsBanned",), {'pool_members{status="banned"}': "2x15 3x15"}),
    Case(("RedirectsUnavailable",), {'redirects_total{outcome="unavailable",pool="a"}': "0+40x40"}),
    Case(("QueueLong",), {'queue_size{queue="lane:0"}': "1001x40"}),
    Case(("QueueLags",), {'queue_lag_seconds{queue="lane:0"}': "61x40"}),
    Case(("OutboxOld",), {'queue_lag_seconds{queue="outbox"}': "3601x40"}),
    Case(("UpdatesLate",), {worker('update_lag_seconds_bucket{le="0.1"}'): "0x40"}),
    Case(("ProgramLags",), {'worker_lag{bot="7"}': "1001x40"}),
    Case(("HandlerErrors",), {worker('retries_total{kind="update"}'): "0+31x40"}),
    Case(("DeadLetters",), {worker('dead_letters_total{kind="send"}'): "4x15 5x15"}),
    Case(("DeadLetters",), {}, {worker('dead_letters_total{kind="update"}'): "_x15 1x15"}),
    Case(("SendErrors",), {worker('external_api_errors_total{api="telegram",status="500"}'): "0+31x40"}),
    Case(("TelegramSlow",), {worker('send_duration_seconds_bucket{le="0.25",method="sendMessage"}'): "0x40"}),
    Case(("FloodWaits",), {worker("flood_waits_total"): "0+31x40"}),
    Case(("ClicksSpooled",), {"spool_bytes": "1x40"}),
    Case(("ClicksLost",), {"clicks_lost_total": "0x15 3x15"}),
    Case(("ClicksLost",), {"clicks_lost_total": "_x15 3x15"}),
    Case(("DiskFull",), {"disk_free_bytes": "19x40"}),
    Case(("MemoryHigh",), {"memory_used_bytes": "86x40"}),
    Case(("RedisMemoryHigh",), {"redis_memory_used_bytes": "81x40"}),
    Case(("BackupOld",), {"backup_age_seconds": "93601x40"}),
)
NEARLY = (
    {heart("worker"): "29x40"},
    {"health_sweep_age_seconds": "59x19 70x21"},  # not yet for a minute
    {'pool_members{status="banned"}': "3x15 2x15"},  # one came back
    {'redirects_total{outcome="unavailable",pool="a"}': "0+30x40"},
    {'queue_size{queue="lane:0"}': "1000x40", 'queue_lag_seconds{queue="lane:0"}': "60x40"},
    {'worker_lag{bot="7"}': "1000x40", "backup_age_seconds": "90000x40"},
    {worker('retries_total{kind="update"}'): "0+29x40", worker("flood_waits_total"): "0+29x40"},
    {worker('external_api_errors_total{api="telegram",status="500"}'): "0+29x40"},
    {"spool_bytes": "0x17 1x23", "disk_free_bytes": "21x40", "memory_used_bytes": "84x40"},
    {"redis_memory_max_bytes": "0x40"},  # no limit
    {worker('dead_letters_total{kind="send"}'): "1x5 5x35"},  # some time ago
)
