"""The figures of hot reload: `make bench-reload`, or `python -m tools.benchmarks.reload [--reloads 1000] [--rate 300]`.

An installation of a web process and two workers under a steady stream of updates, whose plugin is saved again and again: right,
slow, broken and crashing versions mixed. Each reply names the version and the process that made it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from services.core.environment import load_settings
from services.fleet.plugin_loading.selecting import REFUSED
from services.fleet.plugin_loading.versions import hash_of
from services.platform import schema
from services.platform.platform import Platform
from services.queueing.heartbeats import processes
from tools.benchmarks.figures import Figure, machine_load, print_table
from tools.benchmarks.pipeline_systems import (
    Driver,
    counted_valkey,
    environ_of,
    make_bots,
    pss_kb,
    telegram,
)
from tools.benchmarks.reload_versions import FILE, NAME, Manner, Written, manner_of
from tools.benchmarks.servers import gunicorn, process
from tools.servers.process_tree import family

BOTS = 20
CHATS = 100  # of each bot: a failing one waits for its repetition, and 2,000 are enough for the others
WORKERS = 2
LANES = 8
LOOK_SECONDS = 0.02
PATIENCE_SECONDS = 90.0  # for one change to come everywhere, on a machine that does other things too
BAD_SECONDS = 10.0  # a bad version may not serve longer
WARM_UP = 25  # changes before the memory is measured

Reply = tuple[float, int, str, int, float]


@dataclass
class Course:
    """What was saved when, and how long bad versions served."""

    reloads: int = 0
    saved: dict[int, float] = field(default_factory=dict)
    slow: set[int] = field(default_factory=set)  # versions that take their time by themselves
    seen: dict[int, float] = field(
        default_factory=dict
    )  # s until the web process too has said that it has it
    bad: list[float] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)  # MB of each process before and after


@dataclass(frozen=True)
class Outcome:
    """What the people saw."""

    course: Course
    posted: int
    refused: int
    replies: Sequence[Reply]

    @property
    def delays(self) -> list[float]:
        """From a right version's saving to its first answer from each worker, and until the web process has it.

        One that first answers when it has returned from behind a bad one was not waited for.
        """
        answered = [loading + waiting for loading, waiting in self.parts]
        return sorted([*answered, *self.course.seen.values()])

    @property
    def parts(self) -> list[tuple[float, float]]:
        """Of these delays of workers: until the version was loaded, and from there until somebody had its first answer.

        The second holds whatever updates wait for on a busy machine, with or without a reload.
        """
        firsts: dict[tuple[int, int], tuple[float, float]] = {}
        for at, _, said, worker, loaded in self.replies:
            firsts.setdefault((int(said.partition("-")[0]), worker), (at, loaded))
        saved = self.course.saved
        return [
            (loaded - saved[number], at - loaded)
            for (number, _), (at, loaded) in firsts.items()
            if number in saved and number not in self.course.slow and at < saved.get(number + 1, at + 1)
        ]

    @property
    def faults(self) -> dict[str, int]:
        """Lost, doubled, mixed, served too long."""
        times = Counter(number for _, number, *_ in self.replies)
        return {
            "lost": self.posted - len(times),
            "doubled": sum(count > 1 for count in times.values()),
            "mixed": sum(len(set(said.split("-"))) > 1 for _, _, said, *_ in self.replies),
            "bad over 10 s": sum(seconds > BAD_SECONDS for seconds in self.course.bad),
        }

    def figures(self, load: float) -> list[Figure]:
        """The rows of the table."""
        delays, faults = self.delays, self.faults
        growth = max((after / before - 1) * 100 for before, after in self.course.memory)
        said = ", ".join(f"{name} {count}" for name, count in faults.items())
        longest = f"longest bad version {max(self.course.bad, default=0):.1f} s of {len(self.course.bad)}"
        memory = "; ".join(f"{before:.1f} -> {after:.1f} MB" for before, after in self.course.memory)
        p99 = round(_percentile(delays, 99), 3)
        loading, waiting = ([part[which] for part in self.parts] for which in (0, 1))
        spread = (
            f"{len(delays)} measured; p50 {_percentile(delays, 50):.3f}, most {delays[-1]:.3f} s; "
            f"p99 until a worker loads it {_percentile(loading, 99):.3f}, from there {_percentile(waiting, 99):.3f} s"
        )
        title = f"{self.course.reloads} reloads under {self.posted} updates: lost, doubled, mixed, bad > 10 s"
        return [
            Figure("file saved -> new version answers, p99", p99, "s", 2, 0.5, detail=spread, load=load),
            Figure(title, sum(faults.values()), "", 0, 0, detail=f"{said}; {longest}", load=load),
            Figure("memory after the reloads over before", round(growth, 2), "%", 10, 2, detail=memory),
        ]


@dataclass(frozen=True)
class House:
    """The installation under measurement."""

    platform: Platform
    driver: Driver
    folder: Path
    pids: Sequence[int]

    def save(self, source: str) -> None:
        """As an editor does."""
        fresh = self.folder / ".fresh"
        fresh.write_text(source)
        fresh.replace(self.folder / FILE)

    def reports(self) -> list[dict[str, Any]]:
        """What each process last said of the plugin."""
        alive = [each for each in processes(self.platform) if "plugins" in each.figures]
        return [each.figures["plugins"].get(FILE, {}) for each in alive]

    def memory(self, pid: int) -> float:
        """MB of a process and what it forked; what they share counts once."""
        return sum(map(pss_kb, family(pid))) / 1024

    def until(self, holds: Callable[[list[dict[str, Any]]], bool]) -> None:
        """Wait for the reports of all processes."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            reports = self.reports()
            if len(reports) == len(self.pids) and holds(reports):
                return
            if time.monotonic() > deadline:
                raise RuntimeError(f"a change did not come everywhere: {reports}")
            time.sleep(LOOK_SECONDS)


@contextmanager
def house(folder: Path, log: Path, workers: int = WORKERS) -> Iterator[House]:
    """Valkey, a web process and `workers`, with a plugin that is right."""
    folder.mkdir(mode=0o755, exist_ok=True)
    plugins = folder / "custom"
    plugins.mkdir()
    (plugins / FILE).write_text(Written(0, Manner.RIGHT).source)
    with ExitStack() as stack:
        driver = stack.enter_context(telegram("tools.benchmarks.reload_telegram"))
        redis_url, _ = stack.enter_context(counted_valkey(folder))
        environ = {
            **environ_of(folder, redis_url, driver.port),
            "PLUGINS_DIR": str(plugins),
            "INBOUND_WORKERS": str(LANES // workers),  # so that each has its share of the lanes
        }
        platform = Platform(load_settings(environ))
        schema.upgrade(platform)
        paths = make_bots(platform, BOTS, ((NAME, {}),))
        web = stack.enter_context(gunicorn("gunicorn.conf.py", "wsgi:app", environ, log))
        worker = [sys.executable, "-m", "jobs.worker"]
        pids = [stack.enter_context(process(worker, environ, log)) for _ in range(workers)]
        driver.connect(web.port, paths, CHATS)
        yield House(platform, driver, plugins, [*web.workers(), *pids])


def run(folder: Path, versions: Sequence[Written], rate: float, log: Path, workers: int = WORKERS) -> Outcome:
    """Save the versions one after the other, under `rate` updates a second."""
    course = Course(len(versions))
    with house(folder, log, workers) as home:
        home.until(lambda reports: all(each.get("hash") for each in reports))
        home.driver.order(rate=rate, patience=PATIENCE_SECONDS)
        good, before = hash_of(Written(0, Manner.RIGHT).source.encode()), list[float]()
        for count, version in enumerate(versions, 1):
            good = change(home, course, version, good)
            if count == min(WARM_UP, len(versions)):
                before = [home.memory(pid) for pid in home.pids]
        report = home.driver.finish()
        course.memory = [(was, home.memory(pid)) for pid, was in zip(home.pids, before, strict=True)]
    replies = [(at, number, said, pid, loaded) for at, number, said, pid, loaded in report["replies"]]
    return Outcome(course, report["posted"], report["refused"], replies)


def change(home: House, course: Course, version: Written, good: str) -> str:
    """Save a version and wait until every process has dealt with it; the version that serves then."""
    source = version.source
    hash_ = hash_of(source.encode())
    home.save(source)
    began = time.monotonic()
    course.saved[version.number] = began
    if version.manner in (Manner.BROKEN, Manner.ENDLESS):
        home.until(lambda reports: all(_problem(each).get("hash") == hash_ for each in reports))
        home.until(lambda reports: all(each["hash"] == good for each in reports))
        return good
    if version.manner is Manner.CRASHING:
        _watch_return(home, course, hash_, good)
        return good
    home.until(lambda reports: all(each.get("hash") == hash_ for each in reports))
    if version.manner is Manner.RIGHT:
        course.seen[version.number] = time.monotonic() - began
    else:
        course.slow.add(version.number)
    return hash_


def _watch_return(home: House, course: Course, bad: str, good: str) -> None:
    """Until no process serves the bad version any more; how long one did."""
    serving: list[float] = []

    def is_over(reports: list[dict[str, Any]]) -> bool:
        if any(each.get("hash") == bad for each in reports):
            serving.append(time.monotonic())
        return all(each.get("hash") == good and _problem(each).get("code") == REFUSED for each in reports)

    home.until(is_over)
    course.bad.append(serving[-1] - serving[0] if serving else 0.0)


def _percentile(seconds: Sequence[float], percent: int) -> float:
    """So many of a hundred took less; 0 where nothing was measured."""
    return sorted(seconds)[min(len(seconds) - 1, len(seconds) * percent // 100)] if seconds else 0.0


def _problem(report: dict[str, Any]) -> dict[str, Any]:
    return report.get("problem") or {}


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reloads", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=300, help="updates a second")
    parser.add_argument("--log", type=Path, default=None, help="keep the processes' output here")
    options = parser.parse_args()
    load = machine_load()
    with tempfile.TemporaryDirectory(prefix="flotilla-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        versions = [Written(number, manner_of(number)) for number in range(1, options.reloads + 1)]
        outcome = run(folder / "house", versions, options.rate, options.log or folder / "log")
    figures = outcome.figures(load)
    print_table(figures)
    return int(any(figure.verdict == "MISSED" for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
