"""The tables of a run as text."""

from __future__ import annotations

from chaos.book import Incident
from chaos.checker import Verdict


def report(verdict: Verdict) -> str:
    """Invariants, then recovery and extra sends per kind of fault."""
    lines = [
        f"{verdict.updates:,} updates, {verdict.messages:,} messages, {len(verdict.incidents)} faults",
        "",
    ]
    lines.append(f"{'Invariant':48}{'violated':>10}{'of':>9}{'at most':>10}  seen")
    for each in verdict.invariants:
        bound = f"{3 / each.trials:.2g}" if each.trials > 1 and not each.violations else ""
        mark = str(each.violations) if not each.violations else f"{each.violations} !"
        lines.append(f"{each.name:48}{mark:>10}{each.trials:>9,}{bound:>10}  {each.detail}")
    lines += ["", "at most: no failure in N trials bounds the rate by 3/N with 95 % confidence", ""]
    lines.append(f"{'Fault':34}{'times':>6}{'recovery p50':>14}{'p99':>8}{'max':>8}{'in flight':>11}")
    kinds = sorted({(each.name, each.victim) for each in verdict.incidents})
    for name, victim in kinds:
        lines.append(
            _row(f"{name} {victim}", [e for e in verdict.incidents if (e.name, e.victim) == (name, victim)])
        )
    kills = [each for each in verdict.incidents if each.name == "kill -9"]
    if kills:
        lines.append(_row("all kills", kills))
    return "\n".join(lines)


def _row(name: str, incidents: list[Incident]) -> str:
    times = sorted(each.recovery for each in incidents if each.recovery is not None)
    in_flight = sum(len(each.in_flight) for each in incidents)
    values = (percentile(times, 50), percentile(times, 99), max(times, default=0.0))
    shown = "".join(
        f"{value:>{width}.1f}" if times else f"{'-':>{width}}"
        for value, width in zip(values, (14, 8, 8), strict=True)
    )
    return f"{name:34}{len(incidents):>6}{shown}{in_flight:>11}"


def percentile(ordered: list[float], percent: int) -> float:
    """The value that `percent` of `ordered` do not exceed; 0 when there is none."""
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else 0.0
