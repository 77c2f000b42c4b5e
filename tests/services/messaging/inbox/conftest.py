"""An account and its bot that keeps messages, for the tests of the inbox."""

from __future__ import annotations

import pytest

from models import Bot, Lead
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tests.services.fleet.pools.fleet import new_account, new_bot


@pytest.fixture
def owner(platform: Platform) -> Principal:
    return new_account(platform)


@pytest.fixture
def bot(platform: Platform, owner: Principal) -> Bot:
    """A bot that keeps messages and knows Ana."""
    bot = new_bot(platform, owner, keeps_messages=True)
    with platform.database.transaction() as session:
        session.add(Lead(account_id=owner.account_id, bot_id=bot.id, telegram_id=5, first_name="Ana"))
    return bot
