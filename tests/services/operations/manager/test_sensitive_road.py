"""Sensitive commands from the chat to Telegram and back, on real parts: by a code, by a word in the panel, with a pasted token."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable

import pytest
from sqlalchemy import select, update

from app import create_app
from models import Account, AuditEvent, Bot, ChatRequest
from services.core.redaction import HIDDEN
from services.core.times import utc_now
from services.messaging.updates.intake import Intake
from services.messaging.updates.queued_update import QueuedUpdate
from services.messaging.updates.update_consumers import UpdateConsumers
from services.messaging.updates.update_letters import UpdateLetters
from services.operations.manager.approving import list_requests
from services.operations.manager.desk import ManagerDesk
from services.platform.accounts.accounts import command_principal
from services.platform.accounts.telegram_links import link_person, new_link_code
from services.platform.platform import Platform
from services.platform.token_encryption import dump_sealed
from services.platform.tokens import token_of
from tests.blueprints.people import make_account, sign_in, submit
from tests.services.messaging.draining import QUICK, handle_all, letters, send_all
from tests.services.operations.manager.chatting import chat_of, link, manager_platform
from tests.services.operations.manager.test_road import in_database, in_redis, pasted, written
from tests.services.platform.accounts.two_step import app_code, set_up, wait_for_the_next_code
from tools.servers.fleet import working
from tools.servers.sandbox import Sandbox

PAGE = "/panel/confirmations"


def bot_named(platform: Platform, username: str) -> Bot | None:
    with platform.database.reading() as session:
        return session.scalar(select(Bot).where(Bot.username == username))


def test_a_code_opens_half_an_hour_and_nothing_of_it_stays(
    platform: Platform, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    account = make_account(platform, "boss@example.com", admin=True)
    platform = manager_platform(platform, sandbox.create_bot(username="boss_bot")["token"])
    chat = chat_of(platform, sandbox)
    recovery = set_up(platform, account)
    with working(platform):
        link(chat, account)
        pasted(chat, sandbox, "red_bot", "Red One")
        wait_for_the_next_code(platform)
        assert chat.send("/export red_bot").startswith("🔐 Enviar a você a configuração de @red_bot")
        code = app_code(platform, account)
        chat.send(code)
        assert chat.said[-2]["text"] == "📄 Configuração de @red_bot, sem o token"
        assert chat.said[-1]["kind"] == "document"
        assert chat.send("/reload_all") == "Recarregar todos os bots (1)?"
        assert chat.tap("Confirmar").startswith("✅ Bot red_bot recarregado"), "the session is fresh"
        chat.send("/replace_token red_bot")
        assert chat.tap("novo token de @red_bot").startswith("🔑 Envie o novo token de @red_bot")
        old, fresh = sandbox.bot("red_bot")["token"], sandbox.rotate("red_bot")
        assert chat.send(f"here: {fresh}").endswith("🔑 @red_bot tem o novo token e está sendo verificado.")
        chat.send("/replace_token red_bot")
        chat.tap("O token de outro bot")
        other = sandbox.create_bot(username="blue_bot", first_name="Blue")["token"]
        assert "🔑 @blue_bot tem o novo token" in chat.send(other)
        with platform.database.transaction() as session:
            session.execute(update(ChatRequest).values(expires_at=utc_now()))
        green = sandbox.create_bot(username="green_bot")["token"]
        assert "foi adicionado" in chat.send(green), "the window for the other bot's token has ended"
        assert chat.send(recovery[0]) == "Nada espera por um código. Envie o comando primeiro."
    bot = bot_named(platform, "blue_bot")
    assert bot is not None
    assert (bot.identity, token_of(platform, bot)) == (2, other)
    standing = [each["text"] for each in sandbox.transcript(chat.user, "boss_bot") if not each["deleted"]]
    secrets = [code, recovery[0], *(token.partition(":")[2] for token in (old, fresh, other, green))]
    assert [secret for secret in secrets if any(secret in text for text in standing)] == []
    found = "\n".join([*in_redis(platform), *in_database(platform), caplog.text])
    assert "blue_bot" in found, "the search looks where things are"
    assert [secret for secret in secrets if re.search(rf"(?<![0-9a-f.]){secret}(?![0-9a-f])", found)] == []
    assert letters(platform) == []


def test_a_code_is_sealed_at_each_step_of_its_way_and_hidden_in_a_dead_letter(
    platform: Platform, sandbox: Sandbox
) -> None:
    account = make_account(platform, "boss@example.com", admin=True)
    platform = manager_platform(platform, sandbox.create_bot(username="boss_bot")["token"])
    chat = chat_of(platform, sandbox)
    link_person(platform, chat.user, "Ana", new_link_code(platform, command_principal(account)).code)
    set_up(platform, account)
    code, update = "904517", written(chat, 500, "904517")
    by = UpdateConsumers(platform, threading.Event(), QUICK, ManagerDesk(platform))
    steps: list[Callable[[], object]] = [
        lambda: Intake(platform).accept(chat.bot.id, update),
        lambda: handle_all(platform, by),  # the deletion lies in the outbox
        lambda: send_all(platform, chat.bot),  # Telegram's answer lies in the lane
    ]
    for step in steps:
        step()
        waiting = "\n".join(in_redis(platform))
        assert "sealed:" in waiting
        assert code not in waiting
    sealed = dump_sealed(platform.vault, update, chat.bot.id)
    UpdateLetters(platform).store(QueuedUpdate("1-0", chat.bot.id, "5", "r", sealed), "boom", "here")
    [letter] = [row for row in in_database(platform) if "boom" in row]
    assert HIDDEN in letter
    assert code not in letter


def test_a_deed_waits_for_a_word_in_the_panel_and_the_chat_is_answered_by_itself(
    platform: Platform, sandbox: Sandbox
) -> None:
    account = make_account(platform, "boss@example.com", admin=True)
    platform = manager_platform(platform, sandbox.create_bot(username="boss_bot")["token"])
    app, chat = create_app(platform), chat_of(platform, sandbox, language_code="en")
    person, other = app.test_client(), app.test_client()
    sign_in(person, "boss@example.com")
    make_account(platform, "other@example.com")
    sign_in(other, "other@example.com")
    with working(platform):
        link(chat, account)
        chat.send(sandbox.create_bot(username="red_bot", first_name="Red One")["token"])
        chat.send("/reload_all")
        chat.tap("Confirm")
        assert "Approve it in the panel within 5 minutes" in chat.last
        target = f"{PAGE}/{_waiting(platform, account)}"
        shown = person.get(PAGE, headers={"Accept-Language": "en"}).text
        assert "Load all bots anew (1)" in shown
        assert "Load all" not in other.get(PAGE, headers={"Accept-Language": "en"}).text
        for decision in ("approve", "refuse"):
            assert submit(other, "/panel/account", f"{target}/{decision}").status_code == 404
        assert submit(person, PAGE, f"{target}/refuse").status_code == 302
        chat.settle()
        assert chat.last == "❌ Refused in the panel: Load all bots anew (1)"
        chat.send("/delete_bot red_bot")
        chat.tap("Confirm")
        target = f"{PAGE}/{_waiting(platform, account)}"
        assert submit(person, PAGE, f"{target}/approve").status_code == 302
        assert submit(person, "/panel/account", f"{target}/approve").status_code == 409
        chat.settle()
        assert [each["text"] for each in chat.said[-2:]] == [
            "✅ Approved in the panel: Delete the bot Red One (@red_bot)",
            "🗑️ Bot @red_bot was deleted",
        ]
    assert bot_named(platform, "red_bot") is None
    with platform.database.reading() as session:
        wanted = ("chat_request_approved", "chat_request_refused", "bot_deleted", "bot_reloaded")
        rows = select(AuditEvent.kind, AuditEvent.actor).where(AuditEvent.kind.in_(wanted))
        found = session.execute(rows.order_by(AuditEvent.id)).all()
    mine, theirs = f"account:{account.id}", f"telegram:{chat.user}"
    assert [tuple(row) for row in found] == [
        ("chat_request_refused", mine),
        ("chat_request_approved", mine),
        ("bot_deleted", theirs),
    ]


def _waiting(platform: Platform, account: Account) -> str:
    [asked] = list_requests(platform, command_principal(account))
    return asked.request.id
