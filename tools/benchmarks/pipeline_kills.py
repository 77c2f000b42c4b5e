"""`kill -9` for the worker at full load: what is lost, out of order within a chat, or sent twice."""

from __future__ import annotations

import random
import time

from tools.benchmarks.figures import Figure, machine_load
from tools.benchmarks.pipeline_runs import Notes
from tools.benchmarks.pipeline_systems import flotilla

RATE = 1000  # updates a second, whatever becomes of the worker: what it left undone waits for the next one
PATIENCE_SECONDS = 120.0
JITTER_SECONDS = 0.2  # at which moment of a batch a worker dies
SEED = 14


def kills(notes: Notes) -> list[Figure]:
    """Post at a steady rate; each time a further share of the updates is answered, the worker dies."""
    size, chance = notes.size, random.Random(SEED)
    marks = [size.killed * (number + 1) // (size.kills + 1) for number in range(size.kills)]
    with flotilla(notes.folder / "ours", notes.log, size.bots, size.chats) as ours:
        workers = ours.workers
        assert workers is not None
        ours.driver.run(size.people, window=size.window)

        def kill() -> None:
            time.sleep(chance.uniform(0, JITTER_SECONDS))
            workers.replace()

        load, order = machine_load(), {"linger": size.linger, "patience": PATIENCE_SECONDS}
        report = ours.driver.run_with_marks(size.killed, marks, kill, rate=RATE, **order)
    notes.reports.setdefault("kills", []).append(report)
    lost, what = report["posted"] - report["replies"], f"{size.kills} kill -9 of the worker at full load:"
    detail = (
        f"{report['repeated']} of {report['posted']:,} sent twice; posted at {report['posts_per_second']:.0f}/s; all answered after {report['seconds']:.0f} s, "
        f"{report['rate']:.0f} replies/s with the workers' starts; {report['refused']} refused"
    )
    extra = round(report["repeated"] / size.kills, 2)
    return [
        Figure(f"{what} extra sends per kill", extra, "", 10, 2, detail=detail, load=load),
        Figure(f"{what} updates lost", lost, "", 0, 0, load=load),
        Figure(f"{what} out of order within a chat", report["disordered"], "", 0, 0, load=load),
    ]
