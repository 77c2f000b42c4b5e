"""Rows that are named by several columns are found by the index of these, whatever their number."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import ColumnElement, delete, select, text
from sqlalchemy.orm import Session

from models import HandledUpdate, Lead, PluginState, Timer
from services.core.times import utc_now
from services.messaging.plugin_runtime.plugin_store import PLACE as STORED
from services.messaging.timers.rows import PLACE
from services.platform.database import among
from services.platform.platform import Platform
from tests.services.fleet.pools.fleet import new_account, new_bot


@pytest.mark.data
def test_the_named_rows_are_found_and_no_others(platform: Platform) -> None:
    account = new_account(platform)
    bots = [new_bot(platform, account) for _ in range(2)]
    names = [(bot.id, "flow", 2**40 + chat, key) for bot in bots for chat in (1, 2) for key in ("1", "é'\"")]
    with platform.database.transaction() as session:
        for bot_id, plugin, chat, key in names:
            place = {"bot_id": bot_id, "plugin": plugin, "chat_id": chat, "telegram_id": chat, "key": key}
            session.add(Timer(**place, due_at=utc_now(), ring_at=utc_now(), note={}))
    wanted = [names[0], names[3], names[6]]
    with platform.database.reading() as session:
        found = session.execute(select(*PLACE).where(among(session, PLACE, wanted)))
        assert sorted(tuple(row) for row in found) == sorted(wanted)
        assert session.execute(select(Timer.id).where(among(session, PLACE, []))).all() == []
    with platform.database.transaction() as session:
        session.execute(delete(Timer).where(among(session, PLACE, wanted)))
        assert len(session.scalars(select(Timer.id)).all()) == len(names) - len(wanted)


def test_sqlite_goes_by_every_column_of_the_index(platform: Platform) -> None:
    with platform.database.reading() as session:
        if session.get_bind().dialect.name != "sqlite":
            pytest.skip("PostgreSQL goes by the index for a list as well")
        handling = (HandledUpdate.bot_id, HandledUpdate.update_id, HandledUpdate.part)
        person = (Lead.bot_id, Lead.telegram_id)
        plans = [
            _plan(session, Timer, among(session, PLACE, [(1, "a", 2, "b"), (3, "c", 4, "d")])),
            _plan(session, HandledUpdate, among(session, handling, [(1, 2, ""), (3, 4, "error")])),
            _plan(session, Lead, among(session, person, [(1, 2), (3, 4)])),
            _plan(session, PluginState, among(session, STORED, [(1, "a", "b"), (1, "a", "c")])),
        ]
    assert [plan.count("=?") for plan in plans] == [4, 3, 2, 3], plans


def _plan(session: Session, table: type[Any], condition: ColumnElement[bool]) -> str:
    """How SQLite looks for the rows that are named."""
    query = select(text("1")).select_from(table).where(condition)
    compiled = query.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
    rows = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}")
    return next(str(row[3]) for row in rows if "named_" in str(row[3]))
