"""The tables of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from tools.soak.growth import State, Verdict
from tools.soak.run import Outcome

ALWAYS = ("memory", "descriptors", "threads", "redis", "database", "metrics", "log")
SHOWN_COMPLAINTS = 12


def report(outcome: Outcome, verdicts: Sequence[Verdict]) -> str:
    """All that is to be said; series that stayed flat are counted, save those of ALWAYS."""
    parts = [_head(outcome), *_failed(outcome), _table(verdicts), _processors(outcome)]
    return "\n".join(each for each in (*parts, *_told(outcome)) if each)


def _head(outcome: Outcome) -> str:
    plan, looks = outcome.plan, outcome.judged
    work = outcome.looks[-1].work
    calls = outcome.calls.get("getUpdates", 0) / max(1.0, plan.seconds)
    return (
        f"{plan.webhook_bots} bots with webhooks, {plan.polling_bots} polled, {plan.database}; {plan.minutes:g} minutes for "
        f"{plan.hours:g} hours\n"
        f"{work.clicks:,} clicks, {work.people:,} people new to their bot, {work.updates:,} updates, {outcome.sent:,} messages; "
        f"{outcome.deleted:,} rows deleted, {outcome.replaced} bots replaced; {calls:.1f} getUpdates/s\n"
        f"judged: {len(looks)} samples after {plan.warm_up_seconds / 60:.1f} minutes; load average {outcome.load[0]:.1f} before, "
        f"{outcome.load[1]:.1f} after; all bots ran after {outcome.started_seconds:.0f} s\n"
    )


def _failed(outcome: Outcome) -> list[str]:
    return [f"SHOWS NOTHING: {each}" for each in outcome.failures()]


def _table(verdicts: Sequence[Verdict]) -> str:
    lines = [
        f"{'Series':44}{'':10}{'level':>11}{'growth':>10}{'2nd half':>10}{'allowed':>10}{'per hour':>11}{'per update':>12}"
    ]
    for group, members in groupby(verdicts, key=lambda each: each.name.partition("/")[0]):
        lines += _group(group, list(members))
    return "\n".join(lines)


def _group(group: str, members: Sequence[Verdict]) -> Iterable[str]:
    shown = [each for each in members if group in ALWAYS or each.state is not State.FLAT]
    yield from (_row(each) for each in shown if group != "cpu")
    if len(members) > len(shown):
        yield f"{group + '/…':44}{'flat':10}{len(members) - len(shown)} more"


def _row(each: Verdict) -> str:
    figures = f"{each.level:>11,.1f}{each.growth:>+10.2f}{each.late_growth:>+10.2f}{each.allowed:>10.2f}{each.per_hour:>+11.2f}{each.per_update:>+12.5f}"
    return f"{each.name:44}{each.state:10}{figures}{'  ' + each.why if each.why else ''}"


def _processors(outcome: Outcome) -> str:
    """Thousandths of a core that each program took, in the first and in the last third of what is judged."""
    looks = outcome.judged
    third = len(looks) // 3
    if not third:
        return ""
    names = sorted(name for name in looks[-1].values if name.startswith("cpu/"))
    lines = [f"\n{'mCPU':44}{'first third':>21}{'last third':>12}"]
    for name in names:
        shares = [
            (right.values[name] - left.values.get(name, 0.0)) / (right.at - left.at) * 1000
            for left, right in ((looks[0], looks[third]), (looks[-third - 1], looks[-1]))
        ]
        lines.append(f"{name:44}{shares[0]:>21,.0f}{shares[1]:>12,.0f}")
    return "\n".join(lines)


def _told(outcome: Outcome) -> list[str]:
    return [
        *_counted("\nthe visitors met:", outcome.troubles),
        *_counted("\nthe log complains:", outcome.complaints),
    ]


def _counted(head: str, found: dict[str, int]) -> list[str]:
    if not found:
        return []
    ordered = sorted(found.items(), key=lambda each: -each[1])
    more = len(ordered) - SHOWN_COMPLAINTS
    rest = [f"  and {more} more kinds"] if more > 0 else []
    return [head, *(f"  {number:>6} {what}" for what, number in ordered[:SHOWN_COMPLAINTS]), *rest]
