"""What plugins keep of a bot, over the API: sizes, keys of any letters, values, and taking them away beside handlers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import AuditEvent, Bot, PluginStore
from plugins.database import MAX_STORE
from services.messaging.plugin_runtime import store_contents
from services.messaging.plugin_runtime.plugin_database import BotDatabase
from services.messaging.plugin_runtime.plugin_store import Stores, lock_stores
from services.messaging.plugin_runtime.store_contents import clear_store, delete_key
from services.messaging.updates.plugin_writes import PluginWrites
from services.platform.accounts.api_keys import create_key
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tests.blueprints.people import make_account, make_key
from tools.servers.fleet import add_bot

KEYS = ["a/b", "a/../c", "50%", "a b+c?&#=", "ação 😀", " ", "%2F", "a" * 200]


@pytest.fixture
def bot(platform: Platform) -> Bot:
    return add_bot(platform, {"id": 7001, "username": "shop_bot", "token": "7001:" + "A" * 35}, ())


@pytest.fixture
def key(platform: Platform, bot: Bot) -> dict[str, str]:
    """Of the bot's owner."""
    return {"Authorization": f"Bearer {create_key(platform, Principal(bot.account_id, 'command'))[1]}"}


def size_of(platform: Platform, bot: Bot, plugin: str) -> int:
    with platform.database.reading() as session:
        return session.get_one(PluginStore, (bot.id, plugin)).size


@pytest.mark.data
def test_keys_of_any_letters_are_found_looked_at_and_deleted_one_by_one(
    client: FlaskClient, platform: Platform, bot: Bot, key: dict[str, str]
) -> None:
    path, shop = f"/api/v1/bots/{bot.id}/store", BotDatabase(platform.database, bot.id, "shop")
    for number, name in enumerate(KEYS):
        shop.set(name, {"n": number})
    BotDatabase(platform.database, bot.id, "other/one").set("mine", 2**60)

    def get(place: str, **query: Any) -> Any:
        return client.get(f"{path}{place}", query_string=query, headers=key).get_json()

    stores = {each["plugin"]: each for each in get("")["items"]}
    assert {name: (each["keys"], each["in_use"]) for name, each in stores.items()} == {
        "shop": (len(KEYS), False),
        "other/one": (1, False),
    }
    assert stores["shop"]["size"] == sum(len(name.encode()) + len('{"n":0}') for name in KEYS)
    assert stores["shop"]["limit"] == MAX_STORE
    assert get("/value", plugin="other/one", key="mine")["pretty"] == str(2**60)
    found, cursor = [], ""
    while cursor is not None:
        page = get("/keys", plugin="shop", cursor=cursor, limit=3)
        found += [each["key"] for each in page["items"]]
        cursor = page["next"]
    assert found == sorted(KEYS)
    assert [each["key"] for each in get("/keys", plugin="shop", prefix="a/")["items"]] == ["a/../c", "a/b"]
    for number, name in enumerate(KEYS):
        query = {"plugin": "shop", "key": name}
        assert get("/value", **query)["value"] == {"n": number}
        assert client.delete(f"{path}/value", query_string=query, headers=key).status_code == 204
        assert get("/value", **query)["code"] == "key_not_found"
        assert client.delete(f"{path}/value", query_string=query, headers=key).status_code == 404
    assert size_of(platform, bot, "shop") == 0
    assert [each["plugin"] for each in get("")["items"]] == ["other/one"]


@pytest.mark.data
def test_a_cleared_store_begins_at_nothing_and_the_trail_says_who_did_it_but_no_key(
    client: FlaskClient, platform: Platform, bot: Bot, key: dict[str, str]
) -> None:
    shop = BotDatabase(platform.database, bot.id, "shop")
    for name in ("+5511999998888", "ana@example.com"):
        shop.set(name, "personal")
    path = f"/api/v1/bots/{bot.public_id}/store"
    one = {"plugin": "shop", "key": "ana@example.com"}
    assert client.delete(f"{path}/value", query_string=one, headers=key).status_code == 204
    assert client.delete(f"{path}?plugin=shop", headers=key).get_json() == {"deleted": 1}
    assert shop.list() == {}
    assert size_of(platform, bot, "shop") == 0
    shop.set("k", 1)
    assert size_of(platform, bot, "shop") == 2
    with platform.database.reading() as session:
        written = session.scalars(select(AuditEvent).where(AuditEvent.bot_id == bot.id)).all()
    assert [(each.kind, each.details) for each in written] == [
        ("plugin_key_deleted", {"plugin": "shop"}),
        ("plugin_store_cleared", {"plugin": "shop", "keys": 1}),
    ]
    assert client.delete(f"{path}?plugin=nobody", headers=key).get_json()["code"] == "store_not_found"
    stranger = make_key(platform, make_account(platform, "stranger@example.com"))
    for method, place in (
        ("GET", ""),
        ("GET", "/keys"),
        ("GET", "/value"),
        ("DELETE", ""),
        ("DELETE", "/value"),
    ):
        answer = client.open(f"{path}{place}?plugin=shop", method=method, headers=stranger)
        assert (answer.status_code, answer.get_json()["code"]) == (404, "bot_not_found")
    assert shop.get("k") == 1


@pytest.mark.data
def test_a_handler_that_read_what_is_cleared_before_its_commit_runs_again(
    platform: Platform, bot: Bot
) -> None:
    shop, owner = BotDatabase(platform.database, bot.id, "shop"), Principal(bot.account_id, "command")
    shop.set("visits", 41)
    seen: list[int] = []
    writes: PluginWrites[str] = PluginWrites(platform, str, str, repeat_seconds=60)

    def handle() -> str:
        visits = shop.get("visits", 0)
        if not seen:
            clear_store(platform, owner, bot.id, "shop")
        seen.append(visits)
        shop.set("visits", visits + 1)
        return f"visit {visits + 1}"

    assert writes.once(bot.id, 1, lambda _: handle()) == "visit 1"
    assert seen == [41, 0]
    assert shop.get("visits") == 1
    assert size_of(platform, bot, "shop") == len("visits") + 1
    clear_store(platform, owner, bot.id, "shop")
    assert writes.once(bot.id, 1, lambda _: handle()) == "visit 1", (
        "the update was handled: it does not fill the store anew"
    )
    assert shop.list() == {}


@pytest.mark.data
def test_the_size_stays_right_when_a_handler_commits_while_the_lock_is_waited_for(
    platform: Platform, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, owner = BotDatabase(platform.database, bot.id, "shop"), Principal(bot.account_id, "command")
    shop.set("gone", 1)

    def late(session: Session, wanted: Iterable[tuple[int, str]]) -> Stores:
        if not platform.database.is_sqlite:  # there one transaction writes at a time
            shop.set("kept", 1)
        return lock_stores(session, wanted)

    monkeypatch.setattr(store_contents, "lock_stores", late)
    delete_key(platform, owner, bot.id, "shop", "gone")
    assert size_of(platform, bot, "shop") == sum(len(key) + 1 for key in shop.list())
