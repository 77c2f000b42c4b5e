"""Rows of plugins' stores: read as texts, written under a lock of the whole store, within its size."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from models import PluginState, PluginStore
from plugins.database import MAX_STORE, StoreError, as_text
from services.platform.database import among, insert_of

Place = tuple[str, str]  # plugin, key
Texts = Mapping[Place, str | None]  # values as canonical JSON; None where nothing is kept
PLACE: Final = (PluginState.bot_id, PluginState.plugin, PluginState.key)
Stores = dict[tuple[int, str], PluginStore]  # by bot and plugin


def lock_stores(session: Session, wanted: Iterable[tuple[int, str]]) -> Stores:
    """The stores of these (bot, plugin), held until the transaction ends; always in one order, so that nobody waits in a circle."""
    pairs = sorted(set(wanted))
    if not pairs:
        return {}
    found = _locked(session, pairs)
    missing = [pair for pair in pairs if pair not in found]
    if missing:
        values = [{"bot_id": bot_id, "plugin": plugin, "size": 0} for bot_id, plugin in missing]
        session.execute(insert_of(session, PluginStore).on_conflict_do_nothing(), values)
        found |= _locked(session, missing)
    return found


def texts_at(session: Session, bot_id: int, places: Collection[Place]) -> dict[Place, str]:
    """What is kept at `places` of a bot; those where nothing is are left out."""
    if not places:
        return {}
    query = select(PluginState.plugin, PluginState.key, PluginState.value).where(
        _at(session, bot_id, sorted(places))
    )
    return {(plugin, key): as_text(value) for plugin, key, value in session.execute(query)}


def write_texts(
    session: Session, bot_id: int, wanted: Texts, present: Mapping[Place, str], stores: Stores
) -> None:
    """Write `wanted`, where `present` stands now, into locked stores. StoreError when one would become too large."""
    for plugin in {plugin for plugin, _ in wanted}:
        store = stores[bot_id, plugin]
        mine = [place for place in wanted if place[0] == plugin]
        store.size += sum(_size(place, wanted[place]) - _size(place, present.get(place)) for place in mine)
        if store.size > MAX_STORE:
            raise StoreError(f"The store of plugin {plugin} is full: {MAX_STORE // 2**20} MB")
    kept = [
        {"bot_id": bot_id, "plugin": plugin, "key": key, "value": json.loads(text)}
        for (plugin, key), text in wanted.items()
        if text is not None
    ]
    if kept:
        statement = insert_of(session, PluginState)
        fresh = {"value": statement.excluded.value}
        session.execute(
            statement.on_conflict_do_update(index_elements=["bot_id", "plugin", "key"], set_=fresh), kept
        )
    gone = [place for place, text in wanted.items() if text is None and place in present]
    if gone:
        session.execute(delete(PluginState).where(_at(session, bot_id, gone)))


def _locked(session: Session, pairs: Collection[tuple[int, str]]) -> Stores:
    query = select(PluginStore).where(among(session, (PluginStore.bot_id, PluginStore.plugin), pairs))
    rows = session.scalars(query.order_by(PluginStore.bot_id, PluginStore.plugin).with_for_update())
    return {(row.bot_id, row.plugin): row for row in rows}


def _at(session: Session, bot_id: int, places: Iterable[Place]) -> ColumnElement[bool]:
    return among(session, PLACE, [(bot_id, *place) for place in places])


def _size(place: Place, text: str | None) -> int:
    return 0 if text is None else len(place[1].encode()) + len(text.encode())
