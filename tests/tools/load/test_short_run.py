"""The load test in its short form: forty visitors, and what both sides count. No time is judged here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tools.load.journey import Book
from tools.load.plan import LINKS, SHORT, Plan
from tools.load.report import lines, losses, report
from tools.load.run import Outcome, run


@pytest.mark.timeout(180)
def test_every_visitor_is_redirected_stored_and_answered(server_folder: Path) -> None:
    outcome = run(server_folder / "load", SHORT, None, lambda _: None)
    assert not any(losses(outcome).values()), report(outcome)
    assert len(outcome.book.clicks) == SHORT.visitors
    assert outcome.clicks == (30, 10)
    assert outcome.leads == SHORT.visitors
    assert outcome.updates == outcome.replies == 2 * SHORT.visitors
    assert len(outcome.webhook_ms) == 2 * SHORT.visitors


def _good() -> Outcome:
    """A whole run of a hundred visitors in which everything held."""
    clicks = [(LINKS[number % 4 == 0], 302, 10.0) for number in range(100)]
    book = Book(clicks, [0.1] * 100, starts=100, texts=100, seconds=5.0)
    plan = Plan(visitors=100)
    return Outcome(plan, book, [5.0] * 200, 200, 0, 0, (75, 25), 100, 200, 0.5, 1.0)


def _held(outcome: Outcome) -> dict[str, bool | None]:
    return {each.promise: each.held for each in lines(outcome)}


def test_a_good_run_holds_every_promise_that_it_measures() -> None:
    held = _held(_good())
    assert [name for name, each in held.items() if each is None] == [
        "/go 99.9 % available under kills",
        "open loop: clicks leave when due",
    ]
    assert False not in held.values()


@pytest.mark.parametrize(
    ("change", "promise"),
    [
        ({"clicks": (75, 24)}, "13,500 clicks/h over 6 bots, none lost"),
        ({"clicks": (74, 25)}, "nothing accepted is lost"),
        ({"clicks": (74, 25), "waiting": 1}, "all is stored after the rest"),
        ({"leads": 99}, "100 bots x 5,000 users a day"),
        ({"replies": 199}, "nothing accepted is lost"),
        ({"updates": 80}, ">= 1,000 updates/min"),
        ({"webhook_ms": [5.0] * 180 + [101.0] * 20}, "webhook p95 < 100 ms"),
    ],
)
def test_a_promise_that_is_broken_shows(change: dict[str, object], promise: str) -> None:
    assert _held(replace(_good(), **change))[promise] is False  # type: ignore[arg-type]


def test_a_click_that_waits_is_late_and_not_lost() -> None:
    held = _held(replace(_good(), clicks=(74, 25), waiting=1))
    assert held["nothing accepted is lost"] is True


def test_slow_clicks_and_clicks_without_an_answer_show() -> None:
    good = _good()
    slow = [
        (slug, status, 51.0 if number > 90 else ms)
        for number, (slug, status, ms) in enumerate(good.book.clicks)
    ]
    assert _held(replace(good, book=replace(good.book, clicks=slow)))["/go p95 < 50 ms"] is False
    unanswered = [(slug, 0, ms) for slug, _, ms in good.book.clicks[:1]] + good.book.clicks[1:]
    assert losses(replace(good, book=replace(good.book, clicks=unanswered)))["clicks without redirect"] == 1


def test_a_run_of_fewer_bots_says_nothing_about_a_hundred() -> None:
    held = _held(replace(_good(), plan=replace(_good().plan, bots=(3, 2))))
    assert held["100 bots x 5,000 users a day"] is None
    assert held["13,500 clicks/h over 6 bots, none lost"] is None
