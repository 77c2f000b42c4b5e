"""A bot at the sandbox with somebody who opened a chat, and a sender in this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from models import Bot
from plugins.context import Priority
from services.messaging.outbox import outbox_consumer
from services.messaging.outbox.enqueue import enqueue_call
from services.messaging.outbox.senders import Senders
from services.platform.platform import Platform
from services.platform.redis import keys
from tools.servers.fleet import add_bot
from tools.servers.sandbox import Sandbox

Put = Callable[..., None]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_consumer, "IDLE_TIMEOUT_SECONDS", 0.3)
    monkeypatch.setattr(outbox_consumer, "READ_TIMEOUT_SECONDS", 0.1)
    monkeypatch.setattr("services.messaging.outbox.sending.BACKOFF", (0.05, 0.2))


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The drain waits for the private chat's next second instead of leaving the rest to the reconciler."""
    monkeypatch.setattr(outbox_consumer, "IDLE_TIMEOUT_SECONDS", 1.3)


@pytest.fixture
def bot(platform: Platform, sandbox: Sandbox) -> Bot:
    return add_bot(platform, sandbox.create_bot())


@pytest.fixture
def people(sandbox: Sandbox, bot: Bot) -> list[int]:
    """Four persons who started the bot."""
    users = [int(sandbox.create_user()["id"]) for _ in range(4)]
    for user in users:
        sandbox.start(user, bot.username)
    return users


@pytest.fixture
def put(platform: Platform, bot: Bot) -> Put:
    """Queue a message of the bot: put(chat_id, text, priority)."""

    def put_text(chat_id: int, text: str, priority: Priority = Priority.REPLY) -> None:
        enqueue_call(platform, bot.id, "sendMessage", {"chat_id": chat_id, "text": text}, priority)

    return put_text


@pytest.fixture
def send_all(platform: Platform, bot: Bot) -> Callable[[], None]:
    """Drain the bot's shard until nothing can be sent for a while; a drain that left is rung for, as by the clock."""
    shard = bot.id % platform.settings.update_lanes

    def drain() -> None:
        soon = True
        while soon:
            Senders(platform, threading.Event()).send_shard(shard)
            soon = platform.redis.zcount(keys.outbox_active(shard), "-inf", (time.time() + 1) * 1000) > 0

    return drain


@pytest.fixture
def left(platform: Platform, bot: Bot) -> Callable[[], int]:
    """How many messages still wait."""
    return lambda: sum(platform.redis.xlen(keys.outbox(bot.id, p)) for p in keys.OUTBOX_PRIORITIES)
