"""From the webhook to the reply, on real parts."""

from __future__ import annotations

from services.core.settings import Settings
from services.platform.platform import Platform
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
