"""Links that make a bot: whose they are, and which name they suggest."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from models import Bot, BotOffer, RedirectPool
from services.core.errors import Conflict, InvalidInput, NotFound
from services.core.times import utc_now
from services.fleet.pools.fields import NewPool, PoolChange
from services.fleet.pools.naming import checked_pattern, pattern_after
from services.fleet.pools.pools import create_pool, update_pool
from services.operations.managed.managing import RIGHT, may_manage
from services.operations.managed.offers import MOST, creation_link
from services.operations.manager.newbots import new_bot
from services.operations.manager.person import Person
from services.platform.accounts.accounts import command_principal
from services.platform.accounts.telegram_links import linked_person
from services.platform.platform import Platform
from tests.blueprints.people import make_account
from tests.services.operations.managed.making import managing
from tools.servers.sandbox import Sandbox


@pytest.mark.parametrize(
    "pattern",
    [
        "inss_bot",
        "{n}_bot",
        "inss_{n}",
        "in ss_{n}_bot",
        "inss_{n}_{n}_bot",
        "a" * 26 + "{n}bot",
        "é_{n}_bot",
    ],
)
def test_a_pattern_makes_usernames_that_telegram_takes_or_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidInput):
        checked_pattern(pattern)
    assert checked_pattern("inss_{n}_bot") == "inss_{n}_bot"
    for word in ("red1", "a", "123-abc", "a-very-long-slug-of-fifty-characters-and-some-more", "-"):
        assert checked_pattern(pattern_after(word))


@pytest.mark.data
def test_two_asks_get_two_numbers_and_taken_names_none(platform: Platform, sandbox: Sandbox) -> None:
    admin = make_account(platform, "boss@example.com", admin=True)
    other = command_principal(make_account(platform, "other@example.com"))
    house = managing(platform, sandbox)
    caller = command_principal(admin)
    pool = create_pool(
        house.platform, caller, NewPool(name="INSS & co", slug="inss", naming_pattern="Inss_{n}_bot")
    )
    with house.platform.database.transaction() as session:
        session.execute(update(Bot).values(username="INSS_2_bot"))
    first, second = (creation_link(house.platform, caller, pool.id) for _ in range(2))
    assert first.address.endswith("/newbot/INSS_2_bot/inss_1_bot?name=INSS%20%26%20co")
    assert (first.username, second.username) == ("inss_1_bot", "inss_3_bot")
    with ThreadPoolExecutor(6) as threads:
        many = list(threads.map(lambda _: creation_link(house.platform, caller, pool.id).username, range(6)))
    assert sorted(many) == [f"inss_{n}_bot" for n in range(4, 10)]
    with pytest.raises(NotFound):
        creation_link(house.platform, other, pool.id)
    with house.platform.database.transaction() as session:
        session.execute(update(BotOffer).values(expires_at=utc_now() - timedelta(seconds=1)))
    assert creation_link(house.platform, caller, pool.id).username == "inss_1_bot"
    assert creation_link(house.platform, other).pool_id is None
    update_pool(house.platform, caller, pool.id, PoolChange(naming_pattern=""))
    assert creation_link(house.platform, caller, pool.id).username == "inss_3_bot"


def test_an_account_has_so_many_open_links_and_the_oldest_goes(platform: Platform, sandbox: Sandbox) -> None:
    caller = command_principal(make_account(platform, "boss@example.com", admin=True))
    house = managing(platform, sandbox)
    with house.platform.database.transaction() as session:
        later = utc_now() + timedelta(days=1)
        for number in range(MOST + 5):
            name = f"old_{number}_bot"
            session.add(BotOffer(account_id=caller.account_id, username=name, expires_at=later))
    creation_link(house.platform, caller)
    with house.platform.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(BotOffer)) == MOST
        assert session.scalar(select(BotOffer.id).where(BotOffer.username == "old_5_bot")) is None


def test_a_manager_that_may_not_manage_is_said_until_it_may(platform: Platform, sandbox: Sandbox) -> None:
    caller = command_principal(make_account(platform, "boss@example.com", admin=True))
    with pytest.raises(Conflict) as none:
        creation_link(platform, caller)
    assert none.value.code == "no_manager_bot"
    house = managing(platform, sandbox)
    sandbox.post("/bots/boss_bot/unmanage")
    with house.platform.database.transaction() as session:
        session.execute(update(Bot).values(capabilities={RIGHT: False}))
    with pytest.raises(Conflict) as refused:
        creation_link(house.platform, caller)
    assert refused.value.code == "cannot_manage_bots"
    sandbox.post("/bots/boss_bot/manage")
    assert not may_manage(house.platform)
    assert creation_link(house.platform, caller).username == "boss_1_bot"


def test_a_pool_goes_with_its_links(platform: Platform, sandbox: Sandbox) -> None:
    caller = command_principal(make_account(platform, "boss@example.com", admin=True))
    house = managing(platform, sandbox)
    pool = create_pool(house.platform, caller, NewPool(name="Red", slug="red1"))
    creation_link(house.platform, caller, pool.id)
    with house.platform.database.transaction() as session:
        session.delete(session.get_one(RedirectPool, pool.id))
    with house.platform.database.reading() as session:
        assert session.scalars(select(BotOffer.id)).all() == []


def test_in_the_chat_the_link_is_a_button(platform: Platform, sandbox: Sandbox) -> None:
    account = make_account(platform, "boss@example.com", admin=True)
    house = managing(platform, sandbox)
    house.link(account)
    there = house.platform.settings.model_copy(update={"telegram_link_url": "https://t.me"})
    found = linked_person(house.platform, house.maker)
    assert found is not None
    screen = new_bot(Person(Platform(there), found, "en"), "")
    [[button]] = screen.buttons
    assert button.url == "https://t.me/newbot/boss_bot/boss_1_bot"
