"""Judging locks the bots that it writes, and nobody who only writes rows that point to one waits for it."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from models import Bot, Lead
from services.fleet.health.evaluation import _update_present
from services.platform.platform import Platform
from tests.services.fleet.pools.fleet import new_account, new_bot


@pytest.mark.data
def test_a_person_is_written_while_their_bot_is_judged(platform: Platform) -> None:
    if platform.database.is_sqlite:
        pytest.skip("SQLite lets one write at a time, and locks no rows")
    bot = new_bot(platform, new_account(platform))
    with platform.database.transaction() as judging, platform.database.transaction() as starting:
        starting.add(Lead(account_id=bot.account_id, bot_id=bot.id, telegram_id=1))
        starting.flush()
        judging.execute(text("SET LOCAL lock_timeout = '2s'"))
        _update_present(judging, Bot.id, [{"id": bot.id, "name": "judged"}])
        starting.add(Lead(account_id=bot.account_id, bot_id=bot.id, telegram_id=2))
        starting.flush()
