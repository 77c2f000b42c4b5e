"""Bots that belong to nobody yet, and the whole way in the chat."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from models import AuditEvent, Bot
from services.core.errors import Forbidden, NotFound
from services.fleet.pools.fields import NewPool
from services.fleet.pools.pools import create_pool
from services.operations.managed.adopting import adopt, let_go, list_waiting
from services.operations.managed.managing import RIGHT
from services.operations.managed.offers import creation_link
from services.operations.manager.approving import approve, list_requests
from services.operations.manager.newbots import take_waiting
from services.operations.manager.person import Person
from services.platform.accounts.accounts import command_principal
from services.platform.accounts.telegram_links import linked_person
from services.platform.platform import Platform
from tests.blueprints.people import make_account
from tests.services.messaging.draining import letters
from tests.services.operations.managed.making import managing
from tests.services.operations.managed.test_registration import kinds, members
from tests.services.operations.manager.chatting import chat_of, link
from tests.services.operations.manager.test_desk import said
from tools.servers.fleet import working
from tools.servers.sandbox import Sandbox


@pytest.mark.data
def test_a_strangers_bot_waits_is_shown_to_administrators_and_is_taken_by_linking(
    platform: Platform, sandbox: Sandbox
) -> None:
    boss = make_account(platform, "boss@example.com", admin=True)
    other = make_account(platform, "other@example.com")
    house = managing(platform, sandbox)
    pool = create_pool(house.platform, command_principal(other), NewPool(name="Red", slug="red1"))
    name = creation_link(house.platform, command_principal(other), pool.id).username
    update = house.make(name)
    for _ in range(2):
        assert said(house.take(update)).startswith(f"👋 @{name} is made, but I do not know you yet.")
    assert house.bot(name) is None
    assert kinds(house) == ["managed_bot_waits"], "its administrator is told once"
    admin = command_principal(boss)
    assert [row.username for row in list_waiting(house.platform, admin)] == [name]
    for deed in (
        lambda caller: list_waiting(house.platform, caller),
        lambda caller: adopt(house.platform, caller, house.row(name).telegram_bot_id, "other@example.com"),
        lambda caller: let_go(house.platform, caller, house.row(name).telegram_bot_id),
    ):
        with pytest.raises(Forbidden):
            deed(command_principal(other))
    house.link(other)
    found = linked_person(house.platform, house.maker)
    assert found is not None
    assert take_waiting(Person(house.platform, found, "en")) == [f"🤖 @{name} was added."]
    bot = house.bot(name)
    assert bot is not None
    assert bot.account_id == other.id
    assert members(house) == [(name, 0)]
    assert list_waiting(house.platform, admin) == []


def test_an_administrator_adopts_one_for_an_account_and_lets_another_go(
    platform: Platform, sandbox: Sandbox
) -> None:
    boss = command_principal(make_account(platform, "boss@example.com", admin=True))
    other = make_account(platform, "other@example.com")
    house = managing(platform, sandbox)
    one, two = house.make("one_bot"), house.make("two_bot")
    house.take(one)
    house.take(two)
    number = house.row("one_bot").telegram_bot_id
    with pytest.raises(NotFound) as nobody:
        adopt(house.platform, boss, number, "nobody@example.com")
    assert nobody.value.code == "account_not_found"
    adopt(house.platform, boss, number, "Other@example.com ")
    bot = house.bot("one_bot")
    assert bot is not None
    assert bot.account_id == other.id
    with pytest.raises(NotFound):
        adopt(house.platform, boss, number, "other@example.com")
    let_go(house.platform, boss, house.row("two_bot").telegram_bot_id)
    sandbox.rotate("two_bot")
    assert house.take(two) is None, "what was let go stays away"
    assert house.bot("two_bot") is None
    with house.platform.database.reading() as session:
        entries = select(AuditEvent.kind, AuditEvent.account_id, AuditEvent.actor)
        rows = session.execute(entries.where(AuditEvent.kind.startswith("managed_"))).all()
    assert {tuple(row) for row in rows} == {
        ("managed_bot_adopted", other.id, boss.actor),
        ("managed_bot_let_go", boss.account_id, boss.actor),
    }


def test_a_person_asks_for_a_link_makes_the_bot_and_ends_its_token_in_the_chat(
    platform: Platform, sandbox: Sandbox
) -> None:
    account = make_account(platform, "boss@example.com", admin=True)
    house = managing(platform, sandbox)
    create_pool(house.platform, command_principal(account), NewPool(name="Red", slug="red1"))
    chat = chat_of(house.platform, sandbox)
    house.maker = chat.user
    with working(house.platform):
        link(chat, account)
        assert chat.send("/new_bot") == "Para qual pool é o bot novo?"
        assert chat.tap("Red").startswith("➕ Um bot novo, @red1_1_bot se você mantiver o nome.")
        assert chat.last.endswith("/newbot/boss_bot/red1_1_bot?name=Red"), (
            "no button: the sandbox is not public"
        )
        house.make("red1_1_bot")
        made = "🤖 @red1_1_bot foi adicionado.\n✅ @red1_1_bot entra em Red assim que for verificado."
        assert chat.settle() == made
        leaked = sandbox.bot("red1_1_bot")["token"]
        assert chat.send("/rotate_token red1_1_bot").startswith("Encerrar o token de @red1_1_bot?")
        chat.tap("Confirmar")
        [asked] = list_requests(house.platform, command_principal(account))
        approve(house.platform, command_principal(account), asked.request.id)
        assert chat.settle() == "🔑 @red1_1_bot tem um token novo. O anterior está morto."
        assert sandbox.bot("red1_1_bot")["token"] != leaked
        assert house.has_its_token("red1_1_bot")
        sandbox.post("/bots/boss_bot/unmanage")
        with house.platform.database.transaction() as session:
            session.execute(update(Bot).where(Bot.is_manager).values(capabilities={RIGHT: False}))
        assert "Bot Management Mode" in chat.send("/new_bot red1")
    assert letters(house.platform) == []
