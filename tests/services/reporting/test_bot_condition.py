"""A bot has one word and one cause on every page."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from models import Account, Bot, PoolBot
from services.platform.platform import Platform
from services.reporting.analytics.bots import BotFilter, list_page
from tests.services.fleet.health.world import add_pool, pool_in_tables


@pytest.mark.data
def test_a_list_of_bots_uses_the_words_of_the_pool_where_each_fares_worst(platform: Platform) -> None:
    fleet = pool_in_tables(platform, 5)
    banned, suspect, stopped, rejected, well = fleet.bot_ids
    with platform.database.transaction() as session:
        account = session.get_one(Bot, banned).account_id
        bot = session.get_one(Bot, banned)
        session.execute(update(Bot).values(status="running"))
        pool = add_pool(session, session.get_one(Account, account), [bot], status="online")
        for bot_id, status, cause in (
            (banned, "banned", "unauthorized"),
            (suspect, "suspect", "conversion"),
            (stopped, "degraded", "timeout"),
        ):
            values = {"status": status, "status_cause": cause}
            session.execute(
                update(PoolBot).where(PoolBot.bot_id == bot_id, PoolBot.pool_id != pool.id).values(**values)
            )
        session.execute(update(Bot).where(Bot.id == stopped).values(desired_running=False, status="stopped"))
        failed = {"status": "failed", "status_cause": "unauthorized"}
        session.execute(update(Bot).where(Bot.id == rejected).values(**failed))
    rows = {
        row["id"]: (row["state"], row["cause"]) for row in list_page(platform, fleet.caller, BotFilter()).bots
    }
    assert rows == {
        banned: ("banned", "unauthorized"),
        suspect: ("suspect", "conversion"),
        stopped: ("stopped", ""),
        rejected: ("offline", "unauthorized"),
        well: ("running", ""),
    }
