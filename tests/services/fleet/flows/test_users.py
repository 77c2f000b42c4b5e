"""Bots name flows of their own account only, wherever their plugins are saved."""

from __future__ import annotations

from pathlib import Path

import pytest

from models import Account, RedirectPool
from services.core.errors import InvalidInput
from services.core.settings import Settings
from services.fleet.bots.choices import PluginChoice
from services.fleet.bots.registry import set_plugins
from services.fleet.configuration.document import Behaviour
from services.fleet.declared.exchange import change_configuration
from services.fleet.declared.files import BotFiles
from services.fleet.declared.planning import make_plan
from services.fleet.flows.fields import NewFlow
from services.fleet.flows.flows import create_flow
from services.fleet.flows.users import bots_using, unknown_flows
from services.fleet.pools.behaviour import WantedBehaviour, set_behaviour
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tests.services.fleet.pools.fleet import new_account, new_bot, new_pool

FILE = """\
id: shop
name: Shop
token: "123456789:ABCdefGHIjklMNOpqrsTUVwxyz"
plugins:
  - name: start
  - name: flow
    config:
      flow: sales
"""


@pytest.fixture
def owner(platform: Platform) -> Principal:
    return new_account(platform)


def plays(key: str) -> list[PluginChoice]:
    return [PluginChoice("flow", config={"flow": key})]


@pytest.mark.data
def test_a_bot_plays_its_account_s_flows_and_no_others(platform: Platform, owner: Principal) -> None:
    bot = new_bot(platform, owner)
    create_flow(platform, new_account(platform), NewFlow(name="Sales"))
    with pytest.raises(InvalidInput) as refused:
        set_plugins(platform, owner, bot.id, plays("sales"))
    assert (refused.value.code, refused.value.field) == ("flow_unknown", "flow.flow")
    assert [each.code for each in unknown_flows(platform, owner.account_id, plays("sales"))] == [
        "flow_unknown"
    ]
    create_flow(platform, owner, NewFlow(name="Sales"))
    set_plugins(platform, owner, bot.id, [*plays("sales"), PluginChoice("start")])
    assert unknown_flows(platform, owner.account_id, plays("sales")) == []
    with platform.database.reading() as session:
        assert [each.id for each in bots_using(session, owner.account_id, "sales")] == [bot.id]


def test_neither_a_pool_s_behaviour_nor_a_configuration_names_a_flow_that_is_not_there(
    platform: Platform, owner: Principal
) -> None:
    pool: RedirectPool = new_pool(platform, owner, "pool")
    said = Behaviour.model_validate({"plugins": [{"name": "flow", "config": {"flow": "sales"}}]})
    bot = new_bot(platform, owner)
    document = "name: Shop\nplugins:\n  - name: flow\n    config:\n      flow: sales\n"
    with pytest.raises(InvalidInput) as owned:
        set_behaviour(platform, owner, pool.id, WantedBehaviour(said=said), if_plan=None)
    with pytest.raises(InvalidInput) as written:
        change_configuration(platform, owner, bot.id, document, if_plan=None)
    assert [owned.value.code, written.value.code] == ["flow_unknown", "flow_unknown"]
    create_flow(platform, owner, NewFlow(name="Sales"))
    assert set_behaviour(platform, owner, pool.id, WantedBehaviour(said=said), if_plan=None)["changes"]
    assert change_configuration(platform, owner, bot.id, document, if_plan=None)["changes"]


def test_a_bot_s_file_with_an_unknown_flow_is_refused_with_its_line(
    platform: Platform, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "shop.yaml").write_text(FILE)
    with platform.database.transaction() as session:
        account = Account(email="admin@example.com", password_hash="-", is_admin=True)
        session.add(account)
    files = BotFiles(settings.model_copy(update={"config_dir": tmp_path}))
    [problem] = make_plan(platform, files.read()).problems
    assert (problem.file, problem.place.line, problem.code) == ("shop.yaml", 8, "flow_unknown")
    create_flow(platform, Principal(account.id, f"account:{account.id}"), NewFlow(name="Sales"))
    plan = make_plan(platform, files.read())
    assert (plan.problems, [each.id for each in plan.bots]) == ((), ["shop"])
