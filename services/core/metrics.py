"""Every Prometheus metric of the application, in one place. docs/metrics.md describes each; a test compares.

Two kinds: those a process counts as it works (`REGISTRY`; the figures of other processes reach `/metrics` through
their heartbeats, told apart by the label `process`), and those read at the moment of the scrape (`SCRAPED`).
Labels hold ids and fixed words only, never names that people choose or secrets, except `pool`, a pool's slug.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector

REGISTRY: Final = CollectorRegistry()
ProcessCollector(registry=REGISTRY)  # process_resident_memory_bytes, process_cpu_seconds_total …

# From a local round trip to the longest a handler or a Bot API call may take.
SECONDS: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30)


def _counter(name: str, help_: str, *labels: str) -> Counter:
    return Counter(name, help_, labels, registry=REGISTRY)


def _histogram(name: str, help_: str, *labels: str) -> Histogram:
    return Histogram(name, help_, labels, registry=REGISTRY, buckets=SECONDS)


# Redirects
REDIRECTS: Final = _counter(
    "redirects_total",
    "requests to /go by pool slug (empty for an unknown one) and outcome: online, degraded, fallback, unavailable, paused, limited, unknown",
    "pool",
    "outcome",
)
REDIRECT_SECONDS: Final = _histogram(
    "redirect_duration_seconds",
    "from a request to /go of a known pool to its answer, the click written down; one click in eight, by its millisecond",
)
REDIRECT_CHOICES: Final = _counter(
    "redirect_choices_total",
    "clicks that became rows by what chose their bot: the pool's strategy and the tier of members it chose among; fallback/… for those of a fallback pool",
    "strategy",
    "tier",
)
CLICKS_SPOOLED: Final = _counter(
    "clicks_spooled_total", "clicks written to the spool file because Redis was away or nearly full"
)
CLICKS_LOST: Final = _counter(
    "clicks_lost_total",
    "clicks that neither Redis nor the disk took; the visitors were redirected all the same",
)
CLICKS_REPLAYED: Final = _counter(
    "clicks_replayed_total", "spooled clicks brought into the stream afterwards"
)
CLICKS_FLUSHED: Final = _counter("clicks_flushed_total", "clicks that became rows")
RATE_LIMIT_HITS: Final = _counter(
    "rate_limit_hits_total",
    "requests over a limit, by scope: redirect, status (public status pages), api, worker (a bot's own program), webhook, setup, password, sign_in (by address), sign_in_account, sign_in_anywhere, sign_in_browser, key (wrong API keys and METRICS_TOKENs); for updates window, bucket, cooldown, lock, network (a webhook called from elsewhere than TELEGRAM_NETWORKS while that switch is on), and of whom the bot does not answer blocked, not_allowed, maintenance, captcha (a /start that was asked)",
    "scope",
)
IDEMPOTENCY: Final = _counter(
    "idempotency_keys_total",
    "API requests with an Idempotency-Key: fresh, same, other, running, full (too many are remembered)",
    "state",
)
FUNNEL: Final = _counter(
    "funnel_total", "visitors' steps: click, start (with or without a click), lead", "step"
)
GOALS: Final = _counter(
    "goals_total",
    "goals that people reached, by who said so: flow, plugin, api, payment, webhook, broadcast",
    "source",
)
PAYMENTS: Final = _counter("payments_total", "payments that Telegram told of: paid, refunded", "outcome")
PAYMENT_CALLS: Final = _counter(
    "payment_webhook_calls_total",
    "calls of payment providers: recorded, duplicate, skipped, failed, rejected (unknown path or wrong signature)",
    "result",
)
POSTBACKS: Final = _counter(
    "postbacks_total",
    "attempts to tell of an event: sent, later, refused (given up), skipped",
    "driver",
    "outcome",
)
CONNECTIONS_ENDED: Final = _counter(
    "connections_ended_total",
    "connections that a web worker ended, by reason: overdue (the peer was too slow), crowded, share (of one address), refused, drained (the worker ends)",
    "reason",
)

# Updates and handlers
MESSAGES: Final = _counter(
    "telegram_messages_total", "updates accepted, by bot and type of update", "bot_id", "message_type"
)
UPDATES: Final = _counter(
    "updates_total",
    "updates by outcome, at the door: accepted, duplicate, dead, refused; in the worker: handled, handed (to the bot's own program), limited, kept_out (access, captcha), opted_out, unwanted, unknown_kind, dropped",
    "outcome",
)
CALLBACKS_REFUSED: Final = _counter(
    "callbacks_refused_total",
    "taps on buttons that are not valid, by reason: forged (also another user's), expired, replayed, lost, unknown",
    "reason",
)
HANDLER_SECONDS: Final = _histogram(
    "action_duration_seconds",
    "time in the handlers of one update, by the plugin that took it (none: nobody did)",
    "action",
)
PLUGIN_RELOADS: Final = _counter(
    "plugin_reloads_total",
    "custom plugins by what became of a change: swapped (another version serves), failed (it could not be loaded), reverted (it failed at work)",
    "outcome",
)
FILES: Final = _counter(
    "files_total",
    "files that people sent and a plugin asked for, by outcome: stored, or why they were refused (too_large, type, executable, "
    "quota, infected, unscanned, too_slow, gone)",
    "outcome",
)
MEDIA_UPLOADS: Final = _counter(
    "media_uploads_total",
    "files uploaded to media libraries, by outcome: stored, or why they were refused (too_large, type, executable, empty, "
    "infected, unscanned)",
    "outcome",
)
MEDIA_SENDS: Final = _counter(
    "media_sends_total",
    "calls with a file of a media library: known (by the bot's file_id), uploaded, stale (Telegram knew the file_id no more)",
    "how",
)
UPDATE_LAG: Final = _histogram(
    "update_lag_seconds", "from the acceptance of an update to the start of its handler"
)
TIMERS: Final = _counter(
    "timers_total",
    "plugins' timers that were due: rung (brought to their chat's lane), again (nobody had handled them), refused (a full lane), "
    "handled, void (cancelled or handled meanwhile)",
    "outcome",
)
TIMER_LAG: Final = _histogram("timer_lag_seconds", "from the moment a timer is due to its chat's lane")

# Bots' own programs
WORKER_RESTARTS: Final = _counter(
    "worker_restarts_total",
    "copies of a bot's own program that were started again: after an end that nobody asked for, or in place of an outdated one",
    "bot",
)
WORKER_HANDLING_SECONDS: Final = _histogram(
    "worker_handling_seconds",
    "from giving an update to a bot's own program, or its last extension, to its answer",
)

# Sends
SENDS: Final = _counter(
    "sends_total",
    "Bot API calls from the outbox, by outcome: done, later, uncertain, refused, dead",
    "outcome",
)
SEND_SECONDS: Final = _histogram("send_duration_seconds", "time of a Bot API call from the outbox", "method")
FLOOD_WAITS: Final = _counter("flood_waits_total", "429 answers of the Bot API")
API_ERRORS: Final = _counter(
    "external_api_errors_total",
    "failed calls to outside services, by service (telegram, or the plugin that called) and HTTP status (0: no answer)",
    "api",
    "status",
)
RETRIES: Final = _counter("retries_total", "repeated work, by kind: update, send, job, api", "kind")
DEAD_LETTERS: Final = _counter("dead_letters_total", "given up, by kind: intake, update, send, job", "kind")
TASK_SECONDS: Final = _histogram("task_duration_seconds", "time of a job, by name", "task")

# Health
HEALTH_CHECKS: Final = _counter(
    "health_checks_total", "identity checks of bots, by outcome and cause", "outcome", "cause"
)
HEALTH_CHECK_SECONDS: Final = _histogram("health_check_duration_seconds", "time of one identity check")
SWEEP_SECONDS: Final = _histogram("health_sweep_duration_seconds", "time of a sweep, re-checks excepted")
BREAKER_TRANSITIONS: Final = _counter(
    "breaker_transitions_total", "changes of a member's status", "from_status", "to_status"
)

# Notifications
NOTIFICATIONS_SENT: Final = _counter(
    "notifications_sent_total",
    "messages to destinations, by kind of destination and outcome: sent, later, refused",
    "kind",
    "outcome",
)
NOTIFICATION_SECONDS: Final = _histogram(
    "notification_duration_seconds", "time of handing one message to a destination", "kind"
)

# Traces
TRACE_SPANS: Final = _counter(
    "trace_spans_total",
    "spans by what became of them: sent, refused (the collector did not take them), dropped (it is too slow or away)",
    "outcome",
)

# The clock
TICKS: Final = _counter("clock_ticks_total", "ticks of the leading clock, by name", "tick")


@dataclass(frozen=True)
class Scraped:
    """A gauge that is read when `/metrics` is asked; services/operations/metrics.py fills it."""

    name: str
    help: str
    labels: tuple[str, ...] = ()


SCRAPED: Final = (
    Scraped("telegram_active_bots", "bots that run"),
    Scraped("pool_members", "members of pools by status", ("status",)),
    Scraped(
        "queue_size", "waiting work: RQ queues, lanes of updates, outboxes, the click stream", ("queue",)
    ),
    Scraped("queue_lag_seconds", "age of the oldest waiting entry of a stream", ("queue",)),
    Scraped("health_sweep_age_seconds", "since the end of the last sweep; the dead-man's switch"),
    Scraped("lease_remaining_seconds", "until a held lease runs out", ("lease",)),
    Scraped("process_heartbeat_age_seconds", "since a process's last sign of life", ("service",)),
    Scraped("worker_lag", "updates that a bot's own program has not answered, held ones included", ("bot",)),
    Scraped("worker_replicas", "copies of a bot's own program that were started here and run", ("bot",)),
    Scraped("backup_age_seconds", "since the last backup; there is none while there is no such figure"),
    Scraped("backup_last_success_timestamp_seconds", "when the last backup was made"),
    Scraped("backup_size_bytes", "of the last backup, encrypted"),
    Scraped("backup_verified_timestamp_seconds", "when a backup was last brought to life"),
    Scraped("backup_failing", "1 while the last backup or the last trial of one failed, else 0"),
    Scraped("spool_bytes", "clicks waiting in spool files of this machine"),
    Scraped("disk_free_bytes", "free space on the disk of DATA_DIR of this machine"),
    Scraped("disk_size_bytes", "size of the disk of DATA_DIR of this machine"),
    Scraped("memory_used_bytes", "memory in use on this machine, or in its container; caches excepted"),
    Scraped("memory_size_bytes", "memory that this machine, or its container, has"),
    Scraped("redis_memory_used_bytes", "what Redis holds"),
    Scraped("switches_active", "switches of the runbook: 1 while one is on, else 0", ("switch",)),
    Scraped("encryption_key_age_days", "age of the newest encryption key"),
    Scraped("redis_memory_max_bytes", "what Redis may hold, its maxmemory; 0 = no limit"),
)


@contextmanager
def timed(histogram: Histogram, *labels: str) -> Iterator[None]:
    """Observe how long the block took, in seconds, whether it ends well or not."""
    began = time.perf_counter()
    try:
        yield
    finally:
        (histogram.labels(*labels) if labels else histogram).observe(time.perf_counter() - began)
