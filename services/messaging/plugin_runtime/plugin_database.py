"""The data of one plugin of one bot, on the installation's database; see `plugins.database`.

While an update is handled, reads are remembered and writes are collected in its `Work`; whoever handles the update
commits them. Nothing else of the database can be reached from here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from models import Bot, Lead, PluginState
from plugins.database import LeadRecord, as_text, checked_key, checked_limit, checked_tag
from services.messaging.plugin_runtime.flow_database import FlowDatabase
from services.messaging.plugin_runtime.lead_tags import Tagged, change_tags
from services.messaging.plugin_runtime.plugin_store import Place, lock_stores, texts_at, write_texts
from services.messaging.plugin_runtime.work import Work, present
from services.platform.database import Database
from services.traffic.clicks.leads import present_state

LAST_SIGN = "\U0010ffff"


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
        work = present()
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
        work = present()
        own = (
            {tag: is_on for (person, tag), is_on in work.tags.items() if person == telegram_id}
            if work
            else {}
        )
        return None if found is None else _record(found[0], found[1], own)

    def tag_lead(self, telegram_id: int, tag: str) -> None:
        """See PluginDatabase."""
        self._tag((telegram_id, checked_tag(tag)), is_on=True)

    def untag_lead(self, telegram_id: int, tag: str) -> None:
        """See PluginDatabase."""
        self._tag((telegram_id, checked_tag(tag)), is_on=False)

    def _tag(self, tagged: Tagged, *, is_on: bool) -> None:
        work = present()
        if work is not None:
            work.tags[tagged] = is_on
            return
        with self._database.transaction() as session:
            change_tags(session, [(self._bot_id, *tagged, is_on)])

    def _text(self, place: Place) -> str | None:
        work = present()
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
        work = present()
        if work is not None:
            work.written[place] = text
            return
        with self._database.transaction() as session:
            stores = lock_stores(session, [(self._bot_id, self._plugin)])
            kept = texts_at(session, self._bot_id, [place])
            write_texts(session, self._bot_id, {place: text}, kept, stores)

    def _changes(self, work: Work, prefix: str, after: str) -> dict[str, str | None]:
        """What the present handling has changed of a list."""
        return {
            key: text
            for (plugin, key), text in work.written.items()
            if plugin == self._plugin and key.startswith(prefix) and key > after
        }


def _record(row: Lead, identity: int, own_tags: Mapping[str, bool]) -> LeadRecord:
    put_on = sorted(tag for tag, is_on in own_tags.items() if is_on)
    return LeadRecord(
        telegram_id=row.telegram_id,
        first_name=row.first_name,
        last_name=row.last_name,
        username=row.username,
        language=row.language,
        state=present_state(row, identity),
        tags=tuple(tag for tag in dict.fromkeys((*row.tags, *put_on)) if own_tags.get(tag, True)),
        first_interaction=row.first_interaction,
        last_interaction=row.last_interaction,
    )
