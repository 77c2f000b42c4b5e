"""Goals and tags that handlers say of people take effect with their update, once."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from models import Bot, Goal, Lead
from services.platform.platform import Platform
from tests.services.messaging.draining import handle_all
from tests.services.messaging.updates.test_plugin_writes import KEEPING, handling_of, texts, waiting
from tools.servers.fleet import accept_all, add_bot, message


@pytest.fixture
def bot(platform: Platform) -> Bot:
    return add_bot(platform, {"id": 7001, "username": "shop_bot", "token": "7001:" + "A" * 35}, KEEPING)


@pytest.mark.data
def test_a_goal_is_noted_once_with_its_update_and_a_tag_is_taken_off(platform: Platform, bot: Bot) -> None:
    def reached() -> list[tuple[int | None, str, int | None, str, str]]:
        with platform.database.reading() as session:
            rows = session.scalars(select(Goal).order_by(Goal.id))
            return [
                (row.telegram_id, row.goal, row.amount_micros, row.currency, row.event_id) for row in rows
            ]

    first = handling_of(platform).handle(waiting(bot, 1, "/pay"))
    assert handling_of(platform).handle(waiting(bot, 1, "/pay")) == first  # read again after a crash
    with pytest.raises(ValueError, match="on order"):
        handling_of(platform).handle(waiting(bot, 2, "/renege"))
    assert reached() == [(5, "purchase", 9_900_000, "BRL", f"{bot.id}:1:purchase")]
    assert texts(handling_of(platform).handle(waiting(bot, 3, "/refund"))) == ["tags ()"]
    with platform.database.reading() as session:
        lead = session.scalars(select(Lead)).one()
        assert lead.tags == []
        assert {row.lead_id for row in session.scalars(select(Goal))} == {lead.id}
    assert reached()[1:] == [(5, "refund", -9_900_000, "BRL", f"{bot.id}:3:refund")]
    accept_all(platform, bot, [message(n, n, "/pay") for n in range(11, 31)])
    handle_all(platform)
    assert len(reached()) == 22
