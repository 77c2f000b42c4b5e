"""What processes remember of senders, paths and pools: a change during a load, strangers, another process, lost messages."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import pytest
from sqlalchemy import event, update

from launch.programs import ROOT
from models import Bot
from services.core.errors import Unavailable
from services.fleet.pools.fields import PoolChange
from services.fleet.pools.pool_cache import PoolCache
from services.fleet.pools.pools import update_pool
from services.messaging.outbox.sender_cache import SenderCache
from services.messaging.plugin_runtime.plugin_cache import PluginCache
from services.messaging.updates.webhook_paths import WebhookPaths
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.cache import ChangeCache
from services.platform.redis.changes import Topic, announce
from tests.services.fleet.pools.fleet import new_account, new_pool
from tools.servers.fleet import add_bot
from tools.servers.sandbox import wait_until

IDENTITY = {"id": 4242, "username": "red_bot", "token": "4242:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}

Key = TypeVar("Key")
Value = TypeVar("Value")


def test_a_load_that_fails_is_the_callers_error_and_leaves_nothing_behind(platform: Platform) -> None:
    away = Platform(platform.settings.model_copy(update={"redis_url": "redis://127.0.0.1:9/0"}))
    paths = WebhookPaths(away)
    for _ in range(2):
        with pytest.raises(Unavailable):
            paths.get("x")
    assert (paths._kept, paths._heard) == ({}, {})


def test_paths_that_strangers_try_out_fill_no_memory(platform: Platform) -> None:
    bot = add_bot(platform, IDENTITY)
    paths = WebhookPaths(platform)
    assert [paths.get(f"{number:032}") for number in range(200)] == [None] * 200
    assert paths.get(bot.path_id) == bot.id
    assert (len(paths._kept), paths._heard) == (1, {})


def test_a_bot_that_does_not_exist_costs_one_query_until_it_does(platform: Platform) -> None:
    plugins = PluginCache(platform)
    with counted_queries(platform) as queries:
        assert [plugins.get(1), plugins.get(1), plugins.get(1)] == [None, None, None]
    assert len(queries) == 1
    bot = add_bot(platform, IDENTITY)
    plugins.on_change(Topic.BOT, bot.id)
    assert bot.id == 1
    assert plugins.get(1) is not None


def test_a_sender_changed_while_it_is_loaded_is_loaded_again(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot, senders = add_bot(platform, IDENTITY), SenderCache(platform)

    def change() -> None:
        set_policy(platform, bot, "at_most_once")
        senders.on_change(Topic.BOT, bot.id)

    sender = _got_while(senders, bot.id, change, monkeypatch)
    assert sender is not None
    assert sender.at_most_once


def test_a_path_closed_while_it_is_asked_for_is_not_remembered(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot, paths = add_bot(platform, IDENTITY), WebhookPaths(platform)

    def change() -> None:
        close_path(platform, bot)
        paths.on_change(Topic.BOT, bot.id)

    assert _got_while(paths, bot.path_id, change, monkeypatch) is None
    assert paths._kept == {}


def test_pools_read_before_a_change_never_replace_those_read_after_it(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = new_account(platform)
    pool = new_pool(platform, owner, "red1", 2)
    pools = PoolCache(platform)
    read, go_on = threading.Event(), threading.Event()
    from_database = PoolCache._take_elsewhere.__globals__["read_pools"]

    def slow(on: Platform) -> object:
        found = from_database(on)
        read.set()
        assert go_on.wait(30)
        return found

    monkeypatch.setattr("services.fleet.pools.pool_cache.read_pools", slow)
    with forbidden(platform, "hgetall"):  # as while Redis is away
        filling = threading.Thread(target=pools.refresh)
        filling.start()
        assert read.wait(30)
    update_pool(platform, owner, pool.id, PoolChange(is_active=False))
    hearing = threading.Thread(target=pools.on_change, args=(Topic.POOL, pool.id))
    hearing.start()
    hearing.join(0.3)
    go_on.set()
    for thread in (filling, hearing):
        thread.join(30)
    found = pools.get("red1")
    assert found is not None
    assert not found.is_active


def test_another_process_hears_of_changes_and_repairs_what_it_could_not_hear(platform: Platform) -> None:
    bot = add_bot(platform, IDENTITY)
    owner = new_account(platform)
    pool = new_pool(platform, owner, "red1", 1)
    with another_process(platform) as ask:
        question = f"{bot.id} {bot.path_id} red1"
        assert ask(question) == f"False {bot.id} True"

        set_policy(platform, bot, "at_most_once")
        announce(platform.redis, Topic.BOT, bot.id)
        wait_until(lambda: ask(question) == f"True {bot.id} True", seconds=10)

        set_policy(platform, bot, "at_least_once")
        close_path(platform, bot)
        assert ask(question) == f"True {bot.id} True", "nobody has said anything yet"
        platform.redis.incr(keys.changes_generation())  # said, and lost on the way
        wait_until(lambda: ask(question) == "False None True", seconds=10)

        platform.redis.client_kill_filter(_type="pubsub")
        reopen_path(platform, bot)
        update_pool(platform, owner, pool.id, PoolChange(is_active=False))
        set_policy(platform, bot, "at_most_once")
        announce(platform.redis, Topic.BOT, bot.id)
        wait_until(lambda: ask(question) == f"True {bot.id} False", seconds=10)


REMEMBER = """
import sys
from services.messaging.outbox.sender_cache import SenderCache
from services.platform.platform import build_platform
from services.fleet.pools.pool_cache import PoolCache
from services.messaging.updates.webhook_paths import WebhookPaths

platform = build_platform()
senders, paths, pools = SenderCache(platform), WebhookPaths(platform), PoolCache(platform)
for cache in (senders, paths):
    platform.changes.subscribe(cache.on_change)
pools.start()
for line in sys.stdin:
    bot_id, path, slug = line.split()
    print(senders.get(int(bot_id)).at_most_once, paths.get(path), pools.get(slug).is_active, flush=True)
"""


@contextmanager
def another_process(platform: Platform) -> Iterator[Callable[[str], str]]:
    """Another process that remembers: asked "bot path slug" it says what it knows of them."""
    settings = platform.settings
    process = subprocess.Popen(
        [sys.executable, "-c", REMEMBER],
        cwd=ROOT,
        env={
            **os.environ,
            "APP_ENV": "test",
            "DATA_DIR": str(settings.data_dir),
            "DATABASE_URL": settings.database_url,
            "REDIS_URL": settings.redis_url,
            "SECRET_KEY": settings.secret_key.get_secret_value(),
            "ENCRYPTION_KEYS": settings.encryption_keys[0].get_secret_value(),
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    asked, told = process.stdin, process.stdout

    def ask(question: str) -> str:
        asked.write(f"{question}\n")
        asked.flush()
        return told.readline().strip()

    try:
        yield ask
    finally:
        process.kill()
        process.communicate()


@contextmanager
def forbidden(platform: Platform, command: str) -> Iterator[None]:
    """A Redis that answers this command with an error."""
    platform.redis.acl_setuser("default", enabled=True, commands=[f"-{command}"])
    try:
        yield
    finally:
        platform.redis.acl_setuser("default", enabled=True, categories=["+@all"])


@contextmanager
def counted_queries(platform: Platform) -> Iterator[list[str]]:
    """The statements that the database is asked meanwhile."""
    asked: list[str] = []

    def note(*arguments: object) -> None:
        if str(arguments[2]).startswith("SELECT"):
            asked.append(str(arguments[2]))

    event.listen(platform.database.engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(platform.database.engine, "before_cursor_execute", note)


def close_path(platform: Platform, bot: Bot) -> None:
    """What a stop and the reconciler do."""
    set_running(platform, bot, running=False)
    platform.redis.hdel(keys.webhook_paths(), bot.path_id)


def reopen_path(platform: Platform, bot: Bot) -> None:
    """What a start and the reconciler do."""
    set_running(platform, bot, running=True)
    platform.redis.hset(keys.webhook_paths(), bot.path_id, str(bot.id))


def set_running(platform: Platform, bot: Bot, *, running: bool) -> None:
    with platform.database.transaction() as session:
        session.get_one(Bot, bot.id).desired_running = running


def set_policy(platform: Platform, bot: Bot, policy: str) -> None:
    """A committed change of the bot that nobody has heard of yet."""
    with platform.database.transaction() as session:
        session.execute(update(Bot).where(Bot.id == bot.id).values(uncertain_policy=policy))


def _got_while(
    cache: ChangeCache[Key, Value], key: Key, change: Callable[[], None], patch: pytest.MonkeyPatch
) -> Value | None:
    """What `get` gives when `change` comes between the first reading and remembering it."""
    load, changes = cache._load, [change]

    def slow(wanted: Key) -> Value | None:
        value = load(wanted)
        if changes:
            another = threading.Thread(target=changes.pop())
            another.start()
            another.join(30)
        return value

    patch.setattr(cache, "_load", slow)
    return cache.get(key)
