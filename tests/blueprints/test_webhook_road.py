"""From the registration of a webhook bot to its update in a lane, over real HTTP on both ways."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from werkzeug.serving import make_server

from app import create_app
from services.fleet.bots.lifecycle import stop_bot
from services.fleet.bots.reconcile import reconcile_bot
from services.fleet.bots.registry import register_bot
from services.platform.platform import Platform
from services.platform.redis import keys
from tests.blueprints.people import caller_of, make_account
from tools.servers.sandbox import Sandbox, wait_until


@pytest.fixture
def public(platform: Platform) -> Iterator[Platform]:
    """The installation, served on a port that Telegram can reach."""
    server = make_server("127.0.0.1", 0, create_app(platform), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    yield Platform(platform.settings.model_copy(update={"webhook_base_url": address}))
    server.shutdown()
    thread.join(5)
    server.server_close()


def waiting(platform: Platform) -> int:
    lanes = range(platform.settings.update_lanes)
    return sum(platform.redis.xlen(keys.update_lane(lane)) for lane in lanes)


def test_telegram_delivers_with_the_secret_that_the_reconciler_set(
    public: Platform, sandbox: Sandbox
) -> None:
    user, owner = sandbox.create_user()["id"], caller_of(make_account(public))
    bot = register_bot(public, owner, sandbox.create_bot()["token"])
    reconcile_bot(public, bot.id)
    sandbox.start(user, bot.username, "red")
    wait_until(lambda: waiting(public) == 1)
    wait_until(lambda: sandbox.bot(bot.username)["pending_update_count"] == 0)
    stop_bot(public, owner, bot.id)
    reconcile_bot(public, bot.id)
    sandbox.send(user, bot.username, "kept at Telegram")
    assert sandbox.bot(bot.username)["pending_update_count"] == 1
    assert waiting(public) == 1
