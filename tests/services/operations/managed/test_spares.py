"""Pools that fall below their spares: the owner is offered another one, once for each fall."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from models import Bot, BotOffer, MemberStatus, Notification, PoolBot, RedirectPool
from services.alerts.notifications.notify import text_of
from services.fleet.bots.registry import register_bot
from services.fleet.pools import naming
from services.fleet.pools.fields import NewMember, NewPool
from services.fleet.pools.members import add_member
from services.fleet.pools.pools import create_pool
from services.operations.managed.managing import RIGHT
from services.operations.managed.spares import offer_spares
from services.platform.accounts.accounts import command_principal
from services.platform.platform import Platform
from services.reporting.lifeboat import lifeboat
from tests.blueprints.people import make_account
from tests.services.messaging.draining import send_all
from tests.services.operations.managed.making import Managing, managing
from tools.servers.sandbox import Sandbox


def _told(house: Managing) -> list[str]:
    with house.platform.database.reading() as session:
        return [str(text_of(row)) for row in session.scalars(select(Notification).order_by(Notification.id))]


def _member(house: Managing, **values: object) -> None:
    with house.platform.database.transaction() as session:
        session.execute(update(PoolBot).values(**values))


@pytest.mark.data
def test_a_pool_that_falls_short_is_offered_one_link_for_each_fall(
    platform: Platform, sandbox: Sandbox
) -> None:
    account = make_account(platform, "boss@example.com", admin=True)
    caller = command_principal(account)
    house = managing(platform, sandbox)
    house.link(account)
    sandbox.start(house.maker, "boss_bot")
    create_pool(house.platform, caller, NewPool(name="Calm", slug="calm"))
    pool = create_pool(house.platform, caller, NewPool(name="Red", slug="red1", spare_count=1))
    spare = register_bot(house.platform, caller, sandbox.create_bot(username="spare_bot")["token"])
    add_member(house.platform, caller, pool.id, NewMember(bot_id=spare.id, priority=-1))
    _member(house, status=MemberStatus.ONLINE)
    assert offer_spares(house.platform) == 0
    for fall in (1, 2):
        _member(house, status=MemberStatus.BANNED)
        assert [offer_spares(house.platform) for _ in range(3)] == [1, 0, 0]
        assert len(_told(house)) == fall
        _member(house, status=MemberStatus.ONLINE)
        assert offer_spares(house.platform) == 0
    assert _told(house)[-1].startswith("⚠️ Pool 'Red' has 0 of 1 backups. Make another one by one tap: ")
    assert _told(house)[-1].endswith("/newbot/boss_bot/red1_2_bot?name=Red")
    send_all(house.platform, house.manager_row())
    messages = [one for one in sandbox.transcript(house.maker, "boss_bot") if one["direction"] == "out"]
    assert [one["buttons"][0][0]["url"].partition("/newbot/")[2] for one in messages] == [
        "boss_bot/red1_1_bot?name=Red",
        "boss_bot/red1_2_bot?name=Red",
    ]
    [red, calm] = sorted(lifeboat(house.platform, caller)["pools"], key=lambda each: -each["spares_wanted"])
    assert (red["spares"], red["spares_wanted"], calm["spares_wanted"]) == (1, 1, 0)
    with house.platform.database.reading() as session:
        assert set(session.scalars(select(BotOffer.as_spare))) == {True}


def test_without_the_right_to_manage_the_way_by_hand_is_said(platform: Platform, sandbox: Sandbox) -> None:
    account = make_account(platform, "boss@example.com", admin=True)
    house = managing(platform, sandbox)
    with house.platform.database.transaction() as session:
        session.execute(update(Bot).values(capabilities={RIGHT: False}))
    pool = create_pool(
        house.platform, command_principal(account), NewPool(name="Red", slug="red1", spare_count=2)
    )
    assert offer_spares(house.platform) == 1
    assert _told(house) == [
        "⚠️ Pool 'Red' has 0 of 2 backups. Make a bot at @BotFather, add it by its token and give it the priority “Backup”."
    ]
    with house.platform.database.reading() as session:
        assert session.scalars(select(BotOffer.id)).all() == []
        assert session.get_one(RedirectPool, pool.id).spares_short_since is not None


def test_a_pattern_without_a_free_name_holds_up_no_other_pools_offer(
    platform: Platform, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    boss, other = make_account(platform, "boss@example.com", admin=True), make_account(platform)
    house = managing(platform, sandbox)
    monkeypatch.setattr(naming, "LARGEST", 1)
    for account, slug in ((boss, "red1"), (other, "blue1")):
        create_pool(house.platform, command_principal(account), NewPool(name=slug, slug=slug, spare_count=1))
    token = sandbox.create_bot(username="red1_1_bot")["token"]
    register_bot(house.platform, command_principal(boss), token)
    assert [offer_spares(house.platform) for _ in range(2)] == [2, 0]
    red, blue = _told(house)
    assert "Make a bot at @BotFather" in red
    assert "/newbot/boss_bot/blue1_1_bot" in blue
