"""Writes deploy/grafana/flotilla.json, the dashboard for Grafana, from the panels below. `python -m tools.dashboard`"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).resolve().parents[1] / "deploy" / "grafana" / "flotilla.json"
SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
COLUMNS: Final = 24  # of Grafana's grid
HEIGHT: Final = 8
RATE: Final = "[$__rate_interval]"


@dataclass(frozen=True)
class Panel:
    """One chart: `queries` are legend -> expression; `unit` is Grafana's name of one. A stat shows the last values alone."""

    title: str
    queries: dict[str, str]
    unit: str = "short"
    about: str = ""
    kind: str = "timeseries"
    width: int = 8


def rate(metric: str, by: str, matchers: str = "") -> str:
    """Per second, summed over processes."""
    return f"sum by ({by}) (rate({metric}{matchers}{RATE}))"


def quantiles(histogram: str, by: str = "") -> dict[str, str]:
    """Half of all, and all but one in twenty, took less."""
    labels = f"le, {by}" if by else "le"
    legend = f" {{{{{by}}}}}" if by else ""
    return {
        f"p{percent}{legend}": f"histogram_quantile(0.{percent}, sum by ({labels}) (rate({histogram}_bucket{RATE})))"
        for percent in (50, 95)
    }


def stat(title: str, expression: str, unit: str = "short", about: str = "") -> Panel:
    """One number."""
    return Panel(title, {title: expression}, unit, about, kind="stat", width=4)


ROWS: Final[dict[str, tuple[Panel, ...]]] = {
    "At a glance": (
        stat("Bots running", "max(telegram_active_bots)"),
        stat("Clicks", "sum(rate(redirects_total[5m]))", "reqps"),
        stat("Updates", 'sum(rate(updates_total{outcome="accepted"}[5m]))', "reqps"),
        stat("Sends", 'sum(rate(sends_total{outcome="done"}[5m]))', "reqps"),
        stat(
            "Oldest waiting", 'max(queue_lag_seconds{queue!="outbox"})', "s", "Updates, clicks and the like"
        ),
        stat(
            "Last sweep", "max(health_sweep_age_seconds)", "s", "The bots' health was looked at so long ago"
        ),
    ),
    "Clicks": (
        Panel("Redirects by outcome", {"{{outcome}}": rate("redirects_total", "outcome")}, "reqps"),
        Panel("Redirects by pool", {"{{pool}}": f"topk(10, {rate('redirects_total', 'pool')})"}, "reqps"),
        Panel("Visitors' steps", {"{{step}}": rate("funnel_total", "step")}, "reqps"),
        Panel("Time of a redirect", quantiles("redirect_duration_seconds"), "s"),
        Panel(
            "Strategy and tier",
            {"{{strategy}} {{tier}}": rate("redirect_choices_total", "strategy, tier")},
            "reqps",
            "How clicks found their bots",
        ),
        Panel(
            "Clicks that Redis did not take",
            {
                "to disk": f"sum(rate(clicks_spooled_total{RATE}))",
                "brought in": f"sum(rate(clicks_replayed_total{RATE}))",
                "lost": f"sum(rate(clicks_lost_total{RATE}))",
            },
            "reqps",
        ),
    ),
    "Updates": (
        Panel("Updates by outcome", {"{{outcome}}": rate("updates_total", "outcome")}, "reqps"),
        Panel("From acceptance to handler", quantiles("update_lag_seconds"), "s"),
        Panel(
            "Time in handlers",
            {"p95 {{action}}": quantiles("action_duration_seconds", "action")["p95 {{action}}"]},
            "s",
        ),
        Panel(
            "Updates by kind", {"{{message_type}}": rate("telegram_messages_total", "message_type")}, "reqps"
        ),
        Panel("Over a limit", {"{{scope}}": rate("rate_limit_hits_total", "scope")}, "reqps"),
        Panel(
            "Repeated and given up",
            {
                "again: {{kind}}": rate("retries_total", "kind"),
                "dead: {{kind}}": rate("dead_letters_total", "kind"),
            },
            "reqps",
        ),
    ),
    "Sends": (
        Panel("Sends by outcome", {"{{outcome}}": rate("sends_total", "outcome")}, "reqps"),
        Panel("Time of a Bot API call", quantiles("send_duration_seconds"), "s"),
        Panel("Told to wait (429)", {"429": f"sum(rate(flood_waits_total{RATE}))"}, "reqps"),
        Panel(
            "Failed calls", {"{{api}} {{status}}": rate("external_api_errors_total", "api, status")}, "reqps"
        ),
        Panel(
            "Notifications",
            {"{{kind}} {{outcome}}": rate("notifications_sent_total", "kind, outcome")},
            "reqps",
        ),
        Panel("Callbacks refused", {"{{reason}}": rate("callbacks_refused_total", "reason")}, "reqps"),
    ),
    "Queues": (
        Panel("Waiting", {"{{queue}}": "max by (queue) (queue_size)"}),
        Panel("Age of the oldest", {"{{queue}}": "max by (queue) (queue_lag_seconds)"}, "s"),
        Panel(
            "Time of jobs", {"p95 {{task}}": quantiles("task_duration_seconds", "task")["p95 {{task}}"]}, "s"
        ),
    ),
    "Bots": (
        Panel("Members of pools by health", {"{{status}}": "max by (status) (pool_members)"}),
        Panel(
            "Breakers' changes",
            {"{{from_status}} to {{to_status}}": rate("breaker_transitions_total", "from_status, to_status")},
            "reqps",
        ),
        Panel(
            "Health checks", {"{{outcome}} {{cause}}": rate("health_checks_total", "outcome, cause")}, "reqps"
        ),
        Panel("Programs: updates not answered", {"bot {{bot}}": "max by (bot) (worker_lag)"}),
        Panel("Programs: copies", {"bot {{bot}}": "max by (bot) (worker_replicas)"}),
        Panel("Programs: time to the answer", quantiles("worker_handling_seconds"), "s"),
    ),
    "Machines": (
        Panel(
            "Processes' signs of life",
            {"{{service}}": "max by (service) (process_heartbeat_age_seconds)"},
            "s",
            "Age of the last one",
        ),
        Panel(
            "Memory of processes",
            {"{{process}}": "max by (process) (process_resident_memory_bytes)"},
            "bytes",
        ),
        Panel(
            "CPU of processes", {"{{process}}": rate("process_cpu_seconds_total", "process")}, "percentunit"
        ),
        Panel("Leases", {"{{lease}}": "max by (lease) (lease_remaining_seconds)"}, "s", "Until they run out"),
        Panel(
            "Redis",
            {"used": "max(redis_memory_used_bytes)", "at most": "max(redis_memory_max_bytes)"},
            "bytes",
        ),
        Panel(
            "Machine",
            {
                "memory": "max(memory_used_bytes / memory_size_bytes)",
                "disk": "1 - min(disk_free_bytes / disk_size_bytes)",
            },
            "percentunit",
        ),
        Panel("Clicks on disk", {"spool": "max(spool_bytes)"}, "bytes"),
        Panel("Connections ended", {"{{reason}}": rate("connections_ended_total", "reason")}, "reqps"),
        Panel("Ticks of the clock", {"{{tick}}": rate("clock_ticks_total", "tick")}, "reqps"),
    ),
}


def dashboard() -> dict[str, Any]:
    """What Grafana imports."""
    return {
        "title": "Flotilla",
        "uid": "flotilla",
        "tags": ["flotilla"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {
            "list": [
                {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}
            ]
        },
        "panels": list(_panels()),
    }


def _panels() -> Iterator[dict[str, Any]]:
    number, top = 0, 0
    for title, panels in ROWS.items():
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": title,
            "collapsed": False,
            "panels": [],
            "gridPos": _place(0, top, COLUMNS, 1),
        }
        left, top = 0, top + 1
        for panel in panels:
            if left + panel.width > COLUMNS:
                left, top = 0, top + HEIGHT
            number += 1
            yield _shown(panel, number, _place(left, top, panel.width, HEIGHT))
            left += panel.width
        top += HEIGHT


def _place(left: int, top: int, width: int, height: int) -> dict[str, int]:
    return {"x": left, "y": top, "w": width, "h": height}


def _shown(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    targets = [
        {"refId": chr(ord("A") + index), "datasource": SOURCE, "expr": expression, "legendFormat": legend}
        for index, (legend, expression) in enumerate(panel.queries.items())
    ]
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": targets,
    }


def written() -> str:
    """The file's text."""
    return json.dumps(dashboard(), indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(written())
    sys.stdout.write(f"{FILE.name}: {len(dashboard()['panels'])} panels and rows\n")
