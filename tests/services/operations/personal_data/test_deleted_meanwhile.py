"""A bot that is deleted while people are erased from it."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, event, func, select

from models import Bot, Lead
from services.core.errors import Unavailable
from services.core.times import utc_now
from services.messaging.plugin_runtime.plugin_database import BotDatabase
from services.operations.personal_data.silent_leads import erase_silent_leads
from services.platform.platform import Platform
from tests.services.fleet.pools.fleet import new_account, new_pool

PERSON = 815_004_711


def silent_person(platform: Platform) -> int:
    """Somebody whose last turn to a bot was long ago, with an entry in its store; the bot's id."""
    owner = new_account(platform)
    new_pool(platform, owner, "red1", 1)
    long_ago = utc_now() - timedelta(days=40)
    with platform.database.transaction() as session:
        bot_id = session.scalars(select(Bot.id)).one()
        session.add(
            Lead(
                account_id=owner.account_id,
                bot_id=bot_id,
                telegram_id=PERSON,
                first_name="Ana",
                last_interaction=long_ago,
            )
        )
    BotDatabase(platform.database, bot_id, "form").set(f"answers:{PERSON}:1", {"answer": "yes"})
    return bot_id


@pytest.mark.data
def test_the_deletion_waits_for_the_erasing(platform: Platform) -> None:
    """It takes the bot's rows in another order: on PostgreSQL one of the two would be ended as a deadlock."""
    database, bot_id, ended = platform.database, silent_person(platform), []

    def delete_the_bot() -> None:
        try:
            with database.transaction() as session:
                session.execute(delete(Bot).where(Bot.id == bot_id))
            ended.append("deleted")
        except Unavailable as error:
            ended.append(repr(error.__cause__))

    other = threading.Thread(target=delete_the_bot)

    def in_the_middle(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("DELETE FROM leads") and other.ident is None:
            other.start()
            other.join(0.5)  # it comes as far as it can

    event.listen(database.engine, "before_cursor_execute", in_the_middle)
    try:
        assert erase_silent_leads(platform, utc_now() - timedelta(days=30), float("inf")) == 1
    finally:
        event.remove(database.engine, "before_cursor_execute", in_the_middle)
        other.join(20)
    assert ended == ["deleted"]
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Lead)) == 0
