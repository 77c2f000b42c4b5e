"""The bots that play a flow are chosen together: first of their plugins, all or none, of the own account alone."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from models import Bot, BotPlugin
from services.core.errors import Conflict, NotFound
from services.fleet.bots.choices import PluginChoice
from services.fleet.bots.registry import set_plugins
from services.fleet.flows.fields import NewFlow
from services.fleet.flows.flows import create_flow
from services.fleet.flows.players import choose_bots, flow_bots
from services.fleet.pools.behaviour import WantedBehaviour, set_behaviour
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tests.services.fleet.pools.fleet import new_account, new_bot, new_pool

WELCOME = PluginChoice("start")


@pytest.fixture
def owner(platform: Platform) -> Principal:
    return new_account(platform)


def plugins(platform: Platform, bot: Bot) -> list[tuple[str, str]]:
    """The bot's plugins in order, each with the flow it names."""
    query = select(BotPlugin).where(BotPlugin.bot_id == bot.id).order_by(BotPlugin.position)
    with platform.database.reading() as session:
        return [(row.name, row.config.get("flow", "")) for row in session.scalars(query)]


def version(platform: Platform, bot: Bot) -> int:
    with platform.database.reading() as session:
        return session.scalars(select(Bot.config_version).where(Bot.id == bot.id)).one()


@pytest.mark.data
def test_chosen_bots_ask_the_flow_first_and_others_lose_it(platform: Platform, owner: Principal) -> None:
    sales, other = (create_flow(platform, owner, NewFlow(name=name)) for name in ("Sales", "Other"))
    first, second, third = (new_bot(platform, owner) for _ in range(3))
    set_plugins(platform, owner, first.id, [WELCOME])
    set_plugins(platform, owner, second.id, [WELCOME, PluginChoice("flow", config={"flow": "other"})])
    set_plugins(platform, owner, third.id, [PluginChoice("flow", config={"flow": "sales"}), WELCOME])
    untouched = version(platform, third)

    views = choose_bots(platform, owner, sales.id, [first.id, second.id, third.id])
    assert [(each["bot_id"], each["plays"]) for each in views] == [
        (each.id, True) for each in (first, second, third)
    ]
    assert plugins(platform, first) == plugins(platform, second) == [("flow", "sales"), ("start", "")]
    assert version(platform, third) == untouched, "a bot that played it already is left alone"
    assert [each["other_flow"] for each in flow_bots(platform, owner, other.id)] == ["sales"] * 3

    choose_bots(platform, owner, sales.id, [second.id])
    assert plugins(platform, first) == plugins(platform, third) == [("start", "")]
    assert plugins(platform, second) == [("flow", "sales"), ("start", "")]


def test_somebody_else_s_flow_and_bots_are_not_there(platform: Platform, owner: Principal) -> None:
    stranger = new_account(platform)
    flow, mine = create_flow(platform, owner, NewFlow(name="Sales")), new_bot(platform, owner)
    theirs = new_bot(platform, stranger)
    for caller, bots in ((owner, [mine.id, theirs.id]), (stranger, [theirs.id])):
        with pytest.raises(NotFound):
            choose_bots(platform, caller, flow.id, bots)
    with pytest.raises(NotFound):
        flow_bots(platform, stranger, flow.id)
    assert [each["bot_id"] for each in flow_bots(platform, owner, flow.id) if each["plays"]] == []


def test_a_bot_that_follows_a_pool_is_named_and_nothing_is_done(platform: Platform, owner: Principal) -> None:
    flow, free = create_flow(platform, owner, NewFlow(name="Sales")), new_bot(platform, owner)
    pool = new_pool(platform, owner, "pool", 1)
    follower = pool.members[0].bot_id
    wanted = WantedBehaviour(like=follower, everybody=True)
    plan = set_behaviour(platform, owner, pool.id, wanted, if_plan=None)["plan"]
    set_behaviour(platform, owner, pool.id, wanted, if_plan=plan)
    before = plugins(platform, free)
    said = {each["bot_id"]: each["code"] for each in flow_bots(platform, owner, flow.id)}
    assert said == {free.id: None, follower: "follows_pool"}
    with pytest.raises(Conflict) as refused:
        choose_bots(platform, owner, flow.id, [free.id, follower])
    assert refused.value.code == "follows_pool"
    assert plugins(platform, free) == before
