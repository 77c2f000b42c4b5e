"""REST API of what plugins keep of a bot. Plugins and keys stand in the query: a key may hold slashes or any other sign."""

from __future__ import annotations

from operator import attrgetter

from flask import Blueprint
from pydantic import BaseModel, Field

from blueprints.api.body import DEFAULT_LIMIT, MAX_LIMIT, listing, page_of
from blueprints.api.operation import operation
from services.core.answer_types import Listing
from services.messaging.plugin_runtime.store_contents import (
    LONGEST_KEY,
    ClearedView,
    StoredKeyView,
    StoredValueView,
    StoreView,
    clear_store,
    delete_key,
    get_value,
    list_keys,
    list_stores,
)
from services.platform.accounts.principal import Scope
from web.access import api, caller
from web.platform import platform

blueprint = Blueprint("stores", __name__, url_prefix="/bots/<bot_id>/store")


class PluginQuery(BaseModel):
    """Whose store."""

    plugin: str = Field("", max_length=50, description="the plugin's name")


class KeysQuery(PluginQuery):
    """Which keys."""

    prefix: str = Field("", max_length=LONGEST_KEY, description="what the keys begin with")
    cursor: str = Field("", max_length=LONGEST_KEY, description="`next` of the page before")
    limit: int = Field(DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)


class KeyQuery(PluginQuery):
    """Which key, letter by letter."""

    key: str = Field("", max_length=LONGEST_KEY)


@blueprint.get("")
@api(Scope.READ)
@operation()
def index(bot_id: str) -> Listing[StoreView]:
    """The plugins that keep something of the bot, with sizes."""
    return listing(list_stores(platform(), caller(), bot_id))


@blueprint.delete("")
@api(Scope.WRITE)
@operation()
def clear(bot_id: str, query: PluginQuery) -> ClearedView:
    """Delete all that a plugin keeps of the bot."""
    return {"deleted": clear_store(platform(), caller(), bot_id, query.plugin)}


@blueprint.get("/keys")
@api(Scope.READ)
@operation()
def keys(bot_id: str, query: KeysQuery) -> Listing[StoredKeyView]:
    """The keys of a plugin's store, in order."""
    more = query.limit + 1
    rows = list_keys(
        platform(), caller(), bot_id, query.plugin, prefix=query.prefix, after=query.cursor, limit=more
    )
    return page_of(rows, query, lambda row: {"key": row.key, "size": row.size}, attrgetter("key"))


@blueprint.get("/value")
@api(Scope.READ)
@operation()
def value(bot_id: str, query: KeyQuery) -> StoredValueView:
    """What is kept under one key."""
    return get_value(platform(), caller(), bot_id, query.plugin, query.key)


@blueprint.delete("/value")
@api(Scope.WRITE)
@operation()
def delete(bot_id: str, query: KeyQuery) -> None:
    """Keep nothing under one key any more."""
    delete_key(platform(), caller(), bot_id, query.plugin, query.key)
