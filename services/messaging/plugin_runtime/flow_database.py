"""The part of a plugin's data that is about flows: documents, where people stand, and who speaks with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from models import Conversation
from plugins.database import PluginDatabase
from plugins.flows.document import FlowDocument
from plugins.flows.run import FlowInForce, Run
from services.core.times import utc_now
from services.messaging.plugin_runtime.flow_runs import in_force, is_of_account, read_run
from services.messaging.plugin_runtime.flow_shelf import shelf_of
from services.messaging.plugin_runtime.work import present
from services.platform.database import Database


class FlowDatabase(PluginDatabase):
    """The part of a plugin's data that is about flows. Everything raises Unavailable when the database is away."""

    _database: Database
    _bot_id: int

    def flow(self, key: str) -> FlowInForce | None:
        """See PluginDatabase."""
        return self._in_force(key=key)

    def flow_by_id(self, flow_id: int) -> FlowInForce | None:
        """See PluginDatabase."""
        return self._in_force(flow_id=flow_id)

    def flow_version(self, flow_id: int, number: int) -> FlowDocument | None:
        """See PluginDatabase."""
        with self._database.reading() as session:
            if not is_of_account(session, self._bot_id, flow_id):
                return None
            return shelf_of(self._database).document(session, flow_id, number)

    def flow_run(self, telegram_id: int) -> Run | None:
        """See PluginDatabase."""
        work = present()
        if work is not None and telegram_id in work.runs_written:
            return work.runs_written[telegram_id][0]
        with self._database.reading() as session:
            if work is not None:
                work.look_up(session)
            run = read_run(session, self._bot_id, telegram_id)
        if work is not None:
            work.runs_read.setdefault(telegram_id, run.revision if run else 0)
        return run

    def save_flow_run(self, telegram_id: int, run: Run, visited: Sequence[str] = ()) -> None:
        """See PluginDatabase. RuntimeError outside of a handler."""
        work = present()
        if work is None:
            raise RuntimeError("where a person stands is saved with the update that moved them")
        former = work.runs_written.get(telegram_id)
        visits = ((run.flow_id, step) for step in visited)
        work.runs_written[telegram_id] = (run, (*(former[1] if former else ()), *visits))

    def hand_over(self, telegram_id: int) -> None:
        """See PluginDatabase. RuntimeError outside of a handler."""
        work = present()
        if work is None:
            raise RuntimeError("somebody is handed over with the update that led there")
        work.handed_over.add(telegram_id)

    def is_taken_over(self, telegram_id: int) -> bool:
        """See PluginDatabase."""
        query = select(Conversation.id).where(
            Conversation.bot_id == self._bot_id,
            Conversation.telegram_id == telegram_id,
            Conversation.taken_over_until > utc_now(),
        )
        with self._database.reading() as session:
            return session.scalar(query) is not None

    def _in_force(self, **named: Any) -> FlowInForce | None:
        work = present()
        with self._database.reading() as session:
            if work is not None:
                work.look_up(session)
            found = in_force(session, shelf_of(self._database), self._bot_id, **named)
        if work is not None and found is not None:
            work.flows_read[found.flow_id] = found.number
        return found
