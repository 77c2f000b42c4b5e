"""Fixtures of timers: the installation of the update road, and a bot whose plugin sets them."""

from __future__ import annotations

import pytest

from models import Bot
from services.platform.platform import Platform
from tests.services.messaging.updates import timing_plugins
from tests.services.messaging.updates.conftest import settings
from tools.servers.fleet import add_bot

__all__ = ["settings"]


@pytest.fixture
def bot(platform: Platform) -> Bot:
    """Its replies stay in its outbox, because nobody sends."""
    name = timing_plugins.TimingPlugin.name
    return add_bot(
        platform, {"id": 7001, "username": "timing_bot", "token": "7001:" + "A" * 35}, ((name, {}),)
    )
