"""A bot at the sandbox with somebody who opened a chat, and a sender in this process."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from models import Bot
from plugins.effects import Priority
from services.messaging.outbox.enqueue import enqueue_call
from services.platform.platform import Platform
from services.platform.redis import keys
from tests.services.messaging import draining
from tools.servers.fleet import add_bot
from tools.servers.sandbox import Sandbox

Put = Callable[..., None]


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
def send_all(platform: Platform, bot: Bot) -> Callable[..., None]:
    """Send from the bot's shard until nothing is due soon: send_all(timings)."""
    return partial(draining.send_all, platform, bot)


@pytest.fixture
def left(platform: Platform, bot: Bot) -> Callable[[], int]:
    """How many messages still wait."""
    return lambda: sum(platform.redis.xlen(keys.outbox(bot.id, p)) for p in keys.OUTBOX_PRIORITIES)
