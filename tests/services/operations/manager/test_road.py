"""The manager bot from a person's tap to Telegram and back, on real parts."""

from __future__ import annotations

import logging
import threading
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import delete, inspect, select, text

from models import AuditEvent, Base, Bot, PoolBot, TelegramLink
from services.core.metrics import UPDATES
from services.fleet.pools.fields import NewPool
from services.fleet.pools.pools import create_pool
from services.messaging.replay.resending import take_turn
from services.messaging.updates.intake import Intake
from services.messaging.updates.update_consumers import UpdateConsumers
from services.operations.manager import registering
from services.operations.manager.desk import ManagerDesk
from services.platform.accounts.accounts import command_principal
from services.platform.accounts.telegram_links import link_person, new_link_code
from services.platform.platform import Platform
from services.platform.redis import keys
from tests.blueprints.people import make_account
from tests.services.messaging.draining import QUICK, QUICK_SENDING, handle_all, letters, replies, send_all
from tests.services.operations.manager.chatting import ManagerChat, chat_of, link, manager_platform
from tests.services.operations.manager.test_desk import fleet_of, said
from tools.servers.fleet import working
from tools.servers.sandbox import Sandbox, wait_until


def test_a_person_links_runs_a_fleet_and_leaves(platform: Platform, sandbox: Sandbox) -> None:
    admin = make_account(platform, "boss@example.com", admin=True)
    platform = manager_platform(platform, sandbox.create_bot(username="boss_bot")["token"])
    create_pool(platform, command_principal(admin), NewPool(name="Red", slug="red1"))
    chat = chat_of(platform, sandbox)
    with working(platform, QUICK, QUICK_SENDING):
        assert chat.start().startswith("👋 Eu atendo só as pessoas desta instalação")
        chat.send("/status")
        assert len(chat.said) == 1, "a stranger is told once"
        assert link(chat, admin).startswith("👋 Você está vinculado a boss@example.com")
        assert pasted(chat, sandbox, "red_bot", "Red One") == "Que pool ele deve atender?"
        assert chat.tap("Red") == "✅ @red_bot entra em Red assim que for verificado."
        assert "✅ red_bot (Red One) - 0m" in chat.send("/status")
        assert chat.last.endswith("Resumo: 1/1 em execução")
        assert chat.send("/stop_bot red_bot") == "Parar o bot Red One (red_bot)?"
        stop = chat.button("Confirmar")
        assert chat.tap("Confirmar") == "✅ Bot red_bot parado com sucesso"
        chat.send("/start_bot red_bot")
        assert chat.tap("Confirmar") == "✅ Bot red_bot iniciado com sucesso"
        with pytest.raises(AssertionError):  # the button is gone, as for everybody at Telegram
            chat.press(*stop)
        _forged(chat, stop[1])
        assert chat.send("/pool rd1").endswith("Você quis dizer red1?")
        chat.send("/pause_pool red1")
        assert chat.tap("Confirmar") == "⏸️ O pool Red está pausado"
        chat.send("/unlink")
        assert chat.tap("Confirmar") == "👋 Você não está mais vinculado."
        before = len(chat.said)
        chat.send("/status")
        assert len(chat.said) == before
    with platform.database.reading() as session:
        bot = session.scalars(select(Bot).where(Bot.username == "red_bot")).one()
        assert bot.desired_running, "the old confirmation has not stopped it again"
        assert bot.account_id == admin.id
        assert session.scalars(select(PoolBot.bot_id)).all() == [bot.id]
        stops = select(AuditEvent.actor).where(AuditEvent.kind == "bot_stopped")
        assert session.scalars(stops).all() == [f"telegram:{chat.user}"]
    assert letters(platform) == []
    texts = [call["params"] for call in sandbox.sent("boss_bot") if call["text"]]
    assert {str(params.get("link_preview_options")) for params in texts} == {"{'is_disabled': True}"}


def test_a_confirmation_is_its_askers_alone_and_ends_with_the_link(
    platform: Platform, sandbox: Sandbox
) -> None:
    admin = make_account(platform, "boss@example.com", admin=True)
    platform = manager_platform(platform, sandbox.create_bot(username="boss_bot")["token"])
    mine, theirs = chat_of(platform, sandbox), chat_of(platform, sandbox, first_name="Rui")
    with working(platform, QUICK, QUICK_SENDING):
        link(mine, admin)
        link(theirs, make_account(platform, "other@example.com"))
        pasted(mine, sandbox, "red_bot", "Red One")
        mine.send("/stop_bot red_bot")
        _forged(theirs, mine.button("Confirmar")[1])
        assert "Não há nada chamado" in theirs.send("/stop_bot red_bot"), "another account's bot is not there"
        with platform.database.transaction() as session:
            session.execute(delete(TelegramLink).where(TelegramLink.telegram_id == mine.user))
        mine.tap("Confirmar")
    with platform.database.reading() as session:
        assert session.scalars(select(Bot.desired_running).where(Bot.username == "red_bot")).one()


def messages_with(tokens: Sequence[str]) -> list[dict[str, Any]]:
    """Every place of an update in which a person may leave a token; the fifth has the seventh token, the last is in a group."""
    return [
        {"message": {"text": f"Done! Use this token to access the HTTP API:\n{tokens[0]}\nKeep it secure."}},
        {"edited_message": {"text": tokens[1], "edit_date": 1}},
        {
            "message": {
                "caption": tokens[2],
                "photo": [{"file_id": "a", "file_unique_id": "b", "width": 1, "height": 1}],
            }
        },
        {"message": {"contact": {"phone_number": "1", "first_name": tokens[3]}}},
        {"message": {"text": tokens[6]}},
        {"message": {"text": tokens[4], "chat": {"id": -100, "type": "supergroup", "title": "Group"}}},
    ]


def test_nothing_of_a_pasted_token_stays_wherever_it_was_pasted(
    platform: Platform, sandbox: Sandbox, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    admin = make_account(platform, "boss@example.com", admin=True)
    platform = manager_platform(platform, sandbox.create_bot(username="boss_bot")["token"])
    chat = chat_of(platform, sandbox)
    dead = sandbox.create_bot(username="dead_bot")
    sandbox.revoke(dead["username"])
    fresh = [sandbox.create_bot(username=f"red{n}_bot")["token"] for n in range(6)]
    places = messages_with([*fresh, str(dead["token"])])
    with working(platform, QUICK, QUICK_SENDING):
        link(chat, admin)
        for number, place in enumerate(places):
            [(kind, content)] = place.items()
            common = {"message_id": 900 + number, "date": 1, "chat": {"id": chat.user, "type": "private"}}
            person = {"id": chat.user, "is_bot": False, "first_name": "Ana", "language_code": "pt-br"}
            update = {"update_id": 900 + number, kind: {**common, "from": person, **content}}
            Intake(platform).accept(chat.bot.id, update)
            chat.settle()
        assert sandbox.calls("deleteMessage") == len(places)
        assert chat.last.startswith("❌ O Telegram rejeita este token")
        refusal = "Bad Request: message can't be deleted"
        sandbox.fault("status", method="deleteMessage", status=400, description=refusal, count=1)
        assert chat.send(fresh[0]).startswith("⚠️ Não consegui excluir sua mensagem com o token.")
        with monkeypatch.context() as broken:
            broken.setattr(registering, "register", lambda *_, **__: 1 / 0)
            sandbox.send(chat.user, "boss_bot", fresh[5])
            chat.settle()
        chat.send("/dead_letters")
        chat.tap("Reenviar 1")
        chat.tap("Confirmar")
        wait_until(lambda: take_turn(platform, turn_seconds=0.05))
        wait_until(lambda: "@red5_bot foi adicionado" in chat.settle())  # kept sealed, for a replay alone
    with platform.database.reading() as session:
        names = set(session.scalars(select(Bot.username)))
    assert names == {"boss_bot", *(f"red{n}_bot" for n in (0, 1, 2, 3, 5))}
    secrets = [token.partition(":")[2] for token in [*fresh, str(dead["token"])]]
    found = "\n".join([*in_redis(platform), *in_database(platform), caplog.text])
    for known in ("red3_bot", "reconcile_bot", "handler failed"):
        assert known in found, "the search looks where things are: rows, jobs, the log"
    assert [secret for secret in secrets if secret in found] == []
    files = [path.read_bytes() for path in platform.settings.data_dir.rglob("*") if path.is_file()]
    assert any(b"red3_bot" in content for content in files)
    assert [secret for secret in secrets if any(secret.encode() in content for content in files)] == []


def test_a_token_is_sealed_at_each_step_of_its_way_and_a_repeated_step_adds_nothing(
    platform: Platform, sandbox: Sandbox
) -> None:
    admin = make_account(platform, "boss@example.com", admin=True)
    platform = manager_platform(platform, sandbox.create_bot(username="boss_bot")["token"])
    chat = chat_of(platform, sandbox)
    link_person(platform, chat.user, "Ana", new_link_code(platform, command_principal(admin)).code)
    token = sandbox.create_bot(username="red_bot")["token"]
    by = UpdateConsumers(platform, threading.Event(), QUICK, ManagerDesk(platform))
    steps: list[Callable[[], object]] = [
        lambda: Intake(platform).accept(chat.bot.id, written(chat, 500, token)),
        lambda: handle_all(platform, by),  # the deletion lies in the outbox
        lambda: send_all(platform, chat.bot),  # Telegram's answer lies in the lane
    ]
    for step in steps:
        step()
        waiting = "\n".join(in_redis(platform))
        assert "sealed:" in waiting
        assert token.partition(":")[2] not in waiting
    handle_all(platform, by)
    fleet = fleet_of(platform, chat.user)  # as after a crash before the acknowledgement
    assert "@red_bot was added" in said(fleet.register([token], was_deleted=True))
    other = make_account(platform, "other@example.com")
    link_person(platform, 77, "Rui", new_link_code(platform, command_principal(other)).code)
    taken = said(fleet_of(platform, 77).register([token], was_deleted=True))
    assert taken == "❌ This bot is already registered here", "whose it is, is nobody else's business"
    with platform.database.reading() as session:
        assert len(session.scalars(select(Bot).where(Bot.username == "red_bot")).all()) == 1
    assert token.partition(":")[2] not in "\n".join([*in_redis(platform), *in_database(platform)])


def test_three_hundred_commands_in_a_minute_are_paced_and_none_is_lost_or_holds_up_another_person(
    platform: Platform, sandbox: Sandbox
) -> None:
    admin = make_account(platform, "boss@example.com", admin=True)
    slow = {"user_rate_per_minute": 30.0, "rate_limits_json": {}, "pacing_chat_per_second": 0.02}
    platform = manager_platform(platform, sandbox.create_bot(username="boss_bot")["token"], **slow)
    chat, other = chat_of(platform, sandbox), chat_of(platform, sandbox, first_name="Rui")
    for person in (chat, other):
        link_person(platform, person.user, "", new_link_code(platform, command_principal(admin)).code)
        sandbox.start(person.user, "boss_bot")
    handled, limited = (UPDATES.labels(word)._value.get() for word in ("handled", "limited"))
    with working(platform, QUICK, QUICK_SENDING):
        for number in range(300):
            Intake(platform).accept(chat.bot.id, written(chat, 1000 + number, "/whoami"))
        Intake(platform).accept(other.bot.id, written(other, 2000, "/whoami"))
        wait_until(lambda: "boss@example.com" in other.last)
        lanes = [keys.update_lane(lane) for lane in range(platform.settings.update_lanes)]
        wait_until(lambda: not any(map(platform.redis.xlen, lanes)))
        waiting = [text for person, text in replies(platform, chat.bot) if person == str(chat.user)]
        sent = [each["text"] for each in chat.said]
    assert waiting, "the other person's answer has not waited for the pace of this one's"
    answers = sum("boss@example.com" in text for text in [*waiting, *sent])
    assert sum("⏳" in text for text in [*waiting, *sent]) == 1
    handled, limited = (
        UPDATES.labels("handled")._value.get() - handled,
        UPDATES.labels("limited")._value.get() - limited,
    )
    assert (handled, handled + limited) == (answers + 1, 301)
    assert 1 <= answers < 40
    assert letters(platform) == []


def pasted(chat: ManagerChat, sandbox: Sandbox, username: str, name: str) -> str:
    """Paste a new bot's token; the last line of the answer."""
    token = sandbox.create_bot(username=username, first_name=name)["token"]
    said = chat.send(f"My new bot: {token}")
    assert said.startswith(f"✅ Dado sensível salvo com segurança.\n🤖 @{username} foi adicionado.")
    messages = sandbox.transcript(chat.user, chat.bot.username)
    assert [each["deleted"] for each in messages if token in each["text"]] == [True]
    return said.splitlines()[-1]


def _forged(chat: ManagerChat, data: str) -> None:
    """A tap with data that the sandbox would not let through: somebody else's, or used up."""
    person = {"id": chat.user, "is_bot": False, "first_name": "X", "language_code": "pt-br"}
    message = written(chat, 1, "x")["message"]
    query = {"id": "77", "from": person, "chat_instance": "1", "data": data, "message": message}
    number = 5000 + len(chat.said)
    Intake(chat.platform).accept(chat.bot.id, {"update_id": number, "callback_query": query})
    chat.settle()


def written(chat: ManagerChat, number: int, words: str) -> dict[str, Any]:
    person = {"id": chat.user, "is_bot": False, "first_name": "Ana", "language_code": "pt-br"}
    place = {"id": chat.user, "type": "private"}
    entity = {"type": "bot_command", "offset": 0, "length": len(words)}
    message = {
        "message_id": number,
        "date": 1,
        "from": person,
        "chat": place,
        "text": words,
        "entities": [entity],
    }
    return {"update_id": number, "message": message}


def in_redis(platform: Platform) -> list[str]:
    """Every key with what stands in it."""
    found = []
    for key in platform.redis.scan_iter(count=1000):
        kind: Any = platform.redis.type(key)
        read = {"string": "get", "hash": "hgetall", "list": "lrange", "set": "smembers", "zset": "zrange"}
        if kind == "stream":
            found.append(f"{key} {platform.redis.xrange(key)}")
        else:
            span = (0, -1) if kind in ("list", "zset") else ()
            content = getattr(platform.job_redis, read[kind])(key, *span)
            if kind == "hash" and b"data" in content:  # a job's, which RQ compresses
                content[b"data"] = zlib.decompress(content[b"data"])
            found.append(f"{key} {content!r}")
    return found


def in_database(platform: Platform) -> list[str]:
    """Every row of every table."""
    with platform.database.engine.connect() as connection:
        tables = inspect(connection).get_table_names()
        assert set(Base.metadata.tables) <= set(tables)
        return [
            str(tuple(row)) for table in tables for row in connection.execute(text(f"SELECT * FROM {table}"))
        ]
