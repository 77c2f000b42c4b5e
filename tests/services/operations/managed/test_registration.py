"""Bots that people made by the manager's link: whose they become, and what a crash or a second update changes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from sqlalchemy import delete, func, select

from models import AuditEvent, Bot, BotOffer, ManagedBot, Notification, PoolBot, RedirectPool, TelegramLink
from services.fleet.bots.choices import PluginChoice
from services.fleet.bots.registry import delete_bot, register_bot
from services.fleet.pools.behaviour import WantedBehaviour, set_behaviour
from services.fleet.pools.fields import NewMember, NewPool
from services.fleet.pools.members import add_member
from services.fleet.pools.pools import create_pool
from services.operations.managed import registration
from services.operations.managed.offers import add_offer, creation_link
from services.operations.managed.round import keep_managed_bots
from services.platform.accounts.accounts import command_principal
from services.platform.platform import Platform
from tests.blueprints.people import make_account
from tests.services.operations.managed.making import Managing, managing
from tests.services.operations.manager.test_desk import said
from tools.servers.sandbox import Sandbox

ECHO = [PluginChoice("echo", True, {"echo_all": True})]


def members(house: Managing) -> list[tuple[str, int]]:
    """Which bots are in pools, and as what."""
    query = select(Bot.username, PoolBot.priority).join(Bot, Bot.id == PoolBot.bot_id).order_by(PoolBot.id)
    with house.platform.database.reading() as session:
        return [(name, priority) for name, priority in session.execute(query)]


def kinds(house: Managing) -> list[str]:
    """What accounts were told."""
    with house.platform.database.reading() as session:
        return list(session.scalars(select(Notification.kind).order_by(Notification.id)))


@pytest.mark.data
def test_a_bot_becomes_its_makers_in_the_pool_of_its_link_and_does_what_the_pool_does(
    platform: Platform, sandbox: Sandbox
) -> None:
    account = make_account(platform, "boss@example.com", admin=True)
    caller = command_principal(account)
    house = managing(platform, sandbox)
    house.link(account)
    red = create_pool(house.platform, caller, NewPool(name="Red", slug="red1"))
    old = register_bot(house.platform, caller, sandbox.create_bot(username="old_bot")["token"], plugins=ECHO)
    add_member(house.platform, caller, red.id, NewMember(bot_id=old.id))
    name = creation_link(house.platform, caller, red.id).username
    update = house.make(name)
    told = said(house.take(update))
    assert told == f"🤖 @{name} was added.\n✅ @{name} joins Red once it is checked."
    assert house.take(update) is None, "an update that comes twice says nothing twice"
    bot = house.bot(name)
    assert bot is not None
    assert bot.account_id == account.id
    assert house.has_its_token(name)
    assert members(house) == [("old_bot", 0), (name, 0)]
    with house.platform.database.reading() as session:
        assert [one.name for one in session.get_one(Bot, bot.id).plugins] == ["echo"]
        assert session.scalars(select(BotOffer.id)).all() == []
        assert session.scalar(select(func.count()).select_from(Bot)) == 3


def test_a_pools_own_behaviour_is_followed_a_changed_name_is_found_and_a_spare_is_a_spare(
    platform: Platform, sandbox: Sandbox
) -> None:
    account = make_account(platform, "boss@example.com", admin=True)
    caller = command_principal(account)
    house = managing(platform, sandbox)
    house.link(account)
    red = create_pool(house.platform, caller, NewPool(name="Red", slug="red1"))
    model = register_bot(house.platform, caller, sandbox.create_bot()["token"], plugins=ECHO)
    wanted = WantedBehaviour(like=model.id)
    plan = set_behaviour(house.platform, caller, red.id, wanted, if_plan=None)["plan"]
    set_behaviour(house.platform, caller, red.id, wanted, if_plan=plan)
    with house.platform.database.transaction() as session:
        add_offer(
            session, house.manager_row(), account.id, session.get_one(RedirectPool, red.id), as_spare=True
        )
    house.take(house.make("otherwise_bot"))  # the person changed the name that was suggested
    bot = house.bot("otherwise_bot")
    assert bot is not None
    assert bot.follows_pool_id == red.id
    assert members(house) == [("otherwise_bot", -1)]
    for _ in range(2):
        creation_link(house.platform, caller, red.id)
    screen = house.take(house.make("third_bot"))
    assert screen is not None
    assert said(screen).endswith("Which pool shall it serve?"), (
        "two links are open: nobody knows which it was"
    )
    assert [row[0].text for row in screen.buttons] == ["Red"]
    assert members(house) == [("otherwise_bot", -1)]


STEPS = ("_noted", "_with_offer", "managed_token", "_add", "_join", "_settle")


def test_a_crash_at_any_step_ends_in_the_same(
    platform: Platform, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = make_account(platform, "boss@example.com", admin=True)
    caller = command_principal(account)
    house = managing(platform, sandbox)
    house.link(account)
    red = create_pool(house.platform, caller, NewPool(name="Red", slug="red1", max_bots=20))
    names = []
    for step, after in product(STEPS, (False, True)):
        names.append(creation_link(house.platform, caller, red.id).username)
        update = house.make(names[-1])
        with monkeypatch.context() as patch:
            patch.setattr(registration, step, _dying(getattr(registration, step), after=after))
            with pytest.raises(_Died):
                house.take(update)
        house.take(update)
        assert members(house) == [(name, 0) for name in names], (step, after)
        assert house.has_its_token(names[-1])
        assert not house.row(names[-1]).waits
    with house.platform.database.reading() as session:
        assert session.scalars(select(BotOffer.id)).all() == []
        added = select(func.count()).where(AuditEvent.kind == "bot_registered")
        assert session.scalar(added) == len(names) + 1, "and the manager"


class _Died(BaseException):
    """The end of a process in the middle."""


def _dying(work: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    def died(*args: Any, **kwargs: Any) -> Any:
        if after:
            work(*args, **kwargs)
        raise _Died

    return died


def test_links_of_another_account_and_bots_of_another_account_change_nothing_of_it(
    platform: Platform, sandbox: Sandbox
) -> None:
    mine = make_account(platform, "boss@example.com", admin=True)
    theirs = make_account(platform, "other@example.com")
    house = managing(platform, sandbox)
    house.link(theirs)
    red = create_pool(house.platform, command_principal(mine), NewPool(name="Red", slug="red1"))
    name = creation_link(house.platform, command_principal(mine), red.id).username
    house.take(house.make(name))  # somebody of the other account opened my link
    bot = house.bot(name)
    assert bot is not None
    assert bot.account_id == theirs.id
    assert members(house) == []
    pasted = house.make("pasted_bot")
    register_bot(house.platform, command_principal(mine), sandbox.bot("pasted_bot")["token"])
    assert house.take(pasted) is None
    kept = house.bot("pasted_bot")
    assert kept is not None
    assert kept.account_id == mine.id
    delete_bot(house.platform, command_principal(mine), kept.id)
    assert house.take(pasted) is None
    assert house.bot("pasted_bot") is None, "what was deleted here does not come back by itself"


def test_another_owner_and_another_token_are_taken_over_and_the_account_is_told(
    platform: Platform, sandbox: Sandbox
) -> None:
    account = make_account(platform, "boss@example.com", admin=True)
    house = managing(platform, sandbox)
    house.link(account)
    update = house.make("red_bot")
    house.take(update)
    sandbox.rotate("red_bot")
    assert said(house.take(update)) == "🔑 @red_bot has another token, and I keep it."
    assert house.has_its_token("red_bot")
    assert house.take(update) is None
    heir = int(sandbox.create_user(first_name="Rui")["id"])
    given = house.update_of("red_bot", heir)
    assert house.take(given) is None
    house.take(given)
    bot = house.bot("red_bot")
    assert bot is not None
    assert bot.account_id == account.id, "its people stay with the account that they know"
    assert kinds(house) == ["bot_owner_changed"]
    assert house.row("red_bot").owner_telegram_id == heir


def test_what_telegram_or_a_full_account_refuses_is_said_and_tried_again(
    platform: Platform, sandbox: Sandbox
) -> None:
    account = make_account(platform, "boss@example.com", admin=True)
    house = managing(platform, sandbox)
    house.link(account)
    update = house.make("red_bot")
    sandbox.fault(
        "status", method="getManagedBotToken", status=400, description="Bad Request: BOT_INVALID", count=1
    )
    assert said(house.take(update)).startswith(
        "⏳ @red_bot is made, but not added yet: The manager bot does not"
    )
    assert house.row("red_bot").waits
    keep_managed_bots(house.platform)
    assert house.has_its_token("red_bot")
    sandbox.rotate("red_bot")
    sandbox.fault("status", method="getManagedBotToken", status=500, description="Internal", count=1)
    house.take(update)
    assert not house.has_its_token("red_bot")
    with house.platform.database.transaction() as session:
        row = session.scalars(select(ManagedBot)).one()
        assert row.rotating_at is not None
        row.rotating_at = row.rotating_at.replace(year=2020)
    keep_managed_bots(house.platform)
    assert house.has_its_token("red_bot")
    full = house.platform.settings.model_copy(update={"quota_bots": 1})
    house.platform = Platform(full)
    blue = house.make("blue_bot")
    assert "⏳ @blue_bot is made" in said(house.take(blue))
    assert [row.username for row in registration.all_waiting(house.platform)] == ["blue_bot"]


def test_an_update_without_a_bot_or_a_person_is_nothing_to_do(platform: Platform, sandbox: Sandbox) -> None:
    make_account(platform, "boss@example.com", admin=True)
    house = managing(platform, sandbox)
    whole = house.make("red_bot")["managed_bot"]
    for broken in (
        {},
        None,
        {"bot": whole["bot"]},
        {**whole, "user": {"id": "x"}},
        {**whole, "bot": {"id": 2**70}},
    ):
        update = {"update_id": 1, "managed_bot": broken}
        assert registration.announced_in(update) is None
    with house.platform.database.transaction() as session:
        session.execute(delete(TelegramLink))
    assert house.known_maker() is None
