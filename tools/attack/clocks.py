"""Machines whose clocks disagree, and clocks that are set right again: the background's against the web's."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Iterator

from tools.attack.hostile_updates import deliver, last_sent, unanswered
from tools.attack.result import Row, Size
from tools.attack.target import Target
from tools.attack.visits import visiting
from tools.chaos.installation import until
from tools.attack.stores import clicks_stored, count_clicks

BACKGROUND = ("worker", "clock", "poller")
UPDATES = 20
VISIT_SECONDS = 1.0


def jump(target: Target, size: Size) -> Iterator[Row]:
    """Worker, clock and poller ahead of everybody else, then behind, then right."""
    for words, seconds in (("ahead", size.jump_seconds), ("behind", -size.jump_seconds), ("right again", 0)):
        _start(target, seconds)
        yield _serves(target, f"clocks {words}" + (f" by {abs(seconds) // 3600} h" if seconds else ""))


def _start(target: Target, seconds: int) -> None:
    target.keeper.stop(*BACKGROUND)
    for name in BACKGROUND:
        module = f"jobs.{name}"
        command = ["-m", "tools.attack.shifted", str(seconds), module] if seconds else ["-m", module]
        target.keeper.replace(name, [sys.executable, *command])
        target.keeper.start(name)
    until(lambda: _beats(target), "the background did not start")


def _serves(target: Target, clocks: str) -> Row:
    """Texts by webhook and by polling, and clicks, beside whatever the clocks before have left."""
    ana, since, before = target.ana, last_sent(target), clicks_stored(target)
    client, run = target.client(), secrets.token_hex(3)
    texts = [deliver(client, ana.bot, secrets.randbelow(10**9) + 10**10, f"{run} {number}") for number in range(UPDATES)]
    with visiting(target) as visits:
        time.sleep(VISIT_SECONDS)
    missing = unanswered(target, ana.bot, since, texts)
    stored = count_clicks(target, before + len(visits.statuses)) - before
    return Row(
        f"{UPDATES} updates and {len(visits.statuses)} clicks, {clocks}",
        "updates are answered, clicks 302 and stored",
        not missing and visits.all_redirected and stored == len(visits.statuses),
        f"{len(missing)} unanswered, {visits.figure}, {stored} stored",
    )


def _beats(target: Target) -> bool:
    """Whether the web process knows of a worker and a clock that live."""
    warnings = {each["code"] for each in target.client().get("/health/ready").json()["warnings"]}
    return not warnings & {"worker_missing", "clock_missing"}
