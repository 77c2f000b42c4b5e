"""Fixtures of the update road: an installation that sends to the sandbox, without pacing and limits unless asked for."""

from __future__ import annotations

import pytest

from models import Bot
from services.platform import Platform
from services.settings import Settings
from services.updates import drain as drain_module
from tests.servers.fleet import add_bot
from tests.servers.sandbox import Sandbox
from tests.services.updates import plugins_for_tests
from tests.services.updates.draining import TRIAL


@pytest.fixture
def settings(settings: Settings, sandbox: Sandbox) -> Settings:
    """The sandbox instead of Telegram, buckets too large to matter, no limits per user."""
    return settings.model_copy(
        update={
            "telegram_api_url": sandbox.url,
            "pacing_bot_per_second": 10_000.0,
            "pacing_chat_per_second": 10_000.0,
            "pacing_chat_burst": 1000,
            "user_rate_per_minute": 0.0,
        }
    )


@pytest.fixture
def quick_drains(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drains that leave an empty lane and try again soon; no calls on record yet."""
    plugins_for_tests.calls.clear()
    monkeypatch.setattr(drain_module, "RETRY_DELAYS", (0.05, 0.1, 0.2))
    monkeypatch.setattr(drain_module, "LINGER_SECONDS", 0.3)
    monkeypatch.setattr(drain_module, "LOOK_SECONDS", 0.1)


@pytest.fixture
def bot(platform: Platform) -> Bot:
    """A bot whose replies stay in its outbox, because nobody sends."""
    return add_bot(platform, {"id": 7001, "username": "trial_bot", "token": "7001:" + "A" * 35}, TRIAL)
