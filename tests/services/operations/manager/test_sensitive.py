"""What takes more than a tap: a code, good for half an hour, or somebody's word in the panel."""

from __future__ import annotations

from datetime import timedelta

import pytest
import yaml
from sqlalchemy import delete, func, select, update

from models import Account, AuditEvent, Bot, ChatRequest, SecondFactor, TelegramLink
from plugins.fleet import Fleet, Screen
from services.core.errors import Conflict, NotFound, Unavailable
from services.core.times import utc_now
from services.fleet.bots.registry import register_bot
from services.operations.manager.account import MENU
from services.operations.manager.approving import approve, list_requests, refuse
from services.operations.manager.commands import COMMANDS
from services.operations.manager.sensitive import DEEDS
from services.platform.accounts.accounts import command_principal
from services.platform.platform import Platform
from services.platform.tokens import token_of
from tests.blueprints.people import make_account
from tests.services.operations.manager.chatting import manager_platform
from tests.services.operations.manager.test_desk import bots_of, fleet_of, linked, said
from tests.services.platform.accounts.two_step import app_code, set_up, wait_for_the_next_code
from tools.servers.sandbox import Sandbox

ANA = 5
DONE = "✅ Bots reloaded successfully: 2"


@pytest.fixture
def owner(platform: Platform) -> Account:
    """With two bots, a person at Telegram, and the row that MANAGER_BOT_TOKEN makes."""
    account = make_account(platform)
    row = {"public_id": "bot_00000000beef", "path_id": "p", "telegram_bot_id": 42, "username": "boss_bot"}
    with platform.database.transaction() as session:
        session.add(Bot(account_id=account.id, sealed_token="-", mode="polling", is_manager=True, **row))
    bots_of(platform, account, 2)
    linked(platform, ANA, account)
    return account


def ask(platform: Platform, action: str = "do_reload_all", payload: str = "") -> str:
    """Tap what does something; what is said then."""
    return said(fleet_of(platform, ANA).tap(action, payload))


def send(platform: Platform, code: str) -> str:
    return said(fleet_of(platform, ANA).confirm(code, was_deleted=True))


def reloads(platform: Platform) -> int:
    with platform.database.reading() as session:
        query = select(func.count()).select_from(AuditEvent).where(AuditEvent.kind == "bot_reloaded")
        return session.scalar(query) or 0


def the_request(platform: Platform, owner: Account) -> str:
    [asked] = list_requests(platform, command_principal(owner))
    return asked.request.id


def let_pass(platform: Platform, minutes: int) -> None:
    """As if so long had passed since the last code and the last request."""
    with platform.database.transaction() as session:
        for link in session.scalars(select(TelegramLink).where(TelegramLink.confirmed_at.is_not(None))):
            link.confirmed_at = (link.confirmed_at or utc_now()) - timedelta(minutes=minutes)
        for factor in session.scalars(select(SecondFactor).where(SecondFactor.enabled_at.is_not(None))):
            factor.enabled_at = (factor.enabled_at or utc_now()) - timedelta(minutes=minutes)
        for asked in session.scalars(select(ChatRequest)):
            asked.expires_at -= timedelta(minutes=minutes)


def test_every_sensitive_deed_is_asked_for_twice_whatever_button_is_tapped(
    platform: Platform, owner: Account
) -> None:
    with platform.database.reading() as session:
        bot = session.scalars(select(Bot.id).where(~Bot.is_manager)).first()
    of_one = {"delete_bot": f"{bot}", "export": f"{bot}", "rotate_token": f"{bot}"}
    payloads = {**of_one, "reload_all": "", "replace_token": f"{bot}:same"}
    assert payloads.keys() == DEEDS.keys()
    for command, payload in payloads.items():
        assert "Approve it in the panel within 5 minutes" in ask(platform, f"do_{command}", payload)
        [asked] = list_requests(platform, command_principal(owner))
        assert (asked.request.action, asked.link.telegram_id) == (command, ANA), "the last one alone waits"
    set_up(platform, owner)
    for command, payload in payloads.items():
        assert "Send me a code of your authenticator app" in ask(platform, f"do_{command}", payload)
    with platform.database.reading() as session:
        kinds = set(session.scalars(select(AuditEvent.kind)))
    assert not kinds & {"bot_deleted", "bot_reloaded", "bot_configuration_exported", "bot_token_replaced"}


def test_a_code_does_what_waits_and_stands_for_half_an_hour(platform: Platform, owner: Account) -> None:
    recovery, _, *_ = set_up(platform, owner)
    code = app_code(platform, owner)
    assert send(platform, code) == "Nothing waits for a code. Send the command first."
    ask(platform)
    assert send(platform, code) == "❌ This code was used already; wait for the next one in your app", (
        "it has put two-step sign-in on"
    )
    wait_for_the_next_code(platform)
    assert send(platform, "000000" if code != "000000" else "111111") == "❌ The code is wrong"
    assert reloads(platform) == 0
    assert send(platform, f"{code[:3]} {code[3:]}") == DONE
    assert reloads(platform) == 2
    assert send(platform, code) == "This was done already.", "as when the same message is handled once more"
    assert reloads(platform) == 2
    assert ask(platform) == DONE, "the session is fresh"
    let_pass(platform, 31)
    assert "Send me a code" in ask(platform)
    assert send(platform, code) == "❌ This code was used already; wait for the next one in your app"
    assert send(platform, recovery) == DONE
    let_pass(platform, 31)
    ask(platform)
    let_pass(platform, 6)
    wait_for_the_next_code(platform)
    assert send(platform, code) == "Nothing waits for a code. Send the command first."
    assert reloads(platform) == 6


def test_a_code_of_a_former_app_or_another_person_opens_nothing(platform: Platform, owner: Account) -> None:
    set_up(platform, owner)
    linked(platform, 6, owner)
    wait_for_the_next_code(platform)
    ask(platform)
    assert send(platform, app_code(platform, owner)) == DONE
    assert "Send me a code" in said(fleet_of(platform, 6).tap("do_reload_all", "")), (
        "each person by themselves"
    )
    with platform.database.transaction() as session:
        session.execute(update(SecondFactor).values(enabled_at=utc_now() + timedelta(seconds=1)))
    assert "Send me a code" in ask(platform), "the app was set up anew since"


def test_guesses_in_the_chat_are_slowed_down_for_the_person_and_the_account(
    platform: Platform, owner: Account
) -> None:
    set_up(platform, owner)
    wait_for_the_next_code(platform)
    code = app_code(platform, owner)
    wrong = "000000" if code != "000000" else "111111"
    ask(platform)
    answers = [send(platform, wrong) for _ in range(11)]
    assert answers[:10] == ["❌ The code is wrong"] * 10
    assert answers[10].startswith("❌ Too many codes were tried. Try again in ")
    assert send(platform, code).startswith("❌ Too many codes were tried"), "a right one is not looked at"
    for person in (6, 7, 8):
        fleet = linked(platform, person, owner)
        fleet.tap("do_reload_all", "")
        answers += [said(fleet.confirm(wrong, was_deleted=True)) for _ in range(10)]
    assert sum("wrong" in each for each in answers) == 30, "of one account, whoever guesses"
    assert reloads(platform) == 0


def test_a_code_that_could_not_be_deleted_is_used_and_said(platform: Platform, owner: Account) -> None:
    set_up(platform, owner)
    wait_for_the_next_code(platform)
    ask(platform)
    fleet = fleet_of(platform, ANA)
    answer = said(fleet.confirm(app_code(platform, owner), was_deleted=False))
    assert answer == f"⚠️ I could not delete your message with the code. Delete it yourself.\n{DONE}"
    texts = {"123456": True, "123 456": True, "ABCD-EFGH-ABCD-EFGH": True, "/x 123456": False, "12345": False}
    for text, is_code in texts.items():
        assert bool(fleet.code_in({"message": {"text": text}})) == is_code, text
    assert fleet_of(platform, 99).code_in({"message": {"text": "123456"}}) == "", "of a stranger nothing is"


def test_what_was_approved_is_done_once_and_by_the_accounts_own_people_alone(
    platform: Platform, owner: Account
) -> None:
    stranger = command_principal(make_account(platform, "admin@example.com", admin=True))
    me, fleet = command_principal(owner), fleet_of(platform, ANA)
    ask(platform)
    number = the_request(platform, owner)
    assert said(fleet.approved(number)).startswith("This is not waiting any more"), "nobody has approved it"
    for decide in (approve, refuse):
        with pytest.raises(NotFound):
            decide(platform, stranger, number)
    assert str(approve(platform, me, number)) == "Load all bots anew (2)"
    for decide in (approve, refuse):
        with pytest.raises(Conflict):
            decide(platform, me, number)
    assert said(fleet.approved(number)) == DONE
    assert said(fleet.approved(number)) == "This was done already."
    assert reloads(platform) == 2
    assert ask(platform).startswith("🔐 Load all bots anew (2)"), "a word in the panel is good for one deed"
    refuse(platform, me, the_request(platform, owner))
    assert list_requests(platform, me) == []
    ask(platform)
    dropped = the_request(platform, owner)
    assert said(fleet.tap("drop", dropped)) == "Cancelled."
    with pytest.raises(NotFound):
        approve(platform, me, dropped)


def test_a_request_ends_after_five_minutes_and_with_the_link(platform: Platform, owner: Account) -> None:
    me, fleet = command_principal(owner), fleet_of(platform, ANA)
    ask(platform)
    late = the_request(platform, owner)
    let_pass(platform, 6)
    with pytest.raises(NotFound):
        approve(platform, me, late)
    ask(platform)
    number = the_request(platform, owner)
    approve(platform, me, number)
    with platform.database.transaction() as session:
        session.execute(delete(TelegramLink))
    assert "I only help" in said(fleet.command("status", ""))
    assert fleet.approved(number) is None, "whoever is not linked any more is not answered"
    assert fleet.confirm("123456", was_deleted=True) is None
    linked(platform, ANA, owner)
    assert said(fleet.approved(number)).startswith("This is not waiting any more")
    assert reloads(platform) == 0


def test_an_export_is_the_configuration_without_the_token(platform: Platform, owner: Account) -> None:
    set_up(platform, owner)
    wait_for_the_next_code(platform)
    ask(platform)
    assert send(platform, app_code(platform, owner)) == DONE
    with platform.database.reading() as session:
        bot = session.scalars(select(Bot).where(~Bot.is_manager)).first()
    assert bot is not None
    screen = fleet_of(platform, ANA).tap("do_export", str(bot.id))
    assert screen is not None
    assert screen.file is not None
    assert screen.file.name == f"{bot.username}.yml"
    document = yaml.safe_load(screen.file.text)
    assert (document["name"], "token" in document) == ("Red 0", False)
    with platform.database.reading() as session:
        exported = select(AuditEvent.actor, AuditEvent.bot_id)
        rows = session.execute(exported.where(AuditEvent.kind == "bot_configuration_exported")).all()
    assert [tuple(row) for row in rows] == [(f"telegram:{ANA}", bot.id)]


def test_a_deed_that_is_handled_once_more_changes_nothing_more(platform: Platform, sandbox: Sandbox) -> None:
    account = make_account(platform, admin=True)
    platform = manager_platform(platform, sandbox.create_bot(username="boss_bot")["token"])
    me, fleet = command_principal(account), linked(platform, ANA, account)
    token = sandbox.create_bot(username="red_bot")["token"]
    bot = register_bot(platform, me, token)

    def approved(action: str, payload: str) -> str:
        ask(platform, action, payload)
        approve(platform, me, number := the_request(platform, account))
        return number

    def repeated(number: str) -> tuple[str, str]:
        """As after a crash between the deed and the note that it was done."""
        first = said(fleet.approved(number))
        with platform.database.transaction() as session:
            session.execute(update(ChatRequest).values(state="approved"))
        return first, said(fleet.approved(number))

    assert said(fleet.approved(approved("do_replace_token", f"{bot.id}:same"))).startswith(
        "🔑 Send me the new token"
    )
    other = sandbox.create_bot(username="blue_bot")["token"]
    refused = said(fleet.register([other], was_deleted=True))
    assert refused == "❌ This is the token of @blue_bot, not of @red_bot"
    fresh = sandbox.rotate("red_bot")
    for _ in range(2):
        answer = said(fleet.register([fresh], was_deleted=True))
        assert answer.endswith("🔑 @red_bot has its new token and is checked now.")
    with platform.database.reading() as session:
        assert token_of(platform, session.get_one(Bot, bot.id)) == fresh
    assert "@blue_bot was added" in said(fleet.register([other], was_deleted=True)), (
        "the next one is a bot's own"
    )
    first, second = repeated(approved("do_delete_bot", str(bot.id)))
    assert first == second == "🗑️ Bot @red_bot was deleted"
    with platform.database.reading() as session:
        kinds = select(func.count()).select_from(AuditEvent).where(AuditEvent.kind == "bot_deleted")
        assert session.scalar(kinds) == 1


def test_an_approval_that_the_chat_cannot_be_told_of_waits_on(platform: Platform, owner: Account) -> None:
    ask(platform)
    number, me = the_request(platform, owner), command_principal(owner)
    away = Platform(platform.settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"}))
    with pytest.raises(Unavailable):
        approve(away, me, number)
    away.database.dispose()
    assert the_request(platform, owner) == number
    with platform.database.transaction() as session:
        session.execute(update(Bot).values(is_manager=False))
    with pytest.raises(Conflict, match="There is no manager bot"):
        approve(platform, me, number)
    assert the_request(platform, owner) == number


def test_the_menu_has_every_command() -> None:
    assert {*MENU, "start"} == COMMANDS.keys()


def test_a_lost_bot_s_screen_offers_another_token_first(platform: Platform, owner: Account) -> None:
    def offered(screen: Screen | None) -> list[str]:
        return [] if screen is None else [button.text for row in screen.buttons for button in row]

    fleet: Fleet = fleet_of(platform, ANA)
    assert offered(fleet.command("status", "red0000_bot")) == ["📜 Last events"]
    with platform.database.transaction() as session:
        session.execute(update(Bot).where(Bot.username == "red0000_bot").values(status="failed"))
    assert offered(fleet.command("status", "red0000_bot"))[0] == "🔑 Replace its token"
