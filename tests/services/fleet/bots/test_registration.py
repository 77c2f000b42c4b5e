"""Registering bots: what is refused, and that nothing half remains."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import inspect, text

from models import AuditEvent, Bot, BotMode, BotPlugin
from services.core.errors import Conflict, InvalidInput, NeverSent, TokenRejected, Uncertain
from services.fleet.bots.choices import PluginChoice
from services.fleet.bots.registry import get_bot, register_bot, set_plugins
from services.fleet.bots.views import describe
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.tokens import token_of
from tests.services.fleet.bots.world import count, elsewhere, with_webhooks
from tools.servers.broken import answering, http
from tools.servers.sandbox import Sandbox


@pytest.mark.data
def test_a_registered_bot_has_what_telegram_told_and_the_default_plugins(
    platform: Platform, owner: Principal, sandbox: Sandbox
) -> None:
    made = sandbox.create_bot(username="aurora_bot", first_name="Aurora", can_manage_bots=True)
    bot = register_bot(platform, owner, f"  {made['token']}\n")
    seen = describe(get_bot(platform, owner, bot.id))
    assert (seen["username"], seen["name"], seen["telegram_bot_id"]) == ("aurora_bot", "Aurora", made["id"])
    assert seen["capabilities"]["can_manage_bots"] is True
    assert (seen["mode"], seen["status"], seen["desired_running"]) == ("polling", "created", True)
    assert [plugin["name"] for plugin in seen["plugins"]] == ["start", "help", "error_handler"]
    assert get_bot(platform, owner, bot.public_id).id == bot.id


@pytest.mark.data
def test_the_token_is_sealed_for_its_bot_and_opens_again(
    platform: Platform, owner: Principal, sandbox: Sandbox
) -> None:
    token = sandbox.create_bot()["token"]
    bot = register_bot(platform, owner, token)
    assert token_of(platform, bot) == token
    assert platform.vault.unseal(bot.sealed_token, owner=f"bot:{bot.id}") == token


@pytest.mark.data
def test_no_trace_of_the_token_in_logs_redis_or_any_column(
    platform: Platform, owner: Principal, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = sandbox.create_bot()["token"]
    secret = token.partition(":")[2]
    bot = register_bot(platform, owner, token)
    with pytest.raises(Conflict) as caught:
        register_bot(platform, owner, token)
    set_plugins(platform, owner, bot.id, [PluginChoice("echo")])
    assert secret not in repr(caught.value.__dict__)
    assert all(secret not in repr(record.__dict__) for record in caplog.records)
    assert secret not in " ".join(_everything_in_redis(platform))
    assert secret not in " ".join(_everything_in_the_database(platform))


@pytest.mark.parametrize("token", ["", "abc", "123456:short", "1:" + "a" * 23, "a" * 300, "12:" + "ç" * 30])
def test_a_malformed_token_is_refused_without_asking_telegram(
    platform: Platform, owner: Principal, sandbox: Sandbox, token: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        register_bot(platform, owner, token)
    assert (caught.value.code, caught.value.field) == ("token_malformed", "token")
    assert sandbox.calls("getMe") == 0


@pytest.mark.data
def test_a_revoked_token_is_refused_and_nothing_is_saved(
    platform: Platform, owner: Principal, sandbox: Sandbox
) -> None:
    made = sandbox.create_bot()
    sandbox.revoke(made["username"])
    with pytest.raises(TokenRejected) as caught:
        register_bot(platform, owner, made["token"])
    assert (caught.value.code, caught.value.status, caught.value.field) == ("token_rejected", 422, "token")
    _assert_nothing_saved(platform)


def test_a_dead_server_is_unreachable_and_nothing_is_saved(platform: Platform, owner: Principal) -> None:
    with pytest.raises(NeverSent) as caught:
        register_bot(platform, owner, "123456789:" + "a" * 35)
    assert caught.value.status == 503
    _assert_nothing_saved(platform)


@pytest.mark.parametrize(
    "body",
    [
        b"<html>hi</html>",
        b'{"ok": true, "result": 7}',
        b'{"ok": true, "result": {"id": "x", "is_bot": true}}',
    ],
    ids=["html", "number", "odd"],
)
def test_a_foreign_server_is_named_as_such_and_nothing_is_saved(
    platform: Platform, owner: Principal, body: bytes
) -> None:
    with answering(http(body)) as url, pytest.raises(Uncertain, match="Bot API") as caught:
        register_bot(elsewhere(platform, url), owner, "123456789:" + "a" * 35)
    assert caught.value.status == 502
    _assert_nothing_saved(platform)


def test_a_server_that_does_not_answer_is_given_up_and_nothing_is_saved(
    platform: Platform, owner: Principal, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.platform.tokens.REGISTER_SECONDS", 0.3)
    sandbox.fault("timeout", seconds=2)
    with pytest.raises(Uncertain, match="in time"):
        register_bot(platform, owner, sandbox.create_bot()["token"])
    _assert_nothing_saved(platform)


def test_a_persons_token_is_no_bot(platform: Platform, owner: Principal) -> None:
    body = b'{"ok": true, "result": {"id": 5, "is_bot": false, "username": "ana"}}'
    with answering(http(body)) as url, pytest.raises(InvalidInput) as caught:
        register_bot(elsewhere(platform, url), owner, "123456789:" + "a" * 35)
    assert caught.value.code == "token_not_a_bot"


@pytest.mark.data
def test_a_bot_that_is_here_is_named_to_its_owner_and_nobody_else(
    platform: Platform, owner: Principal, stranger: Principal, sandbox: Sandbox
) -> None:
    made = sandbox.create_bot()
    register_bot(platform, owner, made["token"])
    new_token = sandbox.rotate(made["username"])
    with pytest.raises(Conflict) as of_stranger:
        register_bot(platform, stranger, new_token)
    with pytest.raises(Conflict) as of_owner:
        register_bot(platform, owner, new_token)
    assert of_stranger.value.code == of_owner.value.code == "bot_exists"
    assert of_stranger.value.message == "This bot is already registered here"
    assert of_owner.value.message == f"@{made['username']} is already one of your bots"
    assert count(platform, Bot) == 1


@pytest.mark.data
def test_of_two_racing_registrations_one_wins(
    platform: Platform, owner: Principal, stranger: Principal, sandbox: Sandbox
) -> None:
    token = sandbox.create_bot()["token"]
    sandbox.fault("delay", seconds=0.2, method="getMe")

    def attempt(caller: Principal) -> str:
        try:
            return str(register_bot(platform, caller, token).account_id)
        except Conflict as error:
            return error.code

    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(attempt, [owner, stranger, owner, stranger]))
    assert sorted(results)[1:] == ["bot_exists"] * 3
    assert count(platform, Bot) == 1
    assert count(platform, BotPlugin) == 3


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"mode": "webhook"}, "webhook_unavailable"),
        ({"mode": "pigeon"}, "mode_unknown"),
        ({"plugins": [PluginChoice("nonsense")]}, "unknown_plugin"),
        ({"plugins": [PluginChoice("echo"), PluginChoice("echo")]}, "plugin_repeated"),
        ({"plugins": [PluginChoice("echo", config={"no_such_option": 1})]}, "invalid_plugin_config"),
    ],
)
def test_a_wrong_choice_is_refused_before_telegram_is_asked(
    platform: Platform, owner: Principal, sandbox: Sandbox, options: dict[str, Any], code: str
) -> None:
    made = sandbox.create_bot()
    with pytest.raises(InvalidInput) as caught:
        register_bot(platform, owner, made["token"], **options)
    assert caught.value.code == code
    assert sandbox.calls("getMe") == 0
    _assert_nothing_saved(platform)


def test_with_a_public_address_bots_use_webhooks_and_their_path_is_known_at_once(
    platform: Platform, owner: Principal, sandbox: Sandbox
) -> None:
    bot = register_bot(with_webhooks(platform), owner, sandbox.create_bot()["token"])
    assert bot.mode == BotMode.WEBHOOK
    assert platform.redis.hgetall(keys.webhook_paths()) == {bot.path_id: str(bot.id)}


def _assert_nothing_saved(platform: Platform) -> None:
    assert [count(platform, table) for table in (Bot, BotPlugin, AuditEvent)] == [0, 0, 0]
    assert platform.redis.keys() == []


def _everything_in_redis(platform: Platform) -> Iterator[str]:
    for key in platform.job_redis.scan_iter():
        yield repr(key)
        yield repr(platform.job_redis.dump(key))
        if platform.job_redis.type(key) == b"hash":
            yield repr(platform.job_redis.hgetall(key))


def _everything_in_the_database(platform: Platform) -> Iterator[str]:
    engine = platform.database.engine
    with engine.connect() as connection:
        for table in inspect(engine).get_table_names():
            yield from (repr(row) for row in connection.execute(text(f'SELECT * FROM "{table}"')))
