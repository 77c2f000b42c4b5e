"""What ours is compared with alone: itself when it is fresh, slow, idle, at a steady rate, or when two workers share the load."""

from __future__ import annotations

import statistics
import time

from tools.benchmarks.figures import Figure, machine_load
from tools.benchmarks.pipeline_hot import hot_bot_figure, measure_hot_bot
from tools.benchmarks.pipeline_runs import Notes, Size, ratio_figure, time_figure
from tools.benchmarks.pipeline_systems import System, flotilla
from tools.benchmarks.pipeline_workers import SHARED_SECONDS

POSTS_PER_SECOND = 300
REPLIES_PER_SECOND = 100
SINGLES_PER_SECOND = 5
SLOW_API_SECONDS = 0.05
IDLE_SECONDS = 20.0


def backlog(notes: Notes) -> list[Figure]:
    """Thousands of updates of known people posted without waiting for a reply, over a warm stream of them."""
    size = notes.size
    with flotilla(notes.folder / "ours", notes.log, size.bots, size.chats) as ours:
        _warm(ours, size)
        for _ in range(size.rounds):
            notes.run("warm", ours, size.updates, window=size.window)
            notes.run("backlog", ours, size.backlog, window=size.backlog)
    what = f"backlog of {size.backlog:,} updates: replies/s over warm"
    return [ratio_figure(what, notes.of("backlog"), notes.of("warm"), 0.8, 0.95)]


def fresh(notes: Notes) -> list[Figure]:
    """The first updates of a worker that just started over as many of the same worker when it is warm."""
    size = notes.size
    with flotilla(notes.folder / "ours", notes.log, size.bots, size.chats) as ours:
        assert ours.workers is not None
        _warm(ours, size)
        for _ in range(size.rounds):
            for people in ("known", "new"):
                order = {"window": size.window, "strangers": people == "new"}
                ours.workers.renew()
                notes.run(f"{people}: fresh worker", ours, size.first, **order)
                ours.driver.run(2 * size.first, **order)
                notes.run(f"{people}: warm worker", ours, size.first, **order)
    new = ratio_figure("", notes.of("new: fresh worker"), notes.of("new: warm worker"), 0, 0)
    detail = f"; with new people {new.value:.2f}: {new.detail}"
    what = f"first {size.first:,} updates of a fresh worker over warm"
    return [
        ratio_figure(what, notes.of("known: fresh worker"), notes.of("known: warm worker"), 0.6, 0.85, detail)
    ]


def two_workers(notes: Notes) -> list[Figure]:
    """Two worker processes over one, each with an installation of its own, by turns."""
    size, names = notes.size, ("one worker", "two workers")
    with (
        flotilla(notes.folder / "one", notes.log, size.bots, size.chats) as one,
        flotilla(notes.folder / "two", notes.log, size.bots, size.chats, worker_processes=2) as two,
    ):
        for system in (one, two):
            assert system.workers is not None
            system.workers.wait_ready()
            _warm(system, size)
        time.sleep(SHARED_SECONDS)
        _warm(two, size)  # whoever takes over a lane knows nobody in it
        for _ in range(size.rounds):
            for name, system in zip(names, (one, two), strict=True):
                notes.run(name, system, size.updates, window=size.window)
    alone, both = (notes.of(name) for name in names)
    return [ratio_figure("two worker processes over one, replies/s", both, alone, 1.3, 1.6)]


def steady(notes: Notes) -> list[Figure]:
    """Times to answer and to reply at a steady rate, and what an update costs that comes alone."""
    size = notes.size
    with flotilla(notes.folder / "ours", notes.log, size.bots, size.chats) as ours:
        _warm(ours, size)
        for _ in range(size.rounds):
            for name, rate in (("posts", POSTS_PER_SECOND), ("steady", REPLIES_PER_SECOND)):
                notes.run(name, ours, rate * size.seconds, rate=rate)
            ours.driver.run(
                2 * SINGLES_PER_SECOND, rate=SINGLES_PER_SECOND
            )  # what the load began comes to rest
            notes.run("one by one", ours, size.singles, rate=SINGLES_PER_SECOND)
    trips = [float(report["round_trips"]) for report in notes.of("one by one")]
    return [
        time_figure(f"webhook answer p99 at {POSTS_PER_SECOND}/s", notes.of("posts"), "webhook_ms", 30, 5),
        time_figure(f"reply p99 at a steady {REPLIES_PER_SECOND}/s", notes.of("steady"), "reply_ms", 100, 25),
        Figure(
            "Redis round trips per update, one by one",
            statistics.median(trips),
            "",
            7,
            5,
            detail=" ".join(map(str, trips)),
            load=notes.of("one by one")[-1]["load"],
        ),
    ]


def slow(notes: Notes) -> list[Figure]:
    """A Bot API that takes its time over one that does not."""
    size = notes.size
    with flotilla(notes.folder / "ours", notes.log, size.bots, size.chats) as ours:
        _warm(ours, size)
        for _ in range(size.rounds):
            notes.run("quick Bot API", ours, size.updates, window=size.window)
            notes.run("slow Bot API", ours, size.updates, window=size.window, delay=SLOW_API_SECONDS)
    what = "replies/s with a Bot API 50 ms away over without"
    return [ratio_figure(what, notes.of("slow Bot API"), notes.of("quick Bot API"), 0.8, 0.95)]


def hot(notes: Notes) -> list[Figure]:
    """With Telegram's limit of thirty messages a second, without which the hot bot would send as nobody may."""
    size = notes.size
    with flotilla(notes.folder / "hot", notes.log, size.bots, size.chats, PACING_BOT_PER_SECOND="30") as ours:
        _warm(ours, size)
        load = machine_load()
        return [hot_bot_figure(*measure_hot_bot(ours, size.rounds), load)]


def idle(notes: Notes) -> list[Figure]:
    """Bots that say nothing, after everything has come to rest."""
    bots = notes.size.idle_bots
    with flotilla(notes.folder / "idle", notes.log, bots, 1, clock=True) as ours:
        time.sleep(15)
        load, cpu = machine_load(), ours.cpu_seconds()
        time.sleep(IDLE_SECONDS)
        percent = (ours.cpu_seconds() - cpu) / IDLE_SECONDS * 100
        memory = ours.memory_mb()
    return [
        Figure(f"{bots:,} idle bots: CPU of all processes", round(percent, 1), "%", 10, 3, load=load),
        Figure(f"{bots:,} idle bots: memory", round(memory), "MB", 700, 400, load=load),
    ]


def _warm(system: System, size: Size) -> None:
    """Everybody is known after this."""
    system.driver.run(size.people, window=size.window)
