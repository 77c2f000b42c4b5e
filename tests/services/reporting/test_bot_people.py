"""The people of a bot: the latest first, found by name and number, one owner's alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models import Lead
from services.core.errors import NotFound
from services.core.times import utc_now
from services.platform.platform import Platform
from services.reporting.bot_people import PAGE, people_page
from tests.services.fleet.pools.fleet import new_account, new_bot


@pytest.mark.data
def test_the_latest_come_first_a_page_at_a_time_and_words_find_them(platform: Platform) -> None:
    owner, stranger = new_account(platform), new_account(platform)
    bot, other = new_bot(platform, owner), new_bot(platform, stranger)
    now = utc_now()
    with platform.database.transaction() as session:
        for number in range(1, PAGE + 3):
            session.add(
                Lead(
                    account_id=owner.account_id,
                    bot_id=bot.id,
                    telegram_id=1000 + number,
                    first_name="Ana" if number == 1 else "Rui",
                    last_name="100%" if number == 2 else "",
                    username=f"user_{number}",
                    last_interaction=now - timedelta(minutes=number),
                )
            )
        session.add(Lead(account_id=stranger.account_id, bot_id=other.id, telegram_id=1001, first_name="Ana"))

    def ids(words: str = "", page: int = 1) -> list[int]:
        return [each["telegram_id"] for each in people_page(platform, owner, bot.id, words, page)["people"]]

    assert ids() == list(range(1001, 1001 + PAGE))
    assert people_page(platform, owner, bot.id)["more"]
    assert ids(page=2) == [1001 + PAGE, 1002 + PAGE]
    assert not people_page(platform, owner, bot.id, page=2)["more"]
    assert ids("ana") == [1001]
    assert ids("@USER_3") == [1003]
    assert ids("rui 1004") == [1004]
    assert ids("0%") == [1002]
    assert ids("9" * 30) == []
    with pytest.raises(NotFound):
        people_page(platform, stranger, bot.id)
