"""Fixtures of the update road: an installation that sends to the sandbox, without pacing and limits unless asked for."""

from __future__ import annotations

import pytest

from models import Bot
from services.core.settings import Settings
from services.platform.platform import Platform
from tests.services.messaging.draining import TRIAL
from tests.services.messaging.updates import plugins_for_tests
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


@pytest.fixture(autouse=True)
def _no_calls_yet() -> None:
    plugins_for_tests.calls.clear()


@pytest.fixture
def bot(platform: Platform) -> Bot:
    """A bot whose replies stay in its outbox, because nobody sends."""
    return add_bot(platform, {"id": 7001, "username": "trial_bot", "token": "7001:" + "A" * 35}, TRIAL)
