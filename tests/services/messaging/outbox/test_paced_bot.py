"""A bot with more replies than its limit lets out, beside another of the same shard."""

from __future__ import annotations

import threading
from dataclasses import replace

from services.messaging.outbox.enqueue import enqueue_call
from services.platform.platform import Platform
from tests.services.messaging.draining import QUICK_SENDING, senders
from tools.servers.fleet import add_bot
from tools.servers.sandbox import Sandbox, wait_until


def test_replies_that_wait_for_their_bots_limit_hold_no_sender(platform: Platform, sandbox: Sandbox) -> None:
    changes = {"update_lanes": 1, "send_concurrency": 1, "pacing_bot_per_second": 0.0001}
    slow = Platform(platform.settings.model_copy(update=changes))
    hot, other = (add_bot(platform, sandbox.create_bot()) for _ in range(2))
    user = int(sandbox.create_user()["id"])
    for bot in (hot, other):
        sandbox.start(user, bot.username)
    for number in range(500):
        enqueue_call(slow, hot.id, "sendMessage", {"chat_id": user, "text": f"{number}"})
    stopping = threading.Event()
    outbound = senders(slow, replace(QUICK_SENDING, idle_timeout=60.0), stopping)
    drain = threading.Thread(target=outbound.send_shard, args=(0,))
    drain.start()
    wait_until(lambda: texts(sandbox, hot.username))
    enqueue_call(slow, other.id, "sendMessage", {"chat_id": user, "text": "at once"})
    wait_until(lambda: texts(sandbox, other.username) == ["at once"])
    stopping.set()
    drain.join(30)
    assert texts(sandbox, hot.username) == ["0"]


def texts(sandbox: Sandbox, bot: str) -> list[str]:
    return [each["text"] for each in sandbox.sent(bot, "sendMessage")]
