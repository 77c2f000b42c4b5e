"""Listing, changing and deleting bots."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from models import AuditEvent, Bot, Lead, MemberStatus, PoolBot, RedirectPool
from services.core.errors import InvalidInput, NotFound
from services.core.settings import Settings
from services.fleet.bots.choices import PluginChoice
from services.fleet.bots.lifecycle import restart_bot, start_bot, stop_bot
from services.fleet.bots.registry import delete_bot, get_bot, list_bots, register_bot, set_plugins, update_bot
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import keys
from tests.services.fleet.bots.world import count, with_webhooks
from tools.servers.sandbox import Sandbox

pytestmark = pytest.mark.data


def test_nobody_sees_or_touches_a_strangers_bot(
    platform: Platform, owner: Principal, stranger: Principal, sandbox: Sandbox
) -> None:
    bot = register_bot(platform, owner, sandbox.create_bot()["token"])
    for identity in (bot.id, str(bot.id), bot.public_id, 0, "bot_000000000000", "9" * 30):
        for act in (get_bot, delete_bot, start_bot, stop_bot, restart_bot):
            with pytest.raises(NotFound):
                act(platform, stranger, identity)
        with pytest.raises(NotFound):
            set_plugins(platform, stranger, identity, [])
        with pytest.raises(NotFound):
            update_bot(platform, stranger, identity, mode="polling")
    assert list_bots(platform, stranger) == []
    assert [own.id for own in list_bots(platform, owner)] == [bot.id]


def test_plugins_are_replaced_whole_and_in_order(
    platform: Platform, owner: Principal, sandbox: Sandbox
) -> None:
    bot = register_bot(platform, owner, sandbox.create_bot()["token"])
    choices = [PluginChoice("help"), PluginChoice("echo", enabled=False), PluginChoice("start")]
    changed = set_plugins(platform, owner, bot.id, choices)
    assert changed.config_version == bot.config_version + 1
    stored = get_bot(platform, owner, bot.id).plugins
    assert [(row.name, row.enabled) for row in stored] == [("help", True), ("echo", False), ("start", True)]


def test_two_replacements_at_once_leave_one_whole_set(
    platform: Platform, owner: Principal, sandbox: Sandbox
) -> None:
    bot = register_bot(platform, owner, sandbox.create_bot()["token"])
    sets = [[PluginChoice("echo"), PluginChoice("help")], [PluginChoice("help"), PluginChoice("start")]] * 3
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda choices: set_plugins(platform, owner, bot.id, choices), sets))
    stored = get_bot(platform, owner, bot.id)
    assert [row.name for row in stored.plugins] in (["echo", "help"], ["help", "start"])
    assert stored.config_version == bot.config_version + 6


def test_start_and_stop_are_wishes_that_raise_the_version_and_are_audited(
    platform: Platform, owner: Principal, sandbox: Sandbox
) -> None:
    bot = register_bot(platform, owner, sandbox.create_bot()["token"])
    assert stop_bot(platform, owner, bot.id).desired_running is False
    assert start_bot(platform, owner, bot.public_id).desired_running is True
    assert restart_bot(platform, owner, bot.id).config_version == bot.config_version + 3
    with platform.database.reading() as session:
        kinds = list(session.scalars(select(AuditEvent.kind).order_by(AuditEvent.id)))
    assert kinds == ["bot_registered", "bot_stopped", "bot_started", "bot_restarted"]


def test_mode_and_name_can_be_changed(platform: Platform, owner: Principal, sandbox: Sandbox) -> None:
    bot = register_bot(platform, owner, sandbox.create_bot()["token"])
    changed = update_bot(with_webhooks(platform), owner, bot.id, mode="webhook", name="Loja 1")
    assert (changed.mode, changed.name) == ("webhook", "Loja 1")
    with pytest.raises(InvalidInput):
        update_bot(platform, owner, bot.id, mode="webhook")


def test_a_deleted_bot_takes_leads_memberships_keys_and_its_webhook_along(
    platform: Platform, owner: Principal, sandbox: Sandbox
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
    platform: Platform, owner: Principal, sandbox: Sandbox
) -> None:
    made = sandbox.create_bot()
    hooked = with_webhooks(platform)
    bot = register_bot(hooked, owner, made["token"])
    sandbox.revoke(made["username"])
    delete_bot(hooked, owner, bot.id)
    assert count(platform, Bot) == 0
    assert platform.redis.hgetall(keys.webhook_paths()) == {}


def test_a_bot_can_be_registered_while_redis_is_away(
    platform: Platform, settings: Settings, owner: Principal, sandbox: Sandbox
) -> None:
    blind = Platform(settings.model_copy(update={"redis_url": "redis://127.0.0.1:9/0"}))
    bot = register_bot(blind, owner, sandbox.create_bot()["token"])
    assert get_bot(platform, owner, bot.id).username == bot.username
    delete_bot(blind, owner, bot.id)
