"""A bot whose owner's own program gets its updates."""

from __future__ import annotations

import pytest

from models import Bot
from services.core.settings import Settings
from services.fleet.workers.registry import NewWorker, give_worker
from services.fleet.workers.tokens import WorkerIdentity, resolve_worker
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tools.servers.fleet import add_bot


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """No limits per user."""
    return settings.model_copy(update={"user_rate_per_minute": 0.0})


@pytest.fixture
def bot(platform: Platform) -> Bot:
    """A bot with the plugin echo, which is not to be asked."""
    return add_bot(platform, {"id": 7001, "username": "worker_bot", "token": "7001:" + "A" * 35})


@pytest.fixture
def worker(platform: Platform, bot: Bot) -> WorkerIdentity:
    """The bot's worker."""
    owner = Principal(bot.account_id, f"account:{bot.account_id}")
    return resolve_worker(platform, give_worker(platform, owner, bot.id, NewWorker(lease_seconds=30))[2])
