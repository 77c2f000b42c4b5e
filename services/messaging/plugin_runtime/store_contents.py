"""What plugins keep of one bot, for its owner: sizes, keys, single values; and taking them away.

Taking away holds the same lock as the handlers' commits, and keeps the same account of the size: a handler that has read
what is gone by its commit is run again. Keys and values may be about people: the audit trail names the plugin alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import CursorResult, String, cast, delete, func, select
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from models import Bot, PluginState, PluginStore
from plugins.database import MAX_KEY, MAX_STORE
from services.core.errors import NotFound
from services.fleet.bots.registry import get_bot
from services.messaging.plugin_runtime.plugin_database import LAST_SIGN
from services.messaging.plugin_runtime.plugin_store import lock_stores, texts_at, write_texts
from services.platform.accounts.principal import Principal, audit, get_owned
from services.platform.platform import Platform

LONGEST_KEY: Final = MAX_KEY


class StoreView(TypedDict):
    """What a plugin keeps: `size` of keys and values in bytes, `limit` the most. `in_use`: it is among the bot's plugins."""

    plugin: str
    keys: int
    size: int
    limit: int
    in_use: bool


class StoredKeyView(TypedDict):
    """A key of a store, and about how many characters its value has as JSON."""

    key: str
    size: int


class StoredValueView(TypedDict):
    """A value; `pretty` is the same as indented JSON, in which numbers stand with all their digits."""

    key: str
    value: Any
    pretty: str


class ClearedView(TypedDict):
    """How many keys were deleted."""

    deleted: int


@dataclass(frozen=True)
class KeyRow:
    """A row of a listing."""

    key: str
    size: int


def list_stores(platform: Platform, caller: Principal, bot_id: int | str) -> list[StoreView]:
    """The plugins that keep something of the caller's bot, by name, those that it has no more among them."""
    bot = get_bot(platform, caller, bot_id)
    chosen = {choice.name for choice in bot.plugins}
    counted = (
        select(PluginState.plugin, func.count().label("number"))
        .where(PluginState.bot_id == bot.id)
        .group_by(PluginState.plugin)
        .subquery()
    )
    query = (
        select(PluginStore.plugin, counted.c.number, PluginStore.size)
        .join(counted, counted.c.plugin == PluginStore.plugin)
        .where(PluginStore.bot_id == bot.id)
        .order_by(PluginStore.plugin)
    )
    with platform.database.reading() as session:
        return [
            {"plugin": name, "keys": keys, "size": size, "limit": MAX_STORE, "in_use": name in chosen}
            for name, keys, size in session.execute(query)
        ]


def list_keys(
    platform: Platform,
    caller: Principal,
    bot_id: int | str,
    plugin: str,
    *,
    prefix: str = "",
    after: str = "",
    limit: int = 50,
) -> Sequence[KeyRow]:
    """At most `limit` keys that begin with `prefix` and come after `after`, in the order of their letters' numbers."""
    bot = get_bot(platform, caller, bot_id)
    query = (
        select(PluginState.key, func.length(cast(PluginState.value, String)))
        .where(
            PluginState.bot_id == bot.id,
            PluginState.plugin == plugin,
            PluginState.key >= prefix,
            PluginState.key < prefix + LAST_SIGN,
            PluginState.key > after,
        )
        .order_by(PluginState.key)
        .limit(limit)
    )
    with platform.database.reading() as session:
        return [KeyRow(key, size) for key, size in session.execute(query)]


def get_value(
    platform: Platform, caller: Principal, bot_id: int | str, plugin: str, key: str
) -> StoredValueView:
    """What is kept under a key. Raises NotFound `key_not_found`."""
    bot = get_bot(platform, caller, bot_id)
    with platform.database.reading() as session:
        text = texts_at(session, bot.id, [(plugin, key)]).get((plugin, key))
    if text is None:
        raise _no_key()
    value = json.loads(text)
    return {"key": key, "value": value, "pretty": json.dumps(value, ensure_ascii=False, indent=2)}


def delete_key(platform: Platform, caller: Principal, bot_id: int | str, plugin: str, key: str) -> None:
    """Keep nothing under a key any more. Raises NotFound `key_not_found`."""
    place = (plugin, key)
    with platform.database.transaction() as session:
        bot = get_owned(session, caller, Bot, bot_id)
        if not _has_store(session, bot, plugin):
            raise _no_key()
        stores = lock_stores(session, [(bot.id, plugin)])
        present = texts_at(session, bot.id, [place])
        if not present:
            raise _no_key()
        write_texts(session, bot.id, {place: None}, present, stores)
        audit(
            session,
            caller,
            "plugin_key_deleted",
            account_id=bot.account_id,
            bot_id=bot.id,
            plugin=plugin,
        )


def clear_store(platform: Platform, caller: Principal, bot_id: int | str, plugin: str) -> int:
    """Delete all that a plugin keeps of the bot; how many keys. Raises NotFound `store_not_found`."""
    with platform.database.transaction() as session:
        bot = get_owned(session, caller, Bot, bot_id)
        if not _has_store(session, bot, plugin):
            raise NotFound("The plugin keeps nothing of this bot", code="store_not_found")
        store = lock_stores(session, [(bot.id, plugin)])[bot.id, plugin]
        every = delete(PluginState).where(PluginState.bot_id == bot.id, PluginState.plugin == plugin)
        deleted: CursorResult[Any] = session.execute(every)  # type: ignore[assignment]
        store.size = 0
        owner, keys = bot.account_id, deleted.rowcount
        audit(
            session, caller, "plugin_store_cleared", account_id=owner, bot_id=bot.id, plugin=plugin, keys=keys
        )
        return keys


def _has_store(session: Session, bot: Bot, plugin: str) -> bool:
    """Whether there is a row to lock. The row itself is not read: what is read before the lock may be old by then."""
    wanted = (PluginStore.bot_id == bot.id, PluginStore.plugin == plugin)
    return session.scalar(select(PluginStore.plugin).where(*wanted)) is not None


def _no_key() -> NotFound:
    return NotFound("The plugin keeps nothing under this key", code="key_not_found")
