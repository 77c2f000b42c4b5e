"""What a process reads of many bots in one go is what it would have read of each, and never older than a change it heard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import update

from models import AccessList, Bot, BotAccess
from services.core.errors import ConfigurationError, Unavailable
from services.messaging.outbox.sender_cache import SenderCache
from services.messaging.plugin_runtime.plugin_cache import PluginCache
from services.platform.platform import Platform
from services.platform.redis import read_ahead
from services.platform.redis.cache import EVERYTHING
from services.platform.redis.changes import Topic
from tests.services.messaging.draining import consumers, handle_all, replies
from tests.services.platform.redis.test_cache import counted_queries
from tools.servers.fleet import accept_all, add_bot, message

Cache = PluginCache | SenderCache
CACHES = pytest.mark.parametrize("kind", [PluginCache, SenderCache])
NOBODY = 99_999


def add_bots(platform: Platform, number: int) -> list[Bot]:
    return [
        add_bot(platform, {"id": each, "username": f"bot_{each}", "token": f"{each}:" + "A" * 35})
        for each in range(7001, 7001 + number)
    ]


@CACHES
def test_many_bots_are_read_in_as_many_queries_as_one(platform: Platform, kind: type[Cache]) -> None:
    ids = [bot.id for bot in add_bots(platform, 20)]
    alone, together = kind(platform), kind(platform)
    with counted_queries(platform) as for_one:
        alone.get(ids[0])
    with counted_queries(platform) as for_all:
        together.read_ahead([*ids, *ids, NOBODY])
        found = [together.get(bot_id) for bot_id in ids]
    assert len(for_all) == len(for_one)
    assert None not in found
    with counted_queries(platform) as for_known:
        together.read_ahead(ids)
    assert for_known == []


def test_what_was_read_for_many_is_each_ones_own(platform: Platform) -> None:
    first, second = add_bots(platform, 2)
    with platform.database.transaction() as session:
        session.get_one(Bot, second.id).uncertain_policy = "at_most_once"
        session.add(BotAccess(bot_id=first.id, list=AccessList.BLOCKED, telegram_id=5))
        session.add(BotAccess(bot_id=second.id, list=AccessList.ADMIN, telegram_id=6))
    plugins, senders = PluginCache(platform), SenderCache(platform)
    for cache in (plugins, senders):
        cache.read_ahead([first.id, second.id])
    for bot in (first, second):
        behaviour, sender = plugins.get(bot.id), senders.get(bot.id)
        assert behaviour is not None
        assert sender is not None
        assert behaviour.bot.username == bot.username
        assert [part.name for part in behaviour.chosen] == ["start", "echo"]
        assert sender.token.startswith(f"{bot.telegram_bot_id}:")
        assert sender.at_most_once is (bot is second)
        lists = behaviour.access.lists
        assert [each.telegram_id for each in lists.blocked] == ([5] if bot is first else [])
        assert [each.telegram_id for each in lists.admins] == ([6] if bot is second else [])


@CACHES
@pytest.mark.parametrize("told", ["the bot", EVERYTHING])
def test_a_change_after_the_reading_is_seen(platform: Platform, kind: type[Cache], told: str | None) -> None:
    [bot], cache = add_bots(platform, 1), kind(platform)
    cache.read_ahead([bot.id])
    move_on(platform, bot)
    cache.forget(EVERYTHING if told is EVERYTHING else bot.id)
    assert is_moved_on(cache, bot)


@CACHES
@pytest.mark.parametrize("topic", [Topic.BOT, Topic.ANY])
def test_a_change_during_the_reading_is_seen(
    platform: Platform, kind: type[Cache], topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    [bot], cache = add_bots(platform, 1), kind(platform)

    def change() -> None:
        move_on(platform, bot)
        cache.on_change(topic, bot.id)

    _then(cache, change, monkeypatch)
    cache.read_ahead([bot.id])
    assert is_moved_on(cache, bot)


@CACHES
def test_a_change_while_a_value_is_made_of_a_row_is_seen(
    platform: Platform, kind: type[Cache], monkeypatch: pytest.MonkeyPatch
) -> None:
    [bot], cache, changes = add_bots(platform, 1), kind(platform), [True]
    make: Callable[[int, Any], Any] = cache._make

    def slow(key: int, row: object) -> object:
        if changes:
            changes.pop()
            move_on(platform, bot)
            cache.on_change(Topic.BOT, bot.id)
        return make(key, row)

    monkeypatch.setattr(cache, "_make", slow)
    cache.read_ahead([bot.id])
    assert is_moved_on(cache, bot)


def test_a_token_that_no_key_opens_is_its_own_bots_trouble(platform: Platform) -> None:
    good, bad = add_bots(platform, 2)
    with platform.database.transaction() as session:
        session.get_one(Bot, bad.id).sealed_token = platform.vault.seal("x", owner="bot:0")
    senders = SenderCache(platform)
    senders.read_ahead([bad.id, good.id])
    assert senders.get(good.id) is not None
    for _ in range(2):
        with pytest.raises(ConfigurationError):
            senders.get(bad.id)


@CACHES
def test_no_more_is_read_ahead_than_there_is_room_for(
    platform: Platform, kind: type[Cache], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_ahead, "MAX_AHEAD", 3)
    monkeypatch.setattr(read_ahead, "READ_AT_ONCE", 2)
    ids, cache = [bot.id for bot in add_bots(platform, 5)], kind(platform)
    cache.read_ahead(ids)
    assert list(cache._ahead) == ids[:3]
    assert all(cache.get(bot_id) is not None for bot_id in ids)
    assert cache._ahead == {}
    assert cache._heard == {}


@CACHES
def test_while_the_database_is_away_nothing_is_remembered(
    platform: Platform, kind: type[Cache], monkeypatch: pytest.MonkeyPatch
) -> None:
    [bot], cache = add_bots(platform, 1), kind(platform)
    with monkeypatch.context() as patch:
        patch.setattr(cache, "_read", away)
        with pytest.raises(Unavailable):
            cache.read_ahead([bot.id])
    assert (cache._ahead, cache._heard) == ({}, {})
    cache.read_ahead([bot.id])
    assert cache._ahead == {}, "nobody stands in line for it so soon after"
    assert cache.get(bot.id) is not None


@CACHES
def test_a_database_that_is_back_is_read_ahead_again(
    platform: Platform, kind: type[Cache], monkeypatch: pytest.MonkeyPatch
) -> None:
    [bot], cache = add_bots(platform, 1), kind(platform)
    cache.backoff = 0.0
    with monkeypatch.context() as patch:
        patch.setattr(cache, "_read", away)
        with pytest.raises(Unavailable):
            cache.read_ahead([bot.id])
    cache.read_ahead([bot.id])
    assert list(cache._ahead) == [bot.id]


def test_a_lane_of_many_bots_is_handled_when_they_cannot_be_read_ahead(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    bots, by = add_bots(platform, 3), consumers(platform)
    monkeypatch.setattr(by.plugins, "read_ahead", away)
    for bot in bots:
        accept_all(platform, bot, [message(number, number, "x") for number in range(1, 5)])
    handle_all(platform, by)
    assert [len(replies(platform, bot)) for bot in bots] == [4, 4, 4]


def away(_: Sequence[int]) -> None:
    raise Unavailable("The database does not answer", code="database_unavailable")


def move_on(platform: Platform, bot: Bot) -> None:
    """A committed change of the bot that nobody has heard of yet."""
    values = {"uncertain_policy": "at_most_once", "maintenance": True}
    with platform.database.transaction() as session:
        session.execute(update(Bot).where(Bot.id == bot.id).values(values))


def is_moved_on(cache: Cache, bot: Bot) -> bool:
    """Whether the cache knows of `move_on`."""
    if isinstance(cache, PluginCache):
        behaviour = cache.get(bot.id)
        return behaviour is not None and behaviour.access.maintenance
    sender = cache.get(bot.id)
    return sender is not None and sender.at_most_once


def _then(cache: Cache, change: Callable[[], None], patch: pytest.MonkeyPatch) -> None:
    """Have `change` happen once, between the next reading and remembering it."""
    read: Callable[[Sequence[int]], Any] = cache._read
    changes = [change]

    def slow(keys: Sequence[int]) -> Any:
        rows = read(keys)
        if changes:
            changes.pop()()
        return rows

    patch.setattr(cache, "_read", slow)
