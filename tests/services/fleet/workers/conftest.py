"""Bots whose programs are let into a real Valkey."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from redis import Redis

from models import Bot
from services.core.settings import Settings
from services.fleet.workers.redis_access import address_for
from services.fleet.workers.registry import NewWorker, give_worker
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tools.servers.fleet import add_bot

Connect = Callable[[Bot, str], Redis]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Programs are let in by the address that we know Redis by."""
    return settings.model_copy(update={"worker_redis_url": settings.redis_url})


@pytest.fixture
def connect(platform: Platform) -> Iterator[Connect]:
    """A client as the user of a bot."""
    clients: list[Redis] = []

    def connected(bot: Bot, token: str) -> Redis:
        url = address_for(platform.settings, bot.public_id, token)
        assert url is not None
        clients.append(Redis.from_url(url, decode_responses=True))
        return clients[-1]

    yield connected
    for client in clients:
        client.close()


@pytest.fixture(autouse=True)
def no_users_left(platform: Platform) -> Iterator[None]:
    """Users are the server's, which other tests share."""
    yield
    names = [str(name) for name in platform.redis.acl_users() if name != "default"]
    if names:
        platform.redis.acl_deluser(*names)


def worker_bot(platform: Platform, number: int) -> tuple[Bot, str]:
    """A bot with a worker, and the worker's token."""
    bot = add_bot(platform, {"id": number, "username": f"bot_{number}", "token": f"{number}:" + "A" * 35})
    return bot, give_worker(platform, owner_of(bot), bot.id, NewWorker(lease_seconds=30))[2]


def owner_of(bot: Bot) -> Principal:
    """Whom a bot belongs to."""
    return Principal(bot.account_id, f"account:{bot.account_id}")
