"""The checker must see what it is there to see: each violation, made by hand, is found."""

from __future__ import annotations

import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chaos import checker
from chaos.book import Arrival, Book, Incident
from chaos.installation import Installation
from chaos.load import Load, Told
from chaos.plan import SHORT
from models import DeadLetter

NOW = time.time()
TOLD = [
    Told("one_bot", 1, 1, NOW, 1),
    Told("one_bot", 1, 2, NOW, 2),
    Told("two_bot", 1, 1, NOW, 1),
    Told("two_bot", 1, 2, NOW, 0, "die"),
]
RIGHT = [Arrival(told.bot, told.reply, NOW + 1 + index) for index, told in enumerate(TOLD[:3])]
LETTER = DeadLetter(kind="update", source_id="update:2:a", bot_id=2, error="poison", payload={})
REPEATED = Arrival("one_bot", TOLD[0].reply, NOW + 9)


def judge(
    monkeypatch: pytest.MonkeyPatch,
    arrivals: list[Arrival],
    incidents: list[Incident] | None = None,
    letters: list[DeadLetter] | None = None,
    **plan: Any,
) -> set[str]:
    """The names of the violated invariants."""
    rows = [LETTER] if letters is None else letters
    found = {kind: [row for row in rows if row.kind == kind] for kind in ("update", "send", "job", "intake")}
    monkeypatch.setattr(checker, "_letters", lambda _place: found)
    texts: dict[str, int] = {}
    for arrival in arrivals:
        texts[arrival.text] = texts.get(arrival.text, 0) + 1
    place = cast(Installation, SimpleNamespace(bots={"one_bot": 1, "two_bot": 2}))
    book = cast(Book, SimpleNamespace(arrivals=arrivals, texts=texts, incidents=incidents or []))
    load = cast(Load, SimpleNamespace(told=TOLD, redelivered=1))
    verdict = checker.check(place, replace(SHORT, **plan), book, load, {}, 1.0)
    return {each.name for each in verdict.invariants if each.violations}


def test_a_right_run_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert judge(monkeypatch, RIGHT) == set()


def test_a_lost_update_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert judge(monkeypatch, RIGHT[:2]) == {"every accepted update took effect"}


def test_an_effect_too_many_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    doubled = Arrival("one_bot", TOLD[1].reply.replace("= 2", "= 3"), NOW + 5)
    assert judge(monkeypatch, [*RIGHT, doubled]) == {
        "took effect once (count in the chat's state)",
        "redelivered update_ids add no effect",
    }


def test_a_wrong_order_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert judge(monkeypatch, [RIGHT[1], RIGHT[0], RIGHT[2]]) == {"effects of a chat in order"}


def test_a_repeated_send_needs_a_kill_that_explains_it(monkeypatch: pytest.MonkeyPatch) -> None:
    incident = Incident("kill -9", "outbound", NOW, NOW, {REPEATED.text})
    name = "extra sends only of those in flight"
    assert judge(monkeypatch, [*RIGHT, REPEATED]) == {name}
    assert judge(monkeypatch, [*RIGHT, REPEATED], [incident]) == set()
    none = {"extra sends (at_most_once: none)"}
    assert judge(monkeypatch, [*RIGHT, REPEATED], [incident], at_most_once=True) == none


def test_a_stranger_s_answer_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    crossed = [RIGHT[0], RIGHT[1], replace(RIGHT[2], bot="one_bot")]
    assert judge(monkeypatch, crossed) == {"nothing of one bot under another"}


def test_a_missing_and_a_foreign_dead_letter_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert judge(monkeypatch, RIGHT, letters=[]) == {"an update that kills or fails: one dead letter"}
    job = DeadLetter(kind="job", source_id="job:1", error="no", payload={})
    assert judge(monkeypatch, RIGHT, letters=[LETTER, job]) == {"no other dead letters"}
