"""A call to Redis that timed out and ran all the same: the bot that the visitor was sent to is the click's."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import select

from models import Bot, Click, ClickRollup, Lead, PoolBot
from services.core.times import utc_now
from services.platform.platform import Platform
from services.platform.redis import keys
from services.traffic.clicks.flush import flush
from services.traffic.clicks.recount import recount
from services.traffic.clicks.redirect import Kind, Outcome, Redirector
from services.traffic.clicks.stream_audit import check_clicks
from tests.services.fleet.pools.fleet import new_account, new_pool
from tests.services.traffic.clicks.clicking import User, click, payload_of, record_start, unstarted
from tools.servers.fleet import stream
from tools.servers.valkey import stalled

pytestmark = pytest.mark.data
PATIENCE = 30.0  # seconds; only a hang reaches it
Figures = tuple[dict[int, int], dict[int, int], dict[int, int]]


def click_in_a_stall(platform: Platform, road: Redirector) -> Outcome:
    """A click whose call times out and runs afterwards; Redis draws another bot than the process."""
    before = platform.redis.xlen(keys.click_stream())
    with stalled(platform.redis):
        outcome = click(road, REMOTE_ADDR="203.0.113.77")
    deadline = time.monotonic() + PATIENCE
    while platform.redis.xlen(keys.click_stream()) == before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert platform.redis.xlen(keys.click_stream()) == before + 1
    return outcome


def figures(platform: Platform) -> Figures:
    """Clicks and visitors of the rollups and totals of the members, by bot, without zeros."""
    with platform.database.reading() as session:
        rollups = session.execute(select(ClickRollup.bot_id, ClickRollup.clicks, ClickRollup.visitors)).all()
        totals = session.execute(select(PoolBot.bot_id, PoolBot.total_redirects)).all()
    clicks, visitors = Counter[int](), Counter[int]()
    for bot, more_clicks, more_visitors in rollups:
        clicks[bot] += more_clicks
        visitors[bot] += more_visitors
    return dict(+clicks), dict(+visitors), {bot: total for bot, total in totals if total}


@pytest.mark.parametrize("order", ["apart", "together", "replay first"])
def test_the_answer_that_the_visitor_got_holds_in_rows_and_figures(platform: Platform, order: str) -> None:
    pool = new_pool(platform, new_account(platform), "red1", 2)
    road = unstarted(platform)
    first = click(road)  # the rotation stands at the second bot; a process of its own begins with the first
    outcome = click_in_a_stall(platform, road)
    assert outcome.location.partition("?")[0] == first.location.partition("?")[0]
    if order == "apart":
        flush(platform)
        road.recorder.take_up_again()
    elif order == "together":
        road.recorder.take_up_again()
    else:
        entry, fields = stream(platform, keys.click_stream())[-1]
        platform.redis.xdel(keys.click_stream(), entry)
        road.recorder.take_up_again()
        flush(platform)
        platform.redis.xadd(keys.click_stream(), dict[Any, Any](fields))
    flush(platform)
    with platform.database.reading() as session:
        rows = {row.id: row.bot_id for row in session.scalars(select(Click))}
    bot_id = rows[first.click_id]
    assert bot_id is not None
    assert rows == {first.click_id: bot_id, outcome.click_id: bot_id}
    assert figures(platform) == ({bot_id: 2}, {bot_id: 2}, {bot_id: 2})
    assert [one for one in check_clicks(platform).mismatches if one.pool_id == pool.id] == []
    recount(platform)
    assert figures(platform) == ({bot_id: 2}, {bot_id: 2}, {bot_id: 2})


@pytest.mark.parametrize("start_comes", ["before the replay", "after the replay"])
def test_a_start_at_the_answered_bot_binds_whenever_it_comes(platform: Platform, start_comes: str) -> None:
    pool = new_pool(platform, new_account(platform), "red1", 2)
    road = unstarted(platform)
    click(road)
    outcome = click_in_a_stall(platform, road)
    flush(platform)
    bot_id = pool.members[0].bot_id

    def start() -> None:
        with platform.database.transaction() as session:
            bot, payload = session.get_one(Bot, bot_id), payload_of(outcome)
            record_start(session, bot=bot, update_id=1, user=User(), payload=payload, at=utc_now())

    if start_comes == "before the replay":
        start()
    road.recorder.take_up_again()
    flush(platform)
    if start_comes == "after the replay":
        start()
    with platform.database.reading() as session:
        row = session.get_one(Click, outcome.click_id)
        assert row.bot_id == bot_id
        assert row.lead_id == session.scalars(select(Lead.id)).one()


def test_whoever_redis_may_have_let_in_is_not_refused(platform: Platform) -> None:
    new_pool(platform, new_account(platform), "red1", 1, rate_limit_per_minute=1)
    road = unstarted(platform)
    click(road, REQUEST_METHOD="HEAD")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("services.traffic.clicks.record._LocalCounters._count", lambda *_: 2)
        assert click_in_a_stall(platform, road).kind is Kind.BOT
        assert click(road).kind is Kind.LIMITED  # Redis is known to be away: the process's own count holds
    road.recorder.take_up_again()
    assert flush(platform) == 2
