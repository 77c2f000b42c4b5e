"""Fixtures of the update road: an installation that sends to the sandbox, without pacing and limits unless asked for."""

from __future__ import annotations

import pytest

from services.settings import Settings
from tests.servers.sandbox import Sandbox


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
