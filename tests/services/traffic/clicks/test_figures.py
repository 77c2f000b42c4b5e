"""What is counted of clicks: their time of one in eight, their choice as they become rows, nothing traced unless wanted."""

from __future__ import annotations

import time
from math import floor

import pytest

from services.core import tracing
from services.core.metrics import REDIRECT_CHOICES, REDIRECT_SECONDS
from services.core.tracing import Span, Tracing
from services.platform.platform import Platform
from services.traffic.clicks.figures import click_answered
from services.traffic.clicks.flush import flush
from services.traffic.clicks.pending import PendingClick, RecordResult
from tests.services.fleet.pools.fleet import new_account, new_pool
from tests.services.traffic.clicks.clicking import click, unstarted


class Kept:
    """A sink that keeps."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def put(self, span: Span) -> None:
        self.spans.append(span)


def pending(milliseconds: int) -> PendingClick:
    """A click of a moment ago, in such a millisecond of its second."""
    at = floor(time.time()) - 1 + (milliseconds + 0.5) / 1000
    return PendingClick(
        "a" * 12, "{}", "red1", "round_robin/tier0", "human", at, 1, "c", 9, True, "1", 1, True, False, 0
    )


def timed() -> float:
    """How many clicks were timed so far."""
    return next(
        sample.value
        for family in REDIRECT_SECONDS.collect()
        for sample in family.samples
        if sample.name.endswith("_count")
    )


def test_one_click_in_eight_is_timed() -> None:
    before = timed()
    for number in range(800):
        click_answered(pending(number), RecordResult(1, 1), "online")
    assert timed() - before == 100


def test_a_choice_is_counted_when_its_click_becomes_a_row(platform: Platform) -> None:
    new_pool(platform, new_account(platform), "red1", 2)
    counter = REDIRECT_CHOICES.labels("round_robin", "tier0")
    road, before = unstarted(platform), counter._value.get()
    for _ in range(3):
        click(road)
    assert counter._value.get() == before
    flush(platform)
    assert counter._value.get() == before + 3


@pytest.mark.parametrize("wanted", [True, False])
def test_a_click_is_traced_where_traces_are_wanted(monkeypatch: pytest.MonkeyPatch, wanted: bool) -> None:
    sink = Kept()
    monkeypatch.setattr(tracing, "current", Tracing(sink) if wanted else None)
    click_answered(pending(1), RecordResult(7, 1), "online")
    told = [(span.name, span.attributes["strategy"], span.attributes["bot_id"]) for span in sink.spans]
    assert told == ([("click", "round_robin", 7)] if wanted else [])
