# mypy: disable-error-code="import-untyped"
# ruff: noqa: E402
"""``python -m tools.sandbox.visitors``: clicks at a steady rate for a bounded time."""

from __future__ import annotations

from tools.sandbox.greenlets import patch

patch()

import argparse
import random
import signal
import sys
import time

import gevent
from gevent.event import Event
from gevent.pool import Pool

from tools.sandbox.visitors import scenario
from tools.sandbox.visitors.visit import Tally, Visitor
from tools.sandbox.visitors.wire import NotLoopbackError, Wire

MOST_AT_ONCE = 500
"""Visitors alive at the same time; beyond that new ones wait."""
REPORT_EVERY = 10.0


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.sandbox.visitors", description="Generated visitors."
    )
    parser.add_argument("--go", required=True, help="the /go link, on loopback")
    parser.add_argument("--sandbox", default="http://127.0.0.1:8081", help="the sandbox, on loopback")
    parser.add_argument("--rate", type=float, default=2.0, help="visitors per second on average")
    parser.add_argument("--seconds", type=float, default=120.0, help="how long new visitors come")
    parser.add_argument("--seed", type=int, help="the same visitors on every run")
    parser.add_argument("--pace", type=float, default=1.0, help="scales the visitors' thinking time")
    parser.add_argument("--scenario", choices=["demo"], help="demo: one bot banned, one back")
    parser.add_argument("--ban", nargs="+", default=[], help="usernames that the scenario bans in turn")
    parser.add_argument("--revive", default="", help="username dead at first, revived by the scenario")
    parser.add_argument("--keen", nargs="+", default=[], help="usernames that more people start")
    parser.add_argument("--proxied", action="store_true", help="play a proxy that names addresses, countries")
    parser.add_argument("--quiet", action="store_true", help="tell the scenario alone, no sums")
    parser.add_argument("--ban-at", type=float, default=scenario.BAN_AT, help="seconds")
    parser.add_argument("--revive-at", type=float, default=scenario.REVIVE_AT, help="seconds")
    return parser.parse_args(arguments)


def arrive(wire: Wire, tally: Tally, options: argparse.Namespace, ended: Event) -> Pool:
    """Let visitors come with exponential gaps until the time is up; returns those still there."""
    rng = random.Random(options.seed)
    crowd = Pool(MOST_AT_ONCE)
    start = report = time.monotonic()
    while time.monotonic() - start < options.seconds and not ended.is_set():
        crowd.spawn(Visitor(wire, tally, rng.getrandbits(48), options.pace, frozenset(options.keen)).run)
        if time.monotonic() - report >= REPORT_EVERY and not options.quiet:
            report = time.monotonic()
            scenario.say(report - start, tally.line())
        ended.wait(min(rng.expovariate(options.rate), options.seconds))
    return crowd


def main(arguments: list[str]) -> int:
    """Run; exit code 2 for an address off loopback or a demo that cannot be played."""
    options = parse(arguments)
    if options.rate <= 0:
        print("visitors: --rate is above 0", file=sys.stderr)
        return 2
    ended = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, ended.set)
    tally = Tally()
    try:
        wire = Wire(options.go, options.sandbox, proxied=options.proxied)
        story = None
        if options.scenario == "demo":
            ban, revive = scenario.choose(wire, options.ban, options.revive)
            story = gevent.spawn(scenario.play, wire, ban, revive, options.ban_at, options.revive_at)
    except (NotLoopbackError, ValueError) as error:
        print(f"visitors: {error}", file=sys.stderr)
        return 2
    crowd = arrive(wire, tally, options, ended)
    crowd.join(timeout=0 if ended.is_set() else 15 * options.pace)
    crowd.kill(timeout=1)
    if story is not None:
        story.kill(timeout=1)
    if not options.quiet:
        print(f"done: {tally.line()}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
