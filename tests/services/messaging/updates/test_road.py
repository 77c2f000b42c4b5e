"""From the webhook to the reply, on real parts."""

from __future__ import annotations

import gc
from typing import Any

from models import Bot
from services.core.settings import Settings
from services.platform.platform import Platform
from tests.services.messaging.draining import handle_all, send_all
from tools.servers.fleet import accept_all, add_bot, message, reconciling, worker_process, working
from tools.servers.sandbox import Sandbox, wait_until


def test_a_start_is_answered(platform: Platform, sandbox: Sandbox) -> None:
    identity = sandbox.create_bot()
    bot = add_bot(platform, identity)
    user = sandbox.create_user(first_name="<Ana>")
    sandbox.start(user["id"], identity["username"])
    with working(platform):
        accept_all(platform, bot, [message(1, user["id"], "/start", first_name="<Ana>")])
        sent = wait_until(lambda: sandbox.sent(identity["username"], "sendMessage"))
    assert [each["text"] for each in sent] == ["Olá, <Ana>!"]


def test_a_worker_process_answers_and_ends_at_sigterm(
    platform: Platform, settings: Settings, sandbox: Sandbox
) -> None:
    identity = sandbox.create_bot()
    bot = add_bot(platform, identity)
    user = sandbox.create_user()
    sandbox.start(user["id"], identity["username"])
    with worker_process(settings) as worker, reconciling(platform):
        accept_all(platform, bot, [message(1, user["id"], "/start"), message(2, user["id"], "hello")])
        wait_until(lambda: len(sandbox.sent(identity["username"], "sendMessage")) == 2)
        assert worker.terminate() == 0


def test_what_an_update_needed_ends_with_it_and_is_no_work_for_the_collector(
    platform: Platform, sandbox: Sandbox
) -> None:
    identity, user = sandbox.create_bot(), sandbox.create_user()
    bot = add_bot(platform, identity)
    sandbox.start(user["id"], identity["username"])
    # The first ones import what they need.
    _, few, many = (_garbage_of(platform, bot, user, *updates) for updates in ((1, 5), (10, 20), (100, 120)))
    assert len(sandbox.sent(identity["username"], "sendMessage")) == 145
    assert many - few < 100  # one object an update; the threads that work them off leave hundreds each time


def _garbage_of(platform: Platform, bot: Bot, user: dict[str, Any], first: int, count: int) -> int:
    """How many objects in circles so many updates and their replies left."""
    accept_all(platform, bot, [message(first + each, user["id"], f"text {each}") for each in range(count)])
    gc.collect()
    gc.disable()
    try:
        handle_all(platform)
        send_all(platform, bot)
        return gc.collect()
    finally:
        gc.enable()
