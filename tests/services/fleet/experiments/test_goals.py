"""What counts as the goal of an experiment."""

from __future__ import annotations

import pytest

from models import Bot, GoalSource, RedirectPool
from services.core.times import utc_now
from services.messaging.plugin_runtime.plugin_database import BotDatabase
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.reporting.analytics.experiment import experiment_results
from services.traffic.clicks.flush import flush
from services.traffic.clicks.redirect import Redirector
from services.traffic.goals.recording import GoalReached, record_goals
from tests.services.fleet.experiments.test_road import owner, pools, road, rows, split, visit
from tests.services.traffic.clicks.clicking import User, payload_of, record_start

pytestmark = pytest.mark.data
__all__ = ["owner", "pools", "road"]  # fixtures


def test_a_goal_of_the_name_counts_as_the_tag_does_and_a_person_once(
    platform: Platform, owner: Principal, pools: dict[str, RedirectPool], road: Redirector
) -> None:
    number = split(platform, owner, pools["link"], (pools["blue"], 50), (pools["green"], 50))
    road.book.refresh()
    outcome = visit(road, 1)
    bot_id = rows(platform)[0].bot_id
    with platform.database.transaction() as session:
        bot = session.get_one(Bot, bot_id)
        record_start(session, bot=bot, update_id=1, user=User(), payload=payload_of(outcome), at=utc_now())
    flush(platform)

    def goals() -> int:
        arms = experiment_results(platform, owner, number)["arms"]
        return sum(arm["goals"]["count"] for arm in arms if arm["goals"])

    for event_id, goal, micros in (
        ("1", "lead", None),
        ("2", "paid", -1),
        ("3", "paid", 5),
        ("4", "paid", None),
    ):
        with platform.database.transaction() as session:
            one = GoalReached(
                owner.account_id, goal, event_id, GoalSource.API, utc_now(), bot.id, User.id, None, micros
            )
            record_goals(session, [one])
        assert goals() == (event_id in "34"), goal
    BotDatabase(platform.database, bot.id, "shop").tag_lead(User().id, "paid")
    assert goals() == 1
