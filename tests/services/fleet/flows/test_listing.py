"""The list of flows: the bots that play each and the people inside, of the caller's account alone."""

from __future__ import annotations

import pytest

from models import BotPlugin, FlowRun
from services.core.times import utc_now
from services.fleet.flows.fields import NewFlow
from services.fleet.flows.flows import create_flow
from services.fleet.flows.listing import listed_flows
from services.platform.platform import Platform
from tests.services.fleet.pools.fleet import new_account, new_bot

pytestmark = pytest.mark.data


def test_a_flow_is_listed_with_its_bots_and_the_people_who_stand_in_it(platform: Platform) -> None:
    owner, other = new_account(platform), new_account(platform)
    sales, empty = (create_flow(platform, owner, NewFlow(name=name)) for name in ("Sales", "Empty"))
    create_flow(platform, other, NewFlow(name="Sales"))
    bot = new_bot(platform, owner)
    stand = {"version": 1, "step": "start", "entered_at": utc_now(), "started_at": utc_now()}
    with platform.database.transaction() as session:
        session.add(BotPlugin(bot_id=bot.id, name="flow", config={"flow": "sales"}, position=0))
        for person, status in enumerate(("waiting", "paused", "ended"), start=1):
            session.add(FlowRun(bot_id=bot.id, telegram_id=person, flow_id=sales.id, status=status, **stand))
    found = [(each["id"], each["usernames"], each["people"]) for each in listed_flows(platform, owner)]
    assert found == [(sales.id, [bot.username], 2), (empty.id, [], 0)]
    assert [(each["usernames"], each["people"]) for each in listed_flows(platform, other)] == [([], 0)]
