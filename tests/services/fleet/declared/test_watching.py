"""A worker applies files when it starts and when one changes, and leaves alone what is away."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from models import Account, Bot
from plugins.base import BasePlugin
from plugins.router import Router
from services.core.settings import Settings
from services.fleet import plugin_catalogue
from services.fleet.declared.watching import RETRY_SECONDS, BotFileWatch
from services.platform.platform import Platform
from tools.servers.sandbox import Sandbox

FILE = 'id: shop\nname: "{name}"\ntoken: "{token}"\nplugins:\n  - name: {plugin}\n'


class Later(BasePlugin):
    """A plugin that is installed after a file named it."""

    name = "later"

    def setup_handlers(self, router: Router) -> None:
        """Take nothing."""


def write(folder: Path, token: str, name: str, plugin: str = "start") -> None:
    (folder / "shop.yaml").write_text(FILE.format(name=name, token=token, plugin=plugin))


def name_of(platform: Platform) -> str | None:
    with platform.database.reading() as session:
        return session.scalar(select(Bot.name))


def test_files_are_applied_at_the_start_and_after_each_change_and_unchanged_ones_cost_nothing(
    platform: Platform, sandbox: Sandbox, folder: Path, admin: Account
) -> None:
    token = sandbox.create_bot(username="shop_bot")["token"]
    write(folder, token, "one")
    watch = BotFileWatch(platform)
    assert watch.turn(1.0)
    assert name_of(platform) == "one"
    assert [watch.turn(2.0), watch.turn(3.0)] == [False, False]
    write(folder, token, "another")
    assert [watch.turn(4.0), watch.turn(5.0)] == [False, True], "a file counts once it looks the same twice"
    assert name_of(platform) == "another"
    write(folder, token, "broken: [")
    (folder / "shop.yaml").write_text("id: [")
    assert [watch.turn(6.0), watch.turn(7.0), watch.turn(99.0)] == [False, True, False]
    assert name_of(platform) == "another"


def test_telegram_away_is_asked_again_later_and_less_and_less_often(
    platform: Platform, sandbox: Sandbox, folder: Path, admin: Account
) -> None:
    write(folder, sandbox.create_bot(username="shop_bot")["token"], "one")
    sandbox.fault("status", method="getMe", status=500, count=2)
    watch = BotFileWatch(platform)
    assert watch.turn(0.0)
    assert name_of(platform) is None
    assert not watch.turn(RETRY_SECONDS - 1)
    assert watch.turn(RETRY_SECONDS)
    assert not watch.turn(RETRY_SECONDS * 2.5)
    assert watch.turn(RETRY_SECONDS * 3)
    assert name_of(platform) == "one"
    assert not watch.turn(RETRY_SECONDS * 99)


def test_a_file_whose_plugin_comes_later_is_applied_then_and_without_hot_reload_only_the_start_counts(
    platform: Platform, settings: Settings, sandbox: Sandbox, folder: Path, admin: Account
) -> None:
    token = sandbox.create_bot(username="shop_bot")["token"]
    write(folder, token, "one", "later")
    before = plugin_catalogue.catalogue()
    cold = BotFileWatch(Platform(settings.model_copy(update={"enable_hot_reload": False})))
    assert cold.turn(1.0)
    assert name_of(platform) is None
    try:
        plugin_catalogue.offer(Later)
        assert cold.turn(2.0)
        assert name_of(platform) == "one"
    finally:
        plugin_catalogue.swap(before)
    cold.turn(3.0)
    write(folder, token, "two")
    assert [cold.turn(4.0), cold.turn(5.0)] == [False, False]
