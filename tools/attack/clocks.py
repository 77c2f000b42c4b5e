"""Machines whose clocks disagree, and clocks that are set right again: the background's against the web's."""

from __future__ import annotations

import secrets
import signal
import sys
import time
from collections.abc import Iterator
from functools import partial

from tools.attack.hostile_updates import deliver, last_sent, unanswered
from tools.attack.result import Row, Size
from tools.attack.target import Target
from tools.attack.visits import stored, visiting
from tools.chaos.installation import until

BACKGROUND = ("worker", "clock", "poller")
UPDATES = 20
VISIT_SECONDS = 1.0
HEARD_SECONDS = 20.0


def jump(target: Target, size: Size) -> Iterator[Row]:
    """Worker, clock and poller ahead of everybody else, then behind, then right."""
    for words, seconds in (*size.jumps, ("right again", 0)):
        _start(target, seconds)
        yield _serves(target, f"clocks {words}" + (f" by {abs(seconds) // 3600} h" if seconds else ""))


def _start(target: Target, seconds: int) -> None:
    for name in BACKGROUND:
        module = f"jobs.{name}"
        command = ["-m", "tools.attack.shifted", str(seconds), module] if seconds else ["-m", module]
        target.keeper.replace(name, [sys.executable, *command])
        target.keeper.kill(name)  # whoever watches starts it again
    for name in BACKGROUND:
        until(partial(target.keeper.heeds, name, signal.SIGTERM), f"{name} did not start")


def _serves(target: Target, clocks: str) -> Row:
    """Texts by webhook and by polling, and clicks, beside whatever the clocks before have left."""
    ana, since = target.ana, last_sent(target)
    client, run = target.client(), secrets.token_hex(3)
    texts = [
        deliver(client, ana.bot, secrets.randbelow(10**9) + 10**10, f"{run} {number}")
        for number in range(UPDATES)
    ]
    with visiting(target) as visits:
        time.sleep(VISIT_SECONDS)
    missing = unanswered(target, ana.bot, since, texts)
    rows = stored(target, visits)
    absent = _absent(target)
    return Row(
        f"{UPDATES} updates and {len(visits.statuses)} clicks, {clocks}",
        "updates are answered, clicks 302 and stored, nobody is called missing",
        not missing and not absent and visits.all_redirected and rows == len(visits.statuses),
        f"{len(missing)} unanswered, {visits.figure}, {rows} stored, {len(absent)} called missing {sorted(absent) or ''}",
    )


def _absent(target: Target) -> set[str]:
    """Who /health/ready says is not running; whoever has just started has a while to be heard of."""
    deadline = time.monotonic() + HEARD_SECONDS
    while True:
        warnings = target.client().get("/health/ready").json()["warnings"]
        absent = {str(each["code"]) for each in warnings} & {f"no_{name}" for name in BACKGROUND}
        if not absent or time.monotonic() > deadline:
            return absent
        time.sleep(0.2)
