"""The path of a stopped bot is closed in every process, whatever came in before."""

from __future__ import annotations

import pytest

from services.core.settings import Settings
from services.fleet.bots.lifecycle import stop_bot
from services.fleet.bots.reconcile import reconcile_bot, reconcile_bots
from services.fleet.bots.registry import register_bot
from services.messaging.updates.webhook_paths import WebhookPaths
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis.changes import Topic
from tools.servers.sandbox import Sandbox, wait_until


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A test installation with a public address."""
    return settings.model_copy(update={"webhook_base_url": "http://127.0.0.1:8000"})


@pytest.mark.parametrize("by_the_round", [False, True])
def test_a_path_that_an_update_had_remembered_between_the_stop_and_its_closing_is_forgotten(
    platform: Platform, owner: Principal, sandbox: Sandbox, by_the_round: bool
) -> None:
    bot = register_bot(platform, owner, sandbox.create_bot()["token"], mode="webhook")
    reconcile_bot(platform, bot.id)
    paths = WebhookPaths(platform)
    heard: list[tuple[Topic, int]] = []

    def on_change(topic: Topic, identity: int) -> None:
        paths.on_change(topic, identity)
        heard.append((topic, identity))

    platform.changes.subscribe(on_change)
    wait_until(lambda: heard)
    stop_bot(platform, owner, bot.id)
    wait_until(lambda: (Topic.BOT, bot.id) in heard)
    assert paths.get(bot.path_id) == bot.id  # as a late update would
    if by_the_round:
        reconcile_bots(platform)
    else:
        reconcile_bot(platform, bot.id)
    wait_until(lambda: paths.peek(bot.path_id) is None)
    assert paths.get(bot.path_id) is None
    platform.changes.unsubscribe(on_change)
