"""A goal is noted once, and is of the click that was its person's last touch when they reached it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from models import Bot, Click, Goal, GoalSource, RedirectPool
from plugins.goals import LARGEST, MICROS
from services.core.times import utc_now
from services.platform.platform import Platform
from services.traffic.clicks.flush import flush
from services.traffic.clicks.redirect import Outcome, Redirector
from services.traffic.goals.earnings import EarnedBy, earned
from services.traffic.goals.recording import GoalReached, record_goals
from tests.services.fleet.pools.fleet import new_account, new_pool
from tests.services.traffic.clicks.clicking import User, click, payload_of, record_start, unstarted

pytestmark = pytest.mark.data
NOW = utc_now()


@pytest.fixture
def pool(platform: Platform) -> RedirectPool:
    """A pool `red1` with one bot."""
    return new_pool(platform, new_account(platform), "red1", 1)


@pytest.fixture
def road(platform: Platform, pool: RedirectPool) -> Redirector:
    assert pool.id
    return unstarted(platform)


def bot_of(platform: Platform) -> Bot:
    with platform.database.reading() as session:
        return session.scalars(select(Bot).order_by(Bot.id)).first() or Bot()


def start(platform: Platform, outcome: Outcome, update_id: int, minutes: int) -> None:
    with platform.database.transaction() as session:
        bot = session.scalars(select(Bot).order_by(Bot.id)).first()
        assert bot is not None
        at = NOW + timedelta(minutes=minutes)
        record_start(session, bot=bot, update_id=update_id, user=User(), payload=payload_of(outcome), at=at)


def reach(platform: Platform, event_id: str, minutes: int, click_id: str | None = None) -> int:
    """Note a purchase at that minute; how many were new."""
    bot = bot_of(platform)
    with platform.database.transaction() as session:
        one = GoalReached(
            account_id=bot.account_id,
            goal="purchase",
            event_id=event_id,
            source=GoalSource.API,
            at=NOW + timedelta(minutes=minutes),
            bot_id=bot.id,
            telegram_id=User.id,
            click_id=click_id,
            amount_micros=9_900_000,
            currency="BRL",
        )
        return len(record_goals(session, [one, one]))


def credited(platform: Platform) -> dict[str, str | None]:
    """Each goal's click, by event."""
    with platform.database.reading() as session:
        return {goal.event_id: goal.click_id for goal in session.scalars(select(Goal))}


def test_the_last_touch_of_its_time_gets_the_goal_whichever_arrives_first(
    platform: Platform, road: Redirector
) -> None:
    first, second = (click(road, QUERY_STRING=f"utm_source={name}&gclid=g{name}") for name in ("a", "b"))
    start(platform, first, 1, 0)
    assert reach(platform, "early", 1) == 1  # before the click is a row
    assert credited(platform) == {"early": None}
    flush(platform)
    assert reach(platform, "later", 2) == 1
    start(platform, second, 2, 10)
    assert reach(platform, "last", 11) == 1
    reach(platform, "of the first", 12, first.click_id)
    expected = {"early": first, "later": first, "last": second, "of the first": first}
    assert credited(platform) == {name: outcome.click_id for name, outcome in expected.items()}
    with platform.database.reading() as session:
        goal = session.scalars(select(Goal).where(Goal.event_id == "early")).one()
        row = session.get_one(Click, first.click_id)
        assert (goal.click_source, goal.pool_id, goal.clicked_at) == ("a", row.pool_id, row.at)
        assert (goal.ad_ids, goal.device) == ({"gclid": "ga"}, row.device)


def test_a_start_whose_click_came_late_leaves_a_given_click_and_what_was_reached_before_alone(
    platform: Platform, road: Redirector
) -> None:
    first, second = click(road, QUERY_STRING="utm_source=a"), click(road, QUERY_STRING="utm_source=b")
    start(platform, first, 1, 0)
    flush(platform)
    reach(platform, "before", 4)
    start(platform, second, 2, 5)
    reach(platform, "given", 6, first.click_id)
    reach(platform, "after", 7)
    assert credited(platform) == {
        "before": first.click_id,
        "given": first.click_id,
        "after": second.click_id,
    }


def test_a_goal_that_is_told_of_late_is_of_the_touch_before_it(platform: Platform, road: Redirector) -> None:
    first, second = click(road, QUERY_STRING="utm_source=a"), click(road, QUERY_STRING="utm_source=b")
    flush(platform)
    start(platform, first, 1, 0)
    start(platform, second, 2, 10)
    reach(platform, "between", 5)
    reach(platform, "before any", -5)
    reach(platform, "now", 11)
    assert credited(platform) == {"between": first.click_id, "before any": None, "now": second.click_id}


def test_what_is_taken_back_is_taken_from_the_click_that_was_credited(
    platform: Platform, road: Redirector
) -> None:
    first, second = click(road, QUERY_STRING="utm_source=a"), click(road, QUERY_STRING="utm_source=b")
    flush(platform)
    start(platform, first, 1, 0)
    reach(platform, "paid", 1)
    start(platform, second, 2, 10)
    bot = bot_of(platform)
    refund = GoalReached(
        account_id=bot.account_id,
        goal="purchase",
        event_id="back",
        source=GoalSource.PAYMENT,
        at=NOW + timedelta(minutes=20),
        bot_id=bot.id,
        telegram_id=User.id,
        amount_micros=-9_900_000,
        currency="BRL",
        takes_back="paid",
    )
    with platform.database.transaction() as session:
        record_goals(session, [refund])
        paid, back = session.scalars(select(Goal).order_by(Goal.id))
        assert (back.click_id, back.clicked_hour, back.click_source) == (
            first.click_id,
            paid.clicked_hour,
            "a",
        )
        assert back.pool_id == paid.pool_id


def test_amounts_add_up_exactly_however_large_and_whatever_their_sign(
    platform: Platform, road: Redirector
) -> None:
    outcome = click(road, QUERY_STRING="utm_source=a")
    flush(platform)
    bot = bot_of(platform)
    amounts = [LARGEST * MICROS] * 12 + [-1_500_001, 9_900_000, 999_999]
    one = GoalReached(bot.account_id, "purchase", "", GoalSource.API, NOW, click_id=outcome.click_id)
    reached = [
        replace(one, event_id=str(number), amount_micros=micros, currency="BRL")
        for number, micros in enumerate(amounts)
    ]
    with platform.database.transaction() as session:
        record_goals(session, reached)
        span = NOW - timedelta(days=1), NOW + timedelta(days=1)
        [found] = earned(session, EarnedBy.SOURCE, *span, [Goal.account_id == bot.account_id]).values()
    assert (found.goals, found.revenue) == (len(amounts) - 1, {"BRL": sum(amounts)})


def test_an_event_is_noted_once_and_another_accounts_click_is_nobodys(
    platform: Platform, road: Redirector
) -> None:
    outcome = click(road)
    flush(platform)
    assert (reach(platform, "one", 1), reach(platform, "one", 2)) == (1, 0)
    stranger = new_account(platform)
    with platform.database.transaction() as session:
        one = GoalReached(stranger.account_id, "lead", "one", GoalSource.API, NOW, click_id=outcome.click_id)
        [goal] = record_goals(session, [one])
        assert (goal.click_id, goal.pool_id, goal.amount_micros) == (None, None, None)
