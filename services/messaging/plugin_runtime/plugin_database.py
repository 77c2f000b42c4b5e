"""The data of one plugin of one bot, on the installation's database; see `plugins.database`.

While an update is handled, reads are remembered and writes are collected in its `Work`; whoever handles the update
commits them. Nothing else of the database can be reached from here.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import Bot, HandledUpdate, Lead, PluginState
from plugins.database import LeadRecord, PluginDatabase, as_text, checked_key, checked_limit, checked_tag
from plugins.flows.document import FlowDocument
from plugins.flows.run import FlowInForce, Run
from services.messaging.plugin_runtime.flow_runs import Visit, in_force, is_of_account, read_run, shelf_of
from services.messaging.plugin_runtime.lead_tags import Tagged, tag_leads
from services.messaging.plugin_runtime.plugin_store import Place, lock_stores, texts_at, write_texts
from services.messaging.timers.rows import TimerChange
from services.platform.database import Database
from services.traffic.clicks.leads import present_state

LAST_SIGN = "\U0010ffff"


class AlreadyHandled(BaseException):
    """Ends a handler whose update took effect before a crash. No Exception: a plugin's `except` lets it pass."""


@dataclass
class Work:
    """What one handling of an update has read from its bot's stores, and what it wants written there.

    `timer` is the number of the timer that the update is of, 0 for other updates: it goes with the handling. `part` is "" or "error" (what error handlers do). `outcome` is set, sealed, when the update was handled before.
    """

    bot_id: int
    update_id: int
    part: str = ""
    timer: int = 0
    read: dict[Place, str | None] = field(default_factory=dict)
    written: dict[Place, str | None] = field(default_factory=dict)
    tagged: set[Tagged] = field(default_factory=set)
    untagged: set[Tagged] = field(default_factory=set)
    timers: list[TimerChange] = field(default_factory=list)
    runs_read: dict[int, int] = field(default_factory=dict)  # person -> revision, 0 for nobody's
    runs_written: dict[int, tuple[Run, tuple[Visit, ...]]] = field(default_factory=dict)
    flows_read: dict[int, int] = field(default_factory=dict)  # flow -> version in force
    outcome: str | None = None
    is_looked_up: bool = False
    is_over: bool = False  # whoever a handler has left behind writes at once

    @property
    def writes(self) -> bool:
        """Whether it wants anything written."""
        wanted = (self.written, self.tagged, self.untagged, self.timers, self.timer, self.runs_written)
        return any(map(bool, wanted))

    def look_up(self, session: Session) -> None:
        """Raise AlreadyHandled when the update's handling is in the database."""
        if not self.is_looked_up:
            self.outcome, self.is_looked_up = outcome_of(session, self), True
        if self.outcome is not None:
            raise AlreadyHandled


_bound: ContextVar[Work | None] = ContextVar("plugin_work", default=None)


@contextmanager
def at(work: Work) -> Iterator[None]:
    """Have what plugins do with their stores in the block belong to `work`."""
    token = _bound.set(work)
    try:
        yield
    finally:
        _bound.reset(token)
        work.is_over = True


def _present() -> Work | None:
    work = _bound.get()
    return None if work is None or work.is_over else work


def outcome_of(session: Session, work: Work) -> str | None:
    """What came of the update when it was handled before, sealed; None when it was not, or wrote nothing."""
    key = (work.bot_id, work.update_id, work.part)
    found = session.get(HandledUpdate, key)
    return None if found is None else found.sealed_outcome


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
        work = _present()
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
        work = _present()
        if work is None:
            raise RuntimeError("where a person stands is saved with the update that moved them")
        former = work.runs_written.get(telegram_id)
        visits = ((run.flow_id, step) for step in visited)
        work.runs_written[telegram_id] = (run, (*(former[1] if former else ()), *visits))

    def _in_force(self, **named: Any) -> FlowInForce | None:
        work = _present()
        with self._database.reading() as session:
            if work is not None:
                work.look_up(session)
            found = in_force(session, shelf_of(self._database), self._bot_id, **named)
        if work is not None and found is not None:
            work.flows_read[found.flow_id] = found.number
        return found


class BotDatabase(FlowDatabase):
    """What `plugin` of the bot may keep and look up."""

    def __init__(self, database: Database, bot_id: int, plugin: str) -> None:
        self._database = database
        self._bot_id = bot_id
        self._plugin = plugin

    def get(self, key: str, default: Any = None) -> Any:
        """See PluginDatabase. Raises Unavailable when the database is away."""
        text = self._text((self._plugin, checked_key(key)))
        return default if text is None else json.loads(text)

    def set(self, key: str, value: Any) -> None:
        """See PluginDatabase."""
        self._write(checked_key(key), as_text(value))

    def delete(self, key: str) -> None:
        """See PluginDatabase."""
        self._write(checked_key(key), None)

    def list(self, prefix: str = "", *, after: str = "", limit: int = 100) -> dict[str, Any]:
        """See PluginDatabase. Raises Unavailable when the database is away."""
        work = _present()
        wanted = {} if work is None else self._changes(work, prefix, after)
        query = (
            select(PluginState.key, PluginState.value)
            .where(
                PluginState.bot_id == self._bot_id,
                PluginState.plugin == self._plugin,
                PluginState.key >= prefix,
                PluginState.key < prefix + LAST_SIGN,
                PluginState.key > after,
            )
            .order_by(PluginState.key)
            .limit(checked_limit(limit) + len(wanted))
        )
        with self._database.reading() as session:
            if work is not None:
                work.look_up(session)
            found = {key: as_text(value) for key, value in session.execute(query)}
        if work is not None:
            for key, text in found.items():
                work.read.setdefault((self._plugin, key), text)
        shown = {**found, **wanted}
        kept = [(key, text) for key, text in sorted(shown.items()) if text is not None]
        return {key: json.loads(text) for key, text in kept[:limit]}

    def leads_count(self, *, since: datetime | None = None) -> int:
        """See PluginDatabase. Raises Unavailable when the database is away."""
        query = select(func.count()).select_from(Lead).where(Lead.bot_id == self._bot_id)
        if since is not None:
            query = query.where(Lead.first_interaction >= since)
        with self._database.reading() as session:
            return session.scalars(query).one()

    def lead(self, telegram_id: int) -> LeadRecord | None:
        """See PluginDatabase. Raises Unavailable when the database is away."""
        query = select(Lead, Bot.identity).join(Bot, Bot.id == Lead.bot_id)
        query = query.where(Lead.bot_id == self._bot_id, Lead.telegram_id == telegram_id)
        with self._database.reading() as session:
            found = session.execute(query).one_or_none()
        work = _present()
        own = sorted(tag for person, tag in work.tagged if person == telegram_id) if work is not None else []
        gone = {tag for person, tag in work.untagged if person == telegram_id} if work is not None else set()
        return None if found is None else _record(found[0], found[1], own, gone)

    def tag_lead(self, telegram_id: int, tag: str) -> None:
        """See PluginDatabase."""
        wanted = (telegram_id, checked_tag(tag))
        work = _present()
        if work is not None:
            work.tagged.add(wanted)
            work.untagged.discard(wanted)
            return
        with self._database.transaction() as session:
            tag_leads(session, [(self._bot_id, *wanted)])

    def untag_lead(self, telegram_id: int, tag: str) -> None:
        """See PluginDatabase."""
        wanted = (telegram_id, checked_tag(tag))
        work = _present()
        if work is not None:
            work.untagged.add(wanted)
            work.tagged.discard(wanted)
            return
        with self._database.transaction() as session:
            tag_leads(session, [], [(self._bot_id, *wanted)])

    def _text(self, place: Place) -> str | None:
        work = _present()
        if work is not None and place in work.written:
            return work.written[place]
        if work is not None and place in work.read:
            return work.read[place]
        with self._database.reading() as session:
            if work is not None:
                work.look_up(session)
            text = texts_at(session, self._bot_id, [place]).get(place)
        if work is not None:
            work.read[place] = text
        return text

    def _write(self, key: str, text: str | None) -> None:
        place = (self._plugin, key)
        work = _present()
        if work is not None:
            work.written[place] = text
            return
        with self._database.transaction() as session:
            stores = lock_stores(session, [(self._bot_id, self._plugin)])
            present = texts_at(session, self._bot_id, [place])
            write_texts(session, self._bot_id, {place: text}, present, stores)

    def _changes(self, work: Work, prefix: str, after: str) -> dict[str, str | None]:
        """What the present handling has changed of a list."""
        return {
            key: text
            for (plugin, key), text in work.written.items()
            if plugin == self._plugin and key.startswith(prefix) and key > after
        }


def _record(row: Lead, identity: int, own_tags: Iterable[str], gone: Container[str]) -> LeadRecord:
    return LeadRecord(
        telegram_id=row.telegram_id,
        first_name=row.first_name,
        last_name=row.last_name,
        username=row.username,
        language=row.language,
        state=present_state(row, identity),
        tags=tuple(tag for tag in dict.fromkeys((*row.tags, *own_tags)) if tag not in gone),
        first_interaction=row.first_interaction,
        last_interaction=row.last_interaction,
    )
