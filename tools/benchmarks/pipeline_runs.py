"""Runs of a system under load, what each cost, and what many of them come to."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.benchmarks.figures import Figure, machine_load
from tools.benchmarks.pipeline_systems import System

Report = dict[str, Any]


@dataclass(frozen=True)
class Size:
    """How large the measurements are. `chats` is the number of known people of each bot; rates are updates a second."""

    rounds: int = 5
    bots: int = 50
    chats: int = 60
    updates: int = 3000  # of each system in a round at full load
    window: int = 256  # unanswered updates at full load
    workers: int = 2  # worker processes of ours beside the peers, of which Celery has two
    burst: int = 6000
    first: int = 1000  # of a fresh worker
    seconds: int = 10  # of a run at a steady rate
    singles: int = 50  # updates one by one
    kills: int = 8
    killed: int = 8000  # updates under kills
    linger: float = 5.0  # s after the last update was answered, in which whatever is sent twice still counts
    idle_bots: int = 1000
    backlog: int = 10_000

    @property
    def people(self) -> int:
        """How many pairs of bot and known person there are."""
        return self.bots * self.chats


QUICK = Size(1, 10, 30, 400, 128, 1, 1200, 400, 3, 15, 2, 1500, 1, 100, 2000)


@dataclass
class Notes:
    """The reports so far by name, printed as they come. `peers`: whether these are measured too."""

    folder: Path
    log: Path
    size: Size
    peers: bool = True
    log_level: str = "INFO"
    reports: dict[str, list[Report]] = field(default_factory=dict)

    def run(self, name: str, system: System, updates: int, **order: Any) -> Report:
        """Measure one run and keep its report."""
        report = measure(system, updates, **order)
        self.keep(name, report)
        return report

    def keep(self, name: str, report: Report) -> None:
        """Keep and print a report."""
        self.reports.setdefault(name, []).append(report)
        lost = report["posted"] - report["replies"]
        print(
            f"{name:28} {report['rate']:>8} replies/s   {report['cpu_ms']:>6} ms CPU/update"
            f"   reply p50/p99 {report['reply_ms'].get('p50', 0)}/{report['reply_ms'].get('p99', 0)} ms"
            f"   answer p99 {report['webhook_ms'].get('p99', 0)} ms   trips {report['round_trips']}"
            f"   sql {report['sql']}   lost {lost}   load {report['load']}",
            flush=True,
        )

    def of(self, name: str) -> list[Report]:
        """The reports of all rounds of a run."""
        return self.reports[name]


def measure(system: System, updates: int, **order: Any) -> Report:
    """One run, with what it cost: CPU ms, round trips to Redis and SQL statements per update."""
    time.sleep(0.5)
    load, cpu = machine_load(), system.cpu_seconds()
    reads, statements = system.reads(), system.statements()
    report = system.driver.run(updates, **order)
    posted = max(1, report["posted"])
    report["load"] = load
    report["cpu_ms"] = round((system.cpu_seconds() - cpu) * 1000 / posted, 2)
    report["round_trips"] = round((system.reads() - reads) / posted, 2)
    time.sleep(0.3)
    report["sql"] = round((system.statements() - statements) / posted, 3)
    return report


def ratio_figure(
    what: str, above: Sequence[Report], below: Sequence[Report], must: float, aim: float, detail: str = ""
) -> Figure:
    """One rate over another: the median of the rounds, each compared with its neighbour in time; below it the spread."""
    ratios = sorted(float(a["rate"]) / max(0.1, float(b["rate"])) for a, b in zip(above, below, strict=True))
    shown = (
        f"{ratios[0]:.2f} to {ratios[-1]:.2f}; replies/s {rates(above)} over {rates(below)}; CPU {cpu(above)} over "
        f"{cpu(below)} ms per update{detail}"
    )
    value, unit, load = round(statistics.median(ratios), 2), "x", above[-1]["load"]
    return Figure(what, value, unit, must, aim, at_least=True, detail=shown, load=load)


def time_figure(what: str, reports: Sequence[Report], kind: str, must: float, aim: float) -> Figure:
    """A p99 in ms: the median of the rounds, below it each round; `kind` is `webhook_ms` or `reply_ms`."""
    value = round(median(reports, kind, "p99"), 1)
    each = " ".join(str(report[kind].get("p99", 0.0)) for report in reports)
    detail = f"p99 {each}; p50 {median(reports, kind, 'p50'):.1f} ms"
    return Figure(what, value, "ms", must, aim, detail=detail, load=reports[-1]["load"])


def median(reports: Sequence[Report], kind: str, share: str) -> float:
    """Of a percentile over the rounds."""
    return statistics.median(float(report[kind].get(share, 0.0)) for report in reports)


def rates(reports: Sequence[Report]) -> str:
    """Replies per second of each round."""
    return " ".join(f"{report['rate']:.0f}" for report in reports)


def cpu(reports: Sequence[Report]) -> float:
    """CPU ms per update, the median of the rounds."""
    return round(statistics.median(float(report["cpu_ms"]) for report in reports), 2)
