"""Every figure of the pipeline in one table: `make bench-pipeline`, or `python -m tools.benchmarks.pipeline [--rounds 3] …`.

Webhook POST -> reply received by the Bot API. The systems stand side by side on one machine and are loaded by turns,
each by `tools.benchmarks.telegram`, which is Telegram and the Bot API in one process. `--only ours` leaves out the peers.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tools.benchmarks.figures import Figure, machine_load, print_table
from tools.benchmarks.pipeline_hot import hot_bot_figure, measure_hot_bot
from tools.benchmarks.pipeline_systems import System, aiogram_server, celery_design, flotilla

Report = dict[str, Any]
STEADY_SECONDS = 10
POSTS_PER_SECOND = 300
SLOW_API_SECONDS = 0.05
IDLE_BOTS = 1000
IDLE_SECONDS = 20.0


def main() -> None:
    """Measure everything and print the table; with --json, the raw reports as well."""
    options = _options()
    reports: dict[str, list[Report]] = {}
    with tempfile.TemporaryDirectory(prefix="flotilla-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        log = options.log or folder / "log"
        figures = _compare(options, folder, log, reports)
        figures.append(_hot_bot(options, folder, log))
        if options.idle:
            figures += _idle(folder, log)
    print_table(figures)
    if options.json:
        print(json.dumps(reports))


def _compare(
    options: argparse.Namespace, folder: Path, log: Path, reports: dict[str, list[Report]]
) -> list[Figure]:
    with ExitStack() as stack:
        size = (options.bots, options.chats)
        ours = stack.enter_context(flotilla(folder / "ours", log, *size, LOG_LEVEL=options.log_level))
        systems = [ours]
        if options.only != "ours":
            systems.append(stack.enter_context(celery_design(folder / "celery", log, *size)))
            systems.append(stack.enter_context(aiogram_server(folder / "aiogram", log, *size)))
        ours.driver.run(options.bots * options.chats, window=options.window)  # everybody is known after this
        for peer in systems[1:]:
            peer.driver.run(options.bots * 2, window=options.window)
        for _ in range(options.rounds):
            for system in systems:
                load = {"window": options.window}
                _note(reports, system.name, measure(system, options.updates, **load))
            load = {"window": options.window, "delay": SLOW_API_SECONDS}
            _note(reports, "slow Bot API", measure(ours, options.updates, **load))
        for what, updates, order in _steady(options):
            _note(reports, what, measure(ours, updates, **order))
        if options.only != "ours":
            return [*_ratios(reports), *_own(reports)]
        return _own(reports)


def _steady(options: argparse.Namespace) -> list[tuple[str, int, dict[str, Any]]]:
    """The runs of ours alone at a fixed rate."""
    return [
        ("steady", options.rate * STEADY_SECONDS, {"rate": options.rate}),
        ("posts", POSTS_PER_SECOND * STEADY_SECONDS, {"rate": POSTS_PER_SECOND}),
        ("one by one", 25, {"rate": 5}),
    ]


def measure(system: System, updates: int, **order: Any) -> Report:
    """One run, with what it cost: CPU ms, round trips to Redis and SQL statements per update."""
    time.sleep(0.5)
    load, cpu = machine_load(), system.cpu_seconds()
    reads, statements = _reads(system), _statements(system)
    report = system.driver.run(updates, **order)
    posted = max(1, report["posted"])
    report["load"] = load
    report["cpu_ms"] = round((system.cpu_seconds() - cpu) * 1000 / posted, 2)
    report["round_trips"] = round((_reads(system) - reads) / posted, 2)
    time.sleep(0.3)
    report["sql"] = round((_statements(system) - statements) / posted, 3)
    return report


def _note(reports: dict[str, list[Report]], name: str, report: Report) -> None:
    reports.setdefault(name, []).append(report)
    lost = report["posted"] - report["replies"]
    print(
        f"{name:20} {report['rate']:>8} replies/s   {report['cpu_ms']:>6} ms CPU/update"
        f"   reply p50/p99 {report['reply_ms'].get('p50', 0)}/{report['reply_ms'].get('p99', 0)} ms"
        f"   answer p99 {report['webhook_ms'].get('p99', 0)} ms   trips {report['round_trips']}"
        f"   sql {report['sql']}   lost {lost}   load {report['load']}",
        flush=True,
    )


def _ratios(reports: dict[str, list[Report]]) -> list[Figure]:
    """Ours over each peer: the median of the rounds, each compared with its neighbours in time."""
    return [
        _ratio("replies/s over FastAPI + Celery", reports["Flotilla"], reports["FastAPI + Celery"], 4, 7),
        _ratio(
            "replies/s over aiogram in process", reports["Flotilla"], reports["aiogram in process"], 1, 1.5
        ),
    ]


def _ratio(what: str, above: list[Report], below: list[Report], must: float, aim: float) -> Figure:
    value = statistics.median(float(a["rate"]) / float(b["rate"]) for a, b in zip(above, below, strict=True))
    spread = f"{_rates(above)} over {_rates(below)}; CPU {_cpu(above)} and {_cpu(below)} ms per update"
    return Figure(what, round(value, 2), "x", must, aim, at_least=True, detail=spread, load=above[-1]["load"])


def _own(reports: dict[str, list[Report]]) -> list[Figure]:
    full, steady, posts, single = (
        reports[name][-1] for name in ("Flotilla", "steady", "posts", "one by one")
    )
    rate = steady["posted"] // STEADY_SECONDS
    p50, p99 = (float(steady["reply_ms"].get(share, 0.0)) for share in ("p50", "p99"))
    answered = float(posts["webhook_ms"].get("p99", 0.0))
    return [
        _ratio(
            "replies/s with a Bot API 50 ms away", reports["slow Bot API"], reports["Flotilla"], 0.8, 0.95
        ),
        Figure(f"reply p50 at a steady {rate}/s", p50, "ms", 60, 25, load=steady["load"]),
        Figure(f"reply p99 at a steady {rate}/s", p99, "ms", 250, 100, load=steady["load"]),
        Figure(f"webhook answer p99 at {POSTS_PER_SECOND}/s", answered, "ms", 100, 30, load=posts["load"]),
        Figure("Redis round trips per update at load", full["round_trips"], "", 6, 2, load=full["load"]),
        Figure("Redis round trips per update, idle", single["round_trips"], "", 12, 6, load=single["load"]),
    ]


def _hot_bot(options: argparse.Namespace, folder: Path, log: Path) -> Figure:
    """With Telegram's limit of thirty messages a second, without which the hot bot would send as nobody may."""
    with flotilla(folder / "hot", log, options.bots, options.chats, PACING_BOT_PER_SECOND="30") as ours:
        ours.driver.run(options.bots * 5, window=options.window)  # everybody is known after this
        load = machine_load()
        return hot_bot_figure(*measure_hot_bot(ours, options.rounds), load)


def _idle(folder: Path, log: Path) -> list[Figure]:
    """A thousand bots that say nothing, after everything has come to rest."""
    with flotilla(folder / "idle", log, IDLE_BOTS, 1, clock=True) as ours:
        time.sleep(15)
        load, cpu = machine_load(), ours.cpu_seconds()
        time.sleep(IDLE_SECONDS)
        percent = (ours.cpu_seconds() - cpu) / IDLE_SECONDS * 100
        memory = ours.memory_mb()
    return [
        Figure("1,000 idle bots: CPU of all processes", round(percent, 1), "%", 10, 3, load=load),
        Figure("1,000 idle bots: memory", round(memory), "MB", 700, 400, load=load),
    ]


def _rates(reports: list[Report]) -> str:
    return " ".join(f"{report['rate']:.0f}" for report in reports)


def _cpu(reports: list[Report]) -> float:
    return round(statistics.median(float(report["cpu_ms"]) for report in reports), 2)


def _reads(system: System) -> int:
    """Requests its Redis has read: a pipeline or script is one."""
    if system.platform is None:
        return 0
    return int(system.platform.redis.info("stats")["total_reads_processed"])


def _statements(system: System) -> int:
    file = system.sql_count
    return int(file.read_text() or 0) if file is not None and file.exists() else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("ours", "all"), default="all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bots", type=int, default=100)
    parser.add_argument("--chats", type=int, default=30, help="per bot")
    parser.add_argument("--updates", type=int, default=6000, help="at full load, per system and round")
    parser.add_argument("--window", type=int, default=256, help="unanswered updates at full load")
    parser.add_argument("--rate", type=int, default=100, help="updates a second in the steady run")
    parser.add_argument("--no-idle", dest="idle", action="store_false", help="leave out the idle bots")
    parser.add_argument("--log-level", default="INFO")
    parser.add_argument("--log", type=Path, default=None, help="keep the processes' output here")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
