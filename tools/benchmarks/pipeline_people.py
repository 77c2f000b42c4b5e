"""People whom the bot knows and people whom it never saw, at full load and in a burst, beside the peers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tools.benchmarks.figures import Figure
from tools.benchmarks.pipeline_runs import Notes, cpu, rates, ratio_figure
from tools.benchmarks.pipeline_systems import System, aiogram_server, celery_design, flotilla
from tools.benchmarks.pipeline_workers import SHARED_SECONDS

OURS, CELERY, AIOGRAM = "Flotilla", "FastAPI + Celery", "aiogram in process"
KNOWN, NEW = "known people", "new people"
# What our replies/s must be and should be over a peer's.
BOUNDS = {
    (NEW, CELERY): (5, 8),
    (NEW, AIOGRAM): (1.2, 1.8),
    (KNOWN, CELERY): (5, 7),
    (KNOWN, AIOGRAM): (1.3, 1.5),
}


def full_load(notes: Notes) -> list[Figure]:
    """Known and new people by turns, all systems in each round."""
    with systems(notes) as standing:
        for _ in range(notes.size.rounds):
            for people in (KNOWN, NEW):
                for system in standing:
                    order = {"window": notes.size.window, "strangers": people == NEW}
                    notes.run(f"{people}: {system.name}", system, notes.size.updates, **order)
    known, new = (notes.of(f"{people}: {OURS}") for people in (KNOWN, NEW))
    peers = [system.name for system in standing[1:]]
    return [
        *(_over_peer(notes, people, peer) for people in (NEW, KNOWN) for peer in peers),
        ratio_figure("new over known people, replies/s", new, known, 0.7, 0.9),
        _round_trips(notes),
    ]


def _over_peer(notes: Notes, people: str, peer: str) -> Figure:
    ours, theirs = (notes.of(f"{people}: {name}") for name in (OURS, peer))
    return ratio_figure(f"{people}: replies/s over {peer}", ours, theirs, *BOUNDS[people, peer])


def _round_trips(notes: Notes) -> Figure:
    full = notes.of(f"{KNOWN}: {OURS}")[-1]
    return Figure("Redis round trips per update at load", full["round_trips"], "", 6, 2, load=full["load"])


def burst(notes: Notes) -> list[Figure]:
    """Thousands of new people at once over a warm stream of known ones; the peers have the same burst once."""
    size, detail = notes.size, ""
    with systems(notes) as standing:
        ours, *peers = standing
        for _ in range(size.rounds):
            notes.run(f"warm: {OURS}", ours, size.updates, window=size.window)
            notes.run(f"burst: {OURS}", ours, size.burst, window=size.burst, strangers=True)
        for peer in peers:
            notes.run(f"burst: {peer.name}", peer, size.burst, window=size.burst, strangers=True)
            reports = notes.of(f"burst: {peer.name}")
            detail += f"; {peer.name} {rates(reports)} ({cpu(reports)} ms CPU)"
    what = f"burst of {size.burst:,} new people: replies/s over warm"
    return [ratio_figure(what, notes.of(f"burst: {OURS}"), notes.of(f"warm: {OURS}"), 0.7, 0.9, detail)]


@contextmanager
def systems(notes: Notes) -> Iterator[list[System]]:
    """Ours first, then the peers unless they are left out; all of them know everybody and are warm."""
    size = (notes.size.bots, notes.size.chats)
    with ExitStack() as stack:
        ours = flotilla(
            notes.folder / "ours",
            notes.log,
            *size,
            worker_processes=notes.size.workers,
            LOG_LEVEL=notes.log_level,
        )
        standing = [stack.enter_context(ours)]
        if notes.peers:
            standing.append(stack.enter_context(celery_design(notes.folder / "celery", notes.log, *size)))
            standing.append(stack.enter_context(aiogram_server(notes.folder / "aiogram", notes.log, *size)))
        for system in standing:
            system.driver.run(notes.size.people, window=notes.size.window)
        if notes.size.workers > 1:
            time.sleep(SHARED_SECONDS)
            standing[0].driver.run(notes.size.people, window=notes.size.window)
        yield standing
