# mypy: disable-error-code="import-untyped"
"""The scripted demo: a bot that is dead at the start comes back, and healthy ones are banned in turn."""

from __future__ import annotations

from collections.abc import Sequence

import gevent

from tools.sandbox.visitors.wire import Wire

BAN_AT = 60.0
REVIVE_AT = 75.0
"""Seconds after the start: one minute of quiet, then a loss, then a return 15 s later (one sweep)."""
BAN_GAP = 30.0
"""Seconds from one ban to the next: two within ten minutes are a wave."""


def say(seconds: float, text: str) -> None:
    """One line of the story with its time."""
    print(f"[{seconds:5.0f} s] {text}", flush=True)


def choose(wire: Wire, ban: Sequence[str], revive: str) -> tuple[Sequence[str], str]:
    """The named bots; unnamed ones are the first and the last of the sandbox."""
    names = [bot["username"] for bot in (wire.control("GET", "/bots") or {"bots": []})["bots"]]
    if len(names) < 2:
        raise ValueError("the demo needs two bots in the sandbox")
    ban = ban or [next(name for name in names if name != revive)]
    return ban, revive or next(name for name in reversed(names) if name not in ban)


def play(wire: Wire, ban: Sequence[str], revive: str, ban_at: float, revive_at: float) -> None:
    """Run the story to its end; blocks."""
    _set(wire, revive, "revoke")
    say(0, f"@{revive} is dead from the start")
    bans = [(ban_at + BAN_GAP * turn, name, "revoke", "is banned now") for turn, name in enumerate(ban)]
    passed = 0.0
    for at, name, act, words in sorted([*bans, (revive_at, revive, "restore", "is back")]):
        gevent.sleep(at - passed)
        passed = at
        _set(wire, name, act)
        say(at, f"@{name} {words}")


def _set(wire: Wire, name: str, act: str) -> None:
    if wire.control("POST", f"/bots/{name}/{act}") is None:
        raise ValueError(f"the sandbox did not {act} @{name}")
