"""Each instance of a plugin that began to serve a bot is told when it serves it no longer, in every way that comes about."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from models import Bot
from plugins.base import BasePlugin
from plugins.router import Router
from services.fleet.bots.choices import PluginChoice
from services.fleet.bots.lifecycle import restart_bot, stop_bot
from services.fleet.bots.registry import delete_bot, set_plugins
from services.fleet.plugin_catalogue import offer
from services.messaging.plugin_runtime.plugin_cache import PluginCache
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis.changes import Topic
from tests.services.messaging.draining import consumers, handle_all, replies
from tools.servers.fleet import accept_all, add_bot, message
from tools.servers.sandbox import wait_until

IDENTITY = {"id": 7020, "username": "hooked_bot", "token": "7020:" + "A" * 35}
told: list[str] = []


class HookedPlugin(BasePlugin):
    """Says in which order it is called."""

    name = "hooked"
    ending: Callable[[], None] = staticmethod(lambda: None)

    def setup_handlers(self, router: Router) -> None:
        router.text()(lambda message, ctx: ctx.send(message.text))

    def on_load(self) -> None:
        told.append("load")

    def on_bot_start(self) -> None:
        told.append("start")

    def on_bot_stop(self) -> None:
        told.append("stop")
        self.db.set("stopped", True)
        self.ending()

    def on_unload(self) -> None:
        told.append("unload")


class SecondPlugin(HookedPlugin):
    """Another of the same bot."""

    name = "second"

    def on_bot_stop(self) -> None:
        told.append("second stop")


offer(HookedPlugin, SecondPlugin)
WHOLE = ["load", "start", "stop", "unload"]


@pytest.fixture(autouse=True)
def nothing_told_yet() -> None:
    told.clear()


@pytest.fixture
def bot(platform: Platform) -> Bot:
    return add_bot(platform, IDENTITY, (("hooked", {}),))


@pytest.fixture
def owner(bot: Bot) -> Principal:
    return Principal(bot.account_id, f"account:{bot.account_id}")


@pytest.fixture
def serving(platform: Platform, bot: Bot) -> PluginCache:
    """The plugins of a process that serves the bot and hears of no change by itself."""
    cache = PluginCache(platform)
    assert cache.get(bot.id) is not None
    assert told == ["load", "start"]
    return cache


ENDS: dict[str, Callable[[Platform, Principal, int], object]] = {
    "stopped": stop_bot,
    "restarted": restart_bot,
    "deleted": delete_bot,
    "changed": lambda platform, owner, bot_id: set_plugins(platform, owner, bot_id, [PluginChoice("echo")]),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_whatever_ends_it_each_start_has_its_stop(
    platform: Platform,
    bot: Bot,
    owner: Principal,
    serving: PluginCache,
    end: Callable[[Platform, Principal, int], object],
) -> None:
    platform.changes.subscribe(serving.on_change)
    wait_until(lambda: told == WHOLE)  # whoever begins to listen may have missed something
    told.clear()
    serving.get(bot.id)
    end(platform, owner, bot.id)
    wait_until(lambda: told == WHOLE)
    platform.changes.unsubscribe(serving.on_change)


def test_a_gap_in_what_is_heard_of_ends_them_too(serving: PluginCache) -> None:
    serving.on_change(Topic.ANY, 0)
    assert told == WHOLE


def test_the_end_of_the_process_ends_them(platform: Platform, bot: Bot) -> None:
    process = consumers(platform)
    accept_all(platform, bot, [message(1, 1, "oi")])
    handle_all(platform, process)
    process.stop()
    assert told == WHOLE
    assert replies(platform, bot) == [("1", "oi")]


def test_a_hook_that_fails_or_wants_to_exit_stops_no_other(
    platform: Platform, serving: PluginCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave() -> None:
        raise SystemExit(3)

    monkeypatch.setattr(HookedPlugin, "ending", staticmethod(leave))
    serving.on_change(Topic.ANY, 0)
    assert told == WHOLE


def test_the_last_plugin_is_stopped_first(platform: Platform) -> None:
    both = add_bot(
        platform, {**IDENTITY, "id": 7021, "username": "both_bot"}, (("hooked", {}), ("second", {}))
    )
    cache = PluginCache(platform)
    cache.get(both.id)
    cache.on_change(Topic.BOT, both.id)
    assert told[-4:] == ["second stop", "unload", "stop", "unload"]
