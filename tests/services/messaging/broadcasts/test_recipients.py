"""Who gets a broadcast, and how the ledger is written."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import update

from models import AccessList, Bot, BotAccess, Broadcast, Lead
from services.messaging.broadcasts.lifecycle import start
from services.messaging.broadcasts.preparing import prepare_slice
from services.messaging.broadcasts.recipients import count_by_bot
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tests.services.messaging.broadcasts.conftest import Meet, days_ago, rows, status_of

pytestmark = pytest.mark.data
Make = Callable[..., Broadcast]


def _prepared(platform: Platform, caller: Principal, broadcast: Broadcast, size: int = 3) -> dict[int, int]:
    start(platform, caller, broadcast.id)
    while prepare_slice(platform, broadcast.id, size=size):
        pass
    return {person: row.bot_id for person, row in rows(platform, broadcast).items()}


def test_each_person_has_one_row_by_the_bot_they_met_last_and_can_be_reached_by(
    platform: Platform, bots: list[Bot], meet: Meet, make: Make, caller: Principal
) -> None:
    both, first_only, left_the_second = meet(3)
    meet(0, 1, ids=[both], **days_ago(-1))
    meet(0, 1, ids=[left_the_second], state="blocked", **days_ago(-1))
    made = make()
    with platform.database.reading() as session:
        counted = count_by_bot(session, made)
    assert _prepared(platform, caller, made, size=2) == {
        both: bots[1].id,
        first_only: bots[0].id,
        left_the_second: bots[0].id,
    }
    assert counted == {bots[0].id: 2, bots[1].id: 1}
    assert status_of(platform, made) == "running"


def test_whoever_is_not_to_be_written_to_has_no_row(
    platform: Platform, bots: list[Bot], meet: Meet, make: Make, caller: Principal
) -> None:
    fine, opted_out, kept_out, former = meet(4)
    meet(1, state="deactivated")
    meet(0, 1, ids=[opted_out], tags=["opted_out"])
    with platform.database.transaction() as session:
        session.add(BotAccess(bot_id=bots[0].id, list=AccessList.BLOCKED, telegram_id=kept_out))
        session.execute(update(Lead).where(Lead.telegram_id == former).values(identity=7))
    assert _prepared(platform, caller, make()) == {fine: bots[0].id}


def test_an_audience_without_anybody_is_done_at_once(
    platform: Platform, meet: Meet, make: Make, caller: Principal
) -> None:
    meet(2, tags=["free"])
    made = make(audience={"tags_any": ["paid"]})
    assert _prepared(platform, caller, made) == {}
    assert status_of(platform, made) == "done"


def test_a_slice_that_is_written_again_adds_nobody(
    platform: Platform, meet: Meet, make: Make, caller: Principal
) -> None:
    people = meet(5)
    made = make()
    start(platform, caller, made.id)
    prepare_slice(platform, made.id, size=3)
    with platform.database.transaction() as session:
        session.execute(update(Broadcast).values(prepared_to=0, recipients=0))
    while prepare_slice(platform, made.id, size=2):
        pass
    assert sorted(rows(platform, made)) == sorted(people)


def test_two_texts_are_spread_by_their_percentages_and_the_same_way_each_time(
    platform: Platform, meet: Meet, make: Make, caller: Principal
) -> None:
    ids = list(range(5_000_000_000, 5_000_000_400))
    with platform.database.transaction() as session:
        bot = session.query(Bot).first()
        assert bot is not None
        session.add_all(Lead(account_id=bot.account_id, bot_id=bot.id, telegram_id=each) for each in ids)
    texts = [
        {"name": name, "percent": part, "message": {"text": name}} for name, part in (("A", 30), ("B", 70))
    ]
    made = make(variants=texts)
    _prepared(platform, caller, made, size=500)
    first = sum(row.variant == 0 for row in rows(platform, made).values())
    assert 90 <= first <= 150
