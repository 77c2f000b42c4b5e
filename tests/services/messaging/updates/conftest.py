"""Fixtures of the update road: an installation that sends to the sandbox, without pacing and limits unless asked for."""

from __future__ import annotations

import pytest

from models import Bot
from services.core.settings import Settings
from services.messaging.updates import lane_consumer
from services.platform.platform import Platform
from tests.services.messaging.updates import plugins_for_tests
from tests.services.messaging.updates.draining import TRIAL
from tools.servers.fleet import add_bot
from tools.servers.sandbox import Sandbox


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
    monkeypatch.setattr(lane_consumer, "RETRY_DELAYS", (0.05, 0.1, 0.2))
    monkeypatch.setattr(lane_consumer, "IDLE_TIMEOUT_SECONDS", 0.3)
    monkeypatch.setattr(lane_consumer, "READ_TIMEOUT_SECONDS", 0.1)


@pytest.fixture
def bot(platform: Platform) -> Bot:
    """A bot whose replies stay in its outbox, because nobody sends."""
    return add_bot(platform, {"id": 7001, "username": "trial_bot", "token": "7001:" + "A" * 35}, TRIAL)
