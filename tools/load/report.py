"""The promises beside what was measured."""

from __future__ import annotations

from dataclasses import dataclass

from tools.chaos.report import percentile
from tools.load.plan import LINKS
from tools.load.run import Outcome

DAY_SECONDS = 86_400
STARTS_A_DAY = 100 * 5_000
CLICKS_AN_HOUR = 13_500
UPDATES_A_MINUTE = 1_000
FEW_BOTS = 6
MANY_BOTS = 100
NOT_HERE = "not measured here: make chaos, python -m tools.benchmarks.redirect --only kills"


@dataclass(frozen=True)
class Line:
    """A promise, what was measured, whether it held; None: not measured."""

    promise: str
    measured: str
    held: bool | None


def lines(outcome: Outcome) -> list[Line]:
    """All promises in order, then what the run itself must show: nothing lost, nobody late."""
    plan, book = outcome.plan, outcome.book
    times = sorted(ms for _, _, ms in book.clicks)
    hooks, late = sorted(outcome.webhook_ms), sorted(book.late)
    click_p95, hook_p95 = percentile(times, 95), percentile(hooks, 95)
    seconds = max(book.seconds, 0.001)
    a_day = book.starts / seconds * DAY_SECONDS
    few = sum(slug == LINKS[1] and status == 302 for slug, status, _ in book.clicks)
    an_hour, a_minute = few / seconds * 3600, outcome.updates / seconds * 60
    nothing_lost = not any(losses(outcome).values())
    return [
        Line("/go p95 < 50 ms", f"{click_p95:.1f} ms (p50 {percentile(times, 50):.1f}, p99 {percentile(times, 99):.1f})", click_p95 < 50),
        Line("webhook p95 < 100 ms", f"{hook_p95:.1f} ms (p50 {percentile(hooks, 50):.1f}, p99 {percentile(hooks, 99):.1f})", hook_p95 < 100),
        Line(
            "100 bots x 5,000 users a day",
            f"{sum(plan.bots)} bots at a pace of {a_day:,.0f} starts a day",
            _at_size(sum(plan.bots) >= MANY_BOTS, a_day >= STARTS_A_DAY and nothing_lost),
        ),
        Line(
            "13,500 clicks/h over 6 bots, none lost",
            f"{plan.bots[1]} bots at a pace of {an_hour:,.0f} clicks/h, {few - outcome.clicks[1]} not stored of {few:,}",
            _at_size(plan.bots[1] == FEW_BOTS, an_hour >= CLICKS_AN_HOUR and few == outcome.clicks[1]),
        ),
        Line(">= 1,000 updates/min", f"{a_minute:,.0f} updates/min", a_minute >= UPDATES_A_MINUTE),
        Line("/go 99.9 % available under kills", NOT_HERE, None),
        Line("nothing accepted is lost", _seen(losses(outcome)), nothing_lost),
        Line(
            "all is stored after the rest",
            f"{outcome.waiting} clicks still wait" if outcome.waiting else "nothing waits",
            not outcome.waiting,
        ),
        Line("open loop: clicks leave when due", f"p95 {percentile(late, 95):.1f} ms late", None),
    ]  # fmt: skip


def losses(outcome: Outcome) -> dict[str, int]:
    """What does not add up, by kind; all 0 in a good run."""
    book = outcome.book
    redirected = sum(status == 302 for _, status, _ in book.clicks)
    return {
        "visitors who did not come": outcome.plan.visitors - len(book.clicks),
        "clicks without redirect": len(book.clicks) - redirected,
        "redirects neither stored nor waiting": max(0, redirected - sum(outcome.clicks) - outcome.waiting),
        "starts refused by the sandbox": book.refused,
        "updates not accepted": book.starts + book.texts - outcome.updates,
        "persons without a row": book.starts - outcome.leads,
        "updates without a reply": book.starts + book.texts - outcome.replies,
    }


def report(outcome: Outcome) -> str:
    """The table."""
    plan = outcome.plan
    words = {True: "held", False: "NOT HELD", None: "-"}
    rows = [f"{each.promise:42}{words[each.held]:10}{each.measured}" for each in lines(outcome)]
    head = (
        f"{plan.visitors:,} visitors, {plan.rate:g} a second, {sum(plan.bots)} bots, {plan.database}; "
        f"{outcome.retried} deliveries tried again; load average {outcome.load_before:.1f} before, "
        f"{outcome.load_after:.1f} after"
    )
    return "\n".join([head, "", f"{'Promise':42}{'':10}Measured", *rows])


def _at_size(is_whole: bool, held: bool) -> bool | None:
    """A smaller run than the promise speaks of shows nothing."""
    return held if is_whole else None


def _seen(found: dict[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in found.items() if number) or "nothing missing"
