"""One bot with ten thousand queued updates, and what the other bots' people notice of it.

The others get updates at a steady rate, alone and beside the hot bot's backlog by turns in one run, so that whatever
else the machine does falls on both.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from services.messaging.updates.intake import Intake
from services.platform.platform import Platform
from services.platform.redis import keys
from tools.benchmarks.figures import Figure
from tools.benchmarks.pipeline_systems import System, add_hot_bot

BACKLOG = 10_000
CHATS = 500  # of the hot bot
RATE = 100  # updates a second of the other bots together
SECONDS = 10  # of each turn: the backlog outlasts it
FILLING_THREADS = 128
REST_SECONDS = 12  # until the hot bot's messages in memory are sent, at thirty a second
Report = dict[str, Any]


def measure_hot_bot(system: System, rounds: int) -> tuple[list[Report], list[Report]]:
    """So many turns alone and beside a fresh backlog; each report with `left`, the updates still waiting."""
    platform = system.platform
    assert platform is not None
    hot = add_hot_bot(platform)
    _fill(platform, hot, range(CHATS))  # everybody is known after this
    _rest(system, platform, hot)
    alone, beside = [], []
    for number in range(rounds):
        alone.append(_turn(system))
        first = CHATS + number * BACKLOG
        _fill(platform, hot, range(first, first + BACKLOG))
        beside.append(_turn(system))
        _rest(system, platform, hot)
    return alone, beside


def hot_bot_figure(alone: list[Report], beside: list[Report], load: float) -> Figure:
    """The row of the table: the median over the rounds of neighbours in time."""
    ratios = [b["reply_ms"]["p95"] / a["reply_ms"]["p95"] for a, b in zip(alone, beside, strict=True)]
    detail = (
        f"p95 {_p95(alone)} ms alone, {_p95(beside)} beside; "
        f"left of the backlog {' '.join(str(each['left']) for each in beside)}"
    )
    ratio = round(statistics.median(ratios), 2)
    return Figure(
        "other bots' p95 beside a hot bot, over alone", ratio, "x", 2, 1.5, detail=detail, load=load
    )


def _turn(system: System) -> Report:
    assert system.platform is not None
    report = system.driver.run(RATE * SECONDS, rate=RATE)
    return {**report, "left": _left(system.platform)}


def _fill(platform: Platform, hot: int, numbers: Iterable[int]) -> None:
    """Put updates into the lanes by the usual door."""
    intake = Intake(platform)
    with ThreadPoolExecutor(FILLING_THREADS) as pool:
        list(pool.map(lambda number: intake.accept(hot, _update(number)), numbers))


def _rest(system: System, platform: Platform, hot: int) -> None:
    """Until the hot bot has nothing to do; Telegram listens only while it posts.

    Its updates are handled, its replies would take minutes at thirty a second: those not in memory are taken away.
    """
    while _left(platform):
        system.driver.run(10, rate=20)
    platform.redis.delete(keys.outbox(hot, "reply"))
    system.driver.run(REST_SECONDS * 20, rate=20)


def _update(number: int) -> dict[str, Any]:
    person = {
        "id": 5_000_000 + number % CHATS,
        "is_bot": False,
        "first_name": "Ana",
        "language_code": "pt-br",
    }
    return {
        "update_id": number,
        "message": {
            "message_id": number,
            "from": person,
            "chat": {"id": person["id"], "type": "private", "first_name": "Ana"},
            "date": 1_700_000_000,
            "text": f"hot {number}",
        },
    }


def _left(platform: Platform) -> int:
    """Updates in the lanes."""
    with platform.redis.pipeline(transaction=False) as pipe:
        for lane in range(platform.settings.update_lanes):
            pipe.xlen(keys.update_lane(lane))
        return int(sum(pipe.execute()))


def _p95(reports: list[Report]) -> str:
    return " ".join(str(report["reply_ms"]["p95"]) for report in reports)
