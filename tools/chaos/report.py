"""The tables of a run as text."""

from __future__ import annotations

import time
from collections.abc import Sequence

from tools.chaos.checker import Invariant, Verdict
from tools.chaos.recorder import KILLED_CHILD, KILLS, Incident

HEAD = f"{'recovery p50':>14}{'p95':>7}{'p99':>7}{'max':>7}{'in flight':>11}{'extra sends':>17}"
SLOWEST = 20
# The order of the table; what a run had none of is said below it.
FAULTS = (
    "kill -9 inbound",
    "kill -9 outbound",
    "kill -9 web",
    "kill -9 valkey",
    "kill -9 clock",
    "kill -9 poller",
    *(f"{KILLED_CHILD} {name}" for name in ("inbound", "outbound", "web")),
    "kill -9 in a storm",
    "crash at",
    "SIGSTOP",
    "SIGCONT",
    "second host frozen",
    "second host cut off",
    "second host without power",
    "SIGTERM all",
    "old and new code",
    "partition 5 s valkey",
    "partition 20 s valkey",
    "partition 60 s valkey",
    "memory full",
    "cut 10 s valkey",
    "connections lost unsaid valkey",
    "connections lost unsaid database",
    "connections lost unsaid api",
    "20 ms slower",
    "locked",
    "closed",
    "restarted database",
    "killed database",
    "500 to all",
    "reset after accept",
    "429 to 30 %",
    "partition 5 s api",
    "cut 2 s api",
    "200 ms slower",
)


def report(verdict: Verdict) -> str:
    """Invariants, then recovery and extra sends per kind of fault."""
    lines = [
        f"{verdict.updates:,} updates, {verdict.messages:,} messages, {len(verdict.incidents)} faults",
        "",
        *table(verdict.invariants),
        "",
    ]
    kills = [each for each in verdict.incidents if each.name in KILLS]
    lines += [f"{'Fault':36}{'times':>6}{HEAD}"]
    if kills:
        lines.append(_row("all kills", kills, verdict.extra))
    lines += [_row(name, found, verdict.extra) for name, found in _kinds(verdict.incidents).items()]
    lines += ["", "recovery: longest wait, in s, from the kill, or from the end of a fault that lasts"]
    lines += _slowest(verdict.incidents)
    missing = [name for name in FAULTS if not any(_name(e).startswith(name) for e in verdict.incidents)]
    if missing:
        lines.append(f"not in this run: {', '.join(missing)}")
    return "\n".join(lines)


def table(invariants: Sequence[Invariant]) -> list[str]:
    """A line for each, and what they mean."""
    lines = [f"{'Invariant':48}{'violated':>10}{'of':>9}{'at most':>10}  seen"]
    for each in invariants:
        bound = f"{3 / each.trials:.2g}" if each.trials > 1 and not each.violations else ""
        mark = str(each.violations) if not each.violations else f"{each.violations} !"
        lines.append(f"{each.name:48}{mark:>10}{each.trials:>9,}{bound:>10}  {each.detail}")
    return [
        *lines,
        "",
        "at most: no failure in N trials bounds the rate by 3/N with 95 % confidence",
    ]


def _slowest(incidents: Sequence[Incident]) -> list[str]:
    """The longest waits of all, to be looked for in the log."""
    longest = sorted(incidents, key=lambda each: each.recovery or 0.0, reverse=True)[:SLOWEST]
    return [
        f"  {each.recovery:.1f} s after {_name(each)} at {_moment(each.counted_from)}: {each.slowest}"
        for each in longest
        if each.recovery is not None
    ]


def _moment(epoch: float) -> str:
    """As the processes' log says it."""
    return time.strftime("%H:%M:%S", time.localtime(epoch))


def _kinds(incidents: Sequence[Incident]) -> dict[str, list[Incident]]:
    """By name, in the order of FAULTS."""
    found: dict[str, list[Incident]] = {}
    for each in sorted(incidents, key=_rank):
        found.setdefault(_name(each), []).append(each)
    return found


def _rank(incident: Incident) -> tuple[int, str]:
    places = [place for place, name in enumerate(FAULTS) if _name(incident).startswith(name)]
    return min(places, default=len(FAULTS)), _name(incident)


def _name(incident: Incident) -> str:
    return f"{incident.name} {incident.victim}"


def _row(name: str, incidents: Sequence[Incident], extra: dict[str, int]) -> str:
    times = sorted(each.recovery for each in incidents if each.recovery is not None)
    in_flight = set().union(*(each.in_flight for each in incidents))
    doubled = sum(extra.get(text, 0) for text in in_flight)
    values = (*(percentile(times, part) for part in (50, 95, 99)), max(times, default=0.0))
    shown = "".join(
        f"{value:>{width}.1f}" if times else f"{'-':>{width}}"
        for value, width in zip(values, (14, 7, 7, 7), strict=True)
    )
    share = f"{doubled} ({doubled / len(incidents):.2f} each)"
    return f"{name:36}{len(incidents):>6}{shown}{len(in_flight):>11}{share:>17}"


def percentile(ordered: Sequence[float], percent: int) -> float:
    """The value that `percent` of `ordered` do not exceed; 0 when there is none."""
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else 0.0
