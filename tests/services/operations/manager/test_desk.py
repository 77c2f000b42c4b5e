"""What the manager bot says to whom, without Telegram: links, screens, rights, and the bot itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import event, select, update

from models import Account, Bot, BotStatus, TelegramLink, TelegramLinkCode
from plugins.context import BotFacts, Context, Lead
from plugins.fleet import Fleet, Screen
from services.core.errors import Conflict, FlotillaError, InvalidInput, NotFound
from services.core.i18n import Text
from services.core.times import utc_now
from services.fleet.bots.choices import PluginChoice
from services.fleet.bots.registry import delete_bot, register_bot, set_plugins
from services.fleet.bots.status import write_status
from services.fleet.bots.token_replacement import replace_token
from services.fleet.pools.fields import NewMember, NewPool
from services.fleet.pools.members import add_member
from services.fleet.pools.pools import create_pool
from services.operations.manager.desk import ManagerDesk
from services.operations.manager.ensuring import ensure_manager, manager_of
from services.operations.manager.links import invite
from services.operations.readiness import readiness
from services.platform.accounts.accounts import command_principal
from services.platform.accounts.password_links import use_link
from services.platform.accounts.telegram_links import link_person, new_link_code
from services.platform.platform import Platform
from tests.blueprints.people import make_account
from tests.services.operations.manager.chatting import manager_platform
from tools.servers.sandbox import Sandbox


def fleet_of(platform: Platform, person: int, language: str = "en") -> Fleet:
    """What the plugin is given for an update of this person."""
    lead = Lead(person, "Ana", language=language)
    facts = BotFacts(1, "boss_bot", "Boss", is_manager=True)
    return ManagerDesk(platform)(Context(facts, "message", None, person, lead))


def said(screen: Screen | None) -> str:
    return "" if screen is None else screen.text


def linked(platform: Platform, person: int, account: Account) -> Fleet:
    code = new_link_code(platform, command_principal(account)).code
    link_person(platform, person, "Ana", code)
    return fleet_of(platform, person)


def bots_of(platform: Platform, account: Account, count: int, prefix: str = "red") -> None:
    rows = [
        Bot(
            account_id=account.id,
            public_id=f"bot_{account.id:02x}{number:010x}",
            path_id=f"{account.id}-{number}",
            telegram_bot_id=account.id * 10_000 + number + 1,
            username=f"{prefix}{number:04}_bot",
            name=f"Red {number}",
            sealed_token="-",
            mode="polling",
            desired_running=number % 10 != 0,
        )
        for number in range(count)
    ]
    with platform.database.transaction() as session:
        session.add_all(rows)


@contextmanager
def counted(platform: Platform) -> Iterator[list[str]]:
    """The statements that are sent meanwhile."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    event.listen(platform.database.engine, "before_cursor_execute", note)
    yield seen
    event.remove(platform.database.engine, "before_cursor_execute", note)


@pytest.mark.data
def test_a_code_links_once_one_person_to_one_account(platform: Platform) -> None:
    one, other = make_account(platform, "one@example.com"), make_account(platform, "other@example.com")
    code = new_link_code(platform, command_principal(one)).code
    with platform.database.reading() as session:
        assert code not in session.scalars(select(TelegramLinkCode.code_hash)).all()
    assert said(fleet_of(platform, 5).command("start", code)).startswith(
        "👋 You are linked to one@example.com"
    )
    assert "used already" in said(fleet_of(platform, 6).command("start", code))
    again = said(fleet_of(platform, 5).command("start", code))
    assert again.startswith("👋 You are linked to one@"), (
        "a second tap on the link finds what the first one did"
    )
    elsewhere = new_link_code(platform, command_principal(other)).code
    refused = said(fleet_of(platform, 5).command("start", elsewhere))
    assert "You are linked to one@example.com already" in refused
    assert "used already" in said(fleet_of(platform, 6).command("start", elsewhere)), (
        "a refused code is gone too"
    )
    ended = new_link_code(platform, command_principal(one)).code
    with platform.database.transaction() as session:
        session.execute(update(TelegramLinkCode).values(expires_at=utc_now() - timedelta(seconds=1)))
    with pytest.raises(InvalidInput):
        link_person(platform, 7, "", ended)
    first = new_link_code(platform, command_principal(one)).code
    new_link_code(platform, command_principal(one))
    with pytest.raises(InvalidInput):  # a new code ends the one before
        link_person(platform, 7, "", first)


@pytest.mark.data
def test_an_invitation_makes_the_account_with_both_its_ways_in(platform: Platform, sandbox: Sandbox) -> None:
    boss = command_principal(make_account(platform, "boss@example.com", admin=True))
    owner = command_principal(make_account(platform, "owner@example.com"))
    with pytest.raises(NotFound):
        invite(platform, owner, "new@example.com")
    with pytest.raises(Conflict):
        invite(platform, boss, "owner@example.com")
    assert invite(platform, boss, "first@example.com").chat is None, "there is no manager bot yet"
    platform = manager_platform(platform, sandbox.create_bot(username="boss_bot")["token"])
    made = invite(platform, boss, "New@example.com")
    assert made.chat is not None
    assert made.chat.expires_at > utc_now() + timedelta(hours=23)
    assert "linked to new@example.com" in said(fleet_of(platform, 5).command("start", made.chat.code))
    assert "used already" in said(fleet_of(platform, 6).command("start", made.chat.code))
    assert use_link(platform, made.secret, "a new long password", "").id == made.account.id
    with platform.database.reading() as session:
        assert session.scalars(select(TelegramLink.account_id)).all() == [made.account.id]


def test_who_is_not_on_the_list_or_not_active_is_a_stranger(platform: Platform) -> None:
    owner = make_account(platform)
    fleet = linked(platform, 5, owner)
    assert "owner@example.com" in said(fleet.command("whoami", ""))
    narrow = Platform(platform.settings.model_copy(update={"allowed_admin_ids": (6,)}))
    assert said(fleet_of(narrow, 5).command("whoami", "")).startswith("👋 I only help")
    assert fleet_of(narrow, 5).tap("do_unlink", "") is None
    code = new_link_code(platform, command_principal(owner)).code
    assert fleet_of(narrow, 7).command("start", code) is not None
    with platform.database.transaction() as session:
        assert session.scalar(select(TelegramLink).where(TelegramLink.telegram_id == 7)) is None
        session.execute(update(Account).values(is_active=False))
    assert fleet.command("whoami", "") is None, "they were told already, within a day"
    group = Context(BotFacts(1, "boss_bot", "Boss", is_manager=True), "message", None, -100, Lead(5))
    told = [said(ManagerDesk(platform)(group).in_group()) for _ in range(2)]
    assert told == ["🔒 I answer in private chats only.", ""]


@pytest.mark.data
def test_the_status_of_a_thousand_bots_is_pages_of_one_message_by_three_queries(platform: Platform) -> None:
    owner, other = make_account(platform), make_account(platform, "other@example.com")
    fleet = linked(platform, 5, owner)
    bots_of(platform, owner, 1000)
    bots_of(platform, other, 3, "blue")
    with counted(platform) as statements:
        first = fleet.command("status", "")
    assert first is not None
    assert len([one for one in statements if one.startswith("SELECT")]) == 3, "link, end of the trail, page"
    writes = [one for one in statements if not one.startswith(("BEGIN", "PRAGMA", "SELECT"))]
    assert [one for one in writes if "audit_" not in one] == [], "beside them only the trail is written"
    assert first.text.startswith(
        "📊 Bot Status Overview\n\n⏹️ red0000_bot (Red 0)\n✅ red0001_bot (Red 1) - 0m"
    )
    assert first.text.endswith("Summary: 900/1000 running\nPage 1 of 50")
    assert [button.text for row in first.buttons for button in row] == ["▶️"]
    last = fleet.tap("status", "49")
    assert "red0999_bot" in said(last)
    assert len(said(last)) < 4096
    assert "blue" not in said(fleet.command("list", "")) + said(fleet.tap("list", "49"))
    near = said(fleet.command("stop_bot", "red0012"))
    assert near.startswith('⚠️ There is nothing called "red0012" here. Did you mean @red0012_bot, ')
    assert near.count("@") == 3
    assert "Did you mean" in said(fleet.command("stop_bot", "blue0001_bot"))
    assert "@blue" not in said(fleet.command("stop_bot", "blue0001_bot"))


def test_the_manager_bot_is_as_the_setting_says_and_nobody_else_s_to_change(
    platform: Platform, sandbox: Sandbox
) -> None:
    boss = command_principal(make_account(platform, "boss@example.com", admin=True))
    identity = sandbox.create_bot(username="boss_bot")
    sandbox.revoke("boss_bot")
    platform = Platform(
        platform.settings.model_copy(update={"manager_bot_token": SecretStr(identity["token"])})
    )
    ensure_manager(platform)
    bot = manager_of(platform)
    assert bot is not None
    assert bot.username == f"bot{identity['id']}", "it is there, though Telegram refuses the token"
    write_status(platform, bot, BotStatus.FAILED, Text("Telegram rejects the token"))
    assert "manager_bot_failed" in [one.code for one in readiness(platform).findings]
    sandbox.restore("boss_bot")
    ensure_manager(platform)
    ensure_manager(platform)
    again = manager_of(platform)
    assert again is not None
    assert (again.id, again.username, again.status) == (bot.id, "boss_bot", BotStatus.CREATED)
    assert sandbox.calls("setMyCommands") == 2, "in each language once"
    pool = create_pool(platform, boss, NewPool(name="Red", slug="red1"))
    for forbidden in (
        lambda: delete_bot(platform, boss, bot.id),
        lambda: add_member(platform, boss, pool.id, NewMember(bot_id=bot.id)),
        lambda: set_plugins(platform, boss, bot.id, []),
        lambda: replace_token(platform, boss, bot.id, identity["token"]),
    ):
        with pytest.raises(Conflict, match="manager bot"):
            forbidden()
    with pytest.raises(FlotillaError, match="There is no plugin 'manager'"):
        register_bot(platform, boss, sandbox.create_bot()["token"], plugins=[PluginChoice("manager")])
    ensure_manager(Platform(platform.settings.model_copy(update={"manager_bot_token": SecretStr("")})))
    assert manager_of(platform) is None
