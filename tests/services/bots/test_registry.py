"""Registering, changing and deleting bots."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, inspect, select, text

from models import AuditEvent, Base, Bot, BotMode, BotPlugin, Lead, MemberStatus, PoolBot, RedirectPool
from services.accounts.caller import Caller
from services.bots.choices import PluginChoice
from services.bots.lifecycle import restart_bot, start_bot, stop_bot
from services.bots.registry import (
    delete_bot,
    get_bot,
    list_bots,
    register_bot,
    set_mode,
    set_plugins,
    update_bot,
)
from services.bots.tokens import token_of
from services.bots.views import describe
from services.errors import (
    Conflict,
    InvalidInput,
    NeverSent,
    NotFound,
    TokenRejected,
    Uncertain,
)
from services.platform import Platform
from services.redis import keys
from services.settings import Settings
from tests.servers.broken import answering, http
from tests.servers.sandbox import Sandbox

pytestmark = pytest.mark.data


def elsewhere(platform: Platform, url: str) -> Platform:
    """The same installation with another Bot API server."""
    return Platform(platform.settings.model_copy(update={"telegram_api_url": url}))


def with_webhooks(platform: Platform) -> Platform:
    """The same installation with a public address."""
    return Platform(platform.settings.model_copy(update={"webhook_base_url": "http://127.0.0.1:8000"}))


def count(platform: Platform, table: type[Base]) -> int:
    with platform.database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_a_registered_bot_has_what_telegram_told_and_the_default_plugins(
    platform: Platform, owner: Caller, sandbox: Sandbox
) -> None:
    made = sandbox.create_bot(username="aurora_bot", first_name="Aurora", can_manage_bots=True)
    bot = register_bot(platform, owner, f"  {made['token']}\n")
    seen = describe(get_bot(platform, owner, bot.id))
    assert (seen["username"], seen["name"], seen["telegram_bot_id"]) == ("aurora_bot", "Aurora", made["id"])
    assert seen["capabilities"]["can_manage_bots"] is True
    assert (seen["mode"], seen["status"], seen["desired_running"]) == ("polling", "created", True)
    assert [plugin["name"] for plugin in seen["plugins"]] == ["start", "help", "error_handler"]
    assert get_bot(platform, owner, bot.public_id).id == bot.id


def test_the_token_is_sealed_for_its_bot_and_opens_again(
    platform: Platform, owner: Caller, sandbox: Sandbox
) -> None:
    token = sandbox.create_bot()["token"]
    bot = register_bot(platform, owner, token)
    assert token_of(platform, bot) == token
    assert platform.vault.unseal(bot.sealed_token, owner=f"bot:{bot.id}") == token


def test_no_trace_of_the_token_in_logs_redis_or_any_column(
    platform: Platform, owner: Caller, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
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
    platform: Platform, owner: Caller, sandbox: Sandbox, token: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        register_bot(platform, owner, token)
    assert (caught.value.code, caught.value.field) == ("token_malformed", "token")
    assert sandbox.stats()["calls_total"] == 0


def test_a_revoked_token_is_refused_and_nothing_is_saved(
    platform: Platform, owner: Caller, sandbox: Sandbox
) -> None:
    made = sandbox.create_bot()
    sandbox.revoke(made["username"])
    with pytest.raises(TokenRejected) as caught:
        register_bot(platform, owner, made["token"])
    assert (caught.value.code, caught.value.status, caught.value.field) == ("token_rejected", 422, "token")
    _assert_nothing_saved(platform)


def test_a_dead_server_is_unreachable_and_nothing_is_saved(platform: Platform, owner: Caller) -> None:
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
    platform: Platform, owner: Caller, body: bytes
) -> None:
    with answering(http(body)) as url, pytest.raises(Uncertain, match="Bot API") as caught:
        register_bot(elsewhere(platform, url), owner, "123456789:" + "a" * 35)
    assert caught.value.status == 502
    _assert_nothing_saved(platform)


def test_a_server_that_does_not_answer_is_given_up_and_nothing_is_saved(
    platform: Platform, owner: Caller, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.bots.tokens.REGISTER_SECONDS", 0.3)
    sandbox.fault("timeout", seconds=2)
    with pytest.raises(Uncertain, match="in time"):
        register_bot(platform, owner, sandbox.create_bot()["token"])
    _assert_nothing_saved(platform)


def test_a_persons_token_is_no_bot(platform: Platform, owner: Caller) -> None:
    body = b'{"ok": true, "result": {"id": 5, "is_bot": false, "username": "ana"}}'
    with answering(http(body)) as url, pytest.raises(InvalidInput) as caught:
        register_bot(elsewhere(platform, url), owner, "123456789:" + "a" * 35)
    assert caught.value.code == "token_not_a_bot"


def test_a_bot_of_another_account_is_refused_without_saying_whose(
    platform: Platform, owner: Caller, stranger: Caller, sandbox: Sandbox
) -> None:
    made = sandbox.create_bot()
    register_bot(platform, owner, made["token"])
    new_token = sandbox.rotate(made["username"])
    with pytest.raises(Conflict) as of_stranger:
        register_bot(platform, stranger, new_token)
    with pytest.raises(Conflict) as of_owner:
        register_bot(platform, owner, new_token)
    assert of_stranger.value.__dict__ == of_owner.value.__dict__
    assert of_stranger.value.code == "bot_exists"
    assert count(platform, Bot) == 1


def test_of_two_racing_registrations_one_wins(
    platform: Platform, owner: Caller, stranger: Caller, sandbox: Sandbox
) -> None:
    token = sandbox.create_bot()["token"]
    sandbox.fault("delay", seconds=0.2, method="getMe")

    def attempt(caller: Caller) -> str:
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
    platform: Platform, owner: Caller, sandbox: Sandbox, options: dict[str, Any], code: str
) -> None:
    made = sandbox.create_bot()
    with pytest.raises(InvalidInput) as caught:
        register_bot(platform, owner, made["token"], **options)
    assert caught.value.code == code
    assert sandbox.stats()["calls_total"] == 0
    _assert_nothing_saved(platform)


def test_with_a_public_address_bots_use_webhooks_and_their_path_is_known_at_once(
    platform: Platform, owner: Caller, sandbox: Sandbox
) -> None:
    bot = register_bot(with_webhooks(platform), owner, sandbox.create_bot()["token"])
    assert bot.mode == BotMode.WEBHOOK
    assert platform.redis.hgetall(keys.webhook_paths()) == {bot.path_id: str(bot.id)}


def test_nobody_sees_or_touches_a_strangers_bot(
    platform: Platform, owner: Caller, stranger: Caller, sandbox: Sandbox
) -> None:
    bot = register_bot(platform, owner, sandbox.create_bot()["token"])
    for identity in (bot.id, str(bot.id), bot.public_id, 0, "bot_000000000000", "9" * 30):
        for act in (get_bot, delete_bot, start_bot, stop_bot, restart_bot):
            with pytest.raises(NotFound):
                act(platform, stranger, identity)
        with pytest.raises(NotFound):
            set_plugins(platform, stranger, identity, [])
        with pytest.raises(NotFound):
            set_mode(platform, stranger, identity, "polling")
    assert list_bots(platform, stranger) == []
    assert [own.id for own in list_bots(platform, owner)] == [bot.id]


def test_plugins_are_replaced_whole_and_in_order(platform: Platform, owner: Caller, sandbox: Sandbox) -> None:
    bot = register_bot(platform, owner, sandbox.create_bot()["token"])
    choices = [PluginChoice("help"), PluginChoice("echo", enabled=False), PluginChoice("start")]
    changed = set_plugins(platform, owner, bot.id, choices)
    assert changed.config_version == bot.config_version + 1
    stored = get_bot(platform, owner, bot.id).plugins
    assert [(row.name, row.enabled) for row in stored] == [("help", True), ("echo", False), ("start", True)]


def test_two_replacements_at_once_leave_one_whole_set(
    platform: Platform, owner: Caller, sandbox: Sandbox
) -> None:
    bot = register_bot(platform, owner, sandbox.create_bot()["token"])
    sets = [[PluginChoice("echo"), PluginChoice("help")], [PluginChoice("help"), PluginChoice("start")]] * 3
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda choices: set_plugins(platform, owner, bot.id, choices), sets))
    stored = get_bot(platform, owner, bot.id)
    assert [row.name for row in stored.plugins] in (["echo", "help"], ["help", "start"])
    assert stored.config_version == bot.config_version + 6


def test_start_and_stop_are_wishes_that_raise_the_version_and_are_audited(
    platform: Platform, owner: Caller, sandbox: Sandbox
) -> None:
    bot = register_bot(platform, owner, sandbox.create_bot()["token"])
    assert stop_bot(platform, owner, bot.id).desired_running is False
    assert start_bot(platform, owner, bot.public_id).desired_running is True
    assert restart_bot(platform, owner, bot.id).config_version == bot.config_version + 3
    with platform.database.reading() as session:
        kinds = list(session.scalars(select(AuditEvent.kind).order_by(AuditEvent.id)))
    assert kinds == ["bot_registered", "bot_stopped", "bot_started", "bot_restarted"]


def test_mode_and_name_can_be_changed(platform: Platform, owner: Caller, sandbox: Sandbox) -> None:
    bot = register_bot(platform, owner, sandbox.create_bot()["token"])
    changed = update_bot(with_webhooks(platform), owner, bot.id, mode="webhook", name="Loja 1")
    assert (changed.mode, changed.name) == ("webhook", "Loja 1")
    with pytest.raises(InvalidInput):
        set_mode(platform, owner, bot.id, "webhook")


def test_a_deleted_bot_takes_leads_memberships_keys_and_its_webhook_along(
    platform: Platform, owner: Caller, sandbox: Sandbox
) -> None:
    made, other = sandbox.create_bot(), sandbox.create_bot()
    bot = register_bot(platform, owner, made["token"])
    kept = register_bot(platform, owner, other["token"])
    with platform.database.transaction() as session:
        pool = RedirectPool(account_id=owner.account_id, name="P", slug="p1")
        pool.members = [PoolBot(bot_id=one.id, status=MemberStatus.ONLINE) for one in (bot, kept)]
        session.add_all([pool, Lead(account_id=owner.account_id, bot_id=bot.id, telegram_id=1)])
    for one in (bot, kept):
        platform.redis.set(keys.polling_offset(one.id), 5)
        platform.redis.hset(keys.outbox_pauses(one.id), "*", "1")
    delete_bot(platform, owner, bot.id)
    left = sorted(key for key in platform.redis.scan_iter() if f":{bot.id}:" in str(key))
    assert left == []
    assert platform.redis.get(keys.polling_offset(kept.id)) == "5"
    assert (count(platform, PoolBot), count(platform, Lead), count(platform, Bot)) == (1, 0, 1)
    assert register_bot(platform, owner, made["token"]).id != bot.id


def test_a_bot_whose_token_is_dead_can_be_deleted(
    platform: Platform, owner: Caller, sandbox: Sandbox
) -> None:
    made = sandbox.create_bot()
    hooked = with_webhooks(platform)
    bot = register_bot(hooked, owner, made["token"])
    sandbox.revoke(made["username"])
    delete_bot(hooked, owner, bot.id)
    assert count(platform, Bot) == 0
    assert platform.redis.hgetall(keys.webhook_paths()) == {}


def test_a_bot_can_be_registered_while_redis_is_away(
    platform: Platform, settings: Settings, owner: Caller, sandbox: Sandbox
) -> None:
    blind = Platform(settings.model_copy(update={"redis_url": "redis://127.0.0.1:9/0"}))
    bot = register_bot(blind, owner, sandbox.create_bot()["token"])
    assert get_bot(platform, owner, bot.id).username == bot.username
    delete_bot(blind, owner, bot.id)


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
