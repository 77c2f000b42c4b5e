"""The owners of polled bots are those of the bots' own tests."""

from __future__ import annotations

import pytest

from models import Bot
from services.fleet.bots.reconcile import reconcile_bot
from services.fleet.bots.registry import register_bot
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tests.services.fleet.bots.conftest import owner, stranger
from tools.servers.sandbox import Sandbox

__all__ = ["owner", "stranger"]


@pytest.fixture
def bot(platform: Platform, owner: Principal, sandbox: Sandbox) -> Bot:
    """A polling bot that is ready to be polled."""
    bot = register_bot(platform, owner, sandbox.create_bot()["token"])
    reconcile_bot(platform, bot.id)
    return bot


@pytest.fixture
def user(sandbox: Sandbox) -> int:
    return int(sandbox.create_user()["id"])
