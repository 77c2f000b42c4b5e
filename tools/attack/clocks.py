"""Machines whose clocks disagree, and clocks that are set right again."""

from __future__ import annotations

import secrets
import signal
import time
from collections.abc import Iterator, Mapping
from functools import partial

from tools.attack.hostile_updates import deliver, last_sent, unanswered
from tools.attack.result import BACKGROUND, Row, Size
from tools.attack.target import Target, programs
from tools.attack.visits import stored, visiting
from tools.chaos.installation import until

UPDATES = 20
VISIT_SECONDS = 1.0
HEARD_SECONDS = 20.0


def jump(target: Target, size: Size) -> Iterator[Row]:
    """Some programs ahead of everybody else or behind, one kind after the other, then all right again."""
    wrong: tuple[str, ...] = ()
    for each in size.jumps:
        _set_clocks(target, {**dict.fromkeys(wrong, 0), **dict.fromkeys(each.programs, each.seconds)})
        wrong = each.programs
        yield _serves(target, str(each))
    _set_clocks(target, dict.fromkeys(wrong, 0))
    yield _serves(target, "all clocks right again")


def _set_clocks(target: Target, seconds: Mapping[str, int]) -> None:
    """Kill programs; whoever watches starts them again, with a clock so many seconds off."""
    for name, off in seconds.items():
        command = programs()[name]
        python, _, *module = command
        target.keeper.replace(
            name, [python, "-m", "tools.attack.shifted", str(off), *module] if off else command
        )
        target.keeper.kill(name)
    for name in seconds:
        until(partial(target.keeper.heeds, name, signal.SIGTERM), f"{name} did not start")
    until(lambda: target.client().get("/health/live").status == 200, "the web process did not start")


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
