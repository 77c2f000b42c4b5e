"""Handlers that are coroutines have what others have: order, effects that are one step, stores, locks, repetitions."""

from __future__ import annotations

from services.core.settings import Settings
from services.messaging.plugin_runtime.plugin_database import BotDatabase
from services.platform.platform import Platform
from tests.services.messaging.draining import handle_all, letters, replies
from tests.services.messaging.updates import async_plugins
from tools.servers.fleet import Plugins, accept_all, add_bot, message, reconciling, worker_process
from tools.servers.sandbox import Sandbox, wait_until

ASYNC: Plugins = (("async", {}),)
WORKER = ("-c", f"import jobs.worker, {async_plugins.__name__}; jobs.worker.main()")


def test_a_coroutine_takes_effect_like_any_handler(platform: Platform) -> None:
    bot = add_bot(platform, {"id": 7001, "username": "trial_bot", "token": "7001:" + "A" * 35}, ASYNC)
    accept_all(
        platform, bot, [message(n, 5, text) for n, text in enumerate(["/visit", "/visit", "hi", "/fail"])]
    )
    handle_all(platform)
    assert [text for _, text in replies(platform, bot)] == [
        "loaded, visit 1",
        "loaded, visit 2",
        "passed on",
        "given up: ValueError",
    ]
    assert BotDatabase(platform.database, bot.id, "async").list() == {"visits:5": 2}
    [letter] = letters(platform)
    assert letter.error.endswith("ValueError: on order\n")


def test_in_a_worker_coroutines_of_many_chats_wait_side_by_side(
    platform: Platform, settings: Settings, sandbox: Sandbox
) -> None:
    """Each handler of /meet waits until all are there."""
    bot = add_bot(platform, sandbox.create_bot(strict=False), ASYNC)
    people = [int(sandbox.create_user()["id"]) for _ in range(async_plugins.TOGETHER)]
    for person in people:
        sandbox.start(person, bot.username)
    with reconciling(platform), worker_process(settings, WORKER) as worker:
        accept_all(platform, bot, [message(n, person, "/meet") for n, person in enumerate(people)])
        accept_all(platform, bot, [message(100 + n, person, "/visit") for n, person in enumerate(people)])
        wait_until(lambda: len(sandbox.sent(bot.username, "sendMessage")) == 2 * len(people), seconds=25)
        assert worker.terminate() == 0
    said = [each["text"] for each in sandbox.sent(bot.username, "sendMessage")]
    assert sorted(said) == ["loaded, visit 1"] * len(people) + ["met"] * len(people)
