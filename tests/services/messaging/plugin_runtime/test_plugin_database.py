"""A plugin's store and its bot's people: what comes back, what is refused, and that nothing of others is there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from models import Account, Bot, HandledUpdate, Lead, PluginState, PluginStore
from plugins.database import MAX_VALUE, LeadRecord, MemoryDatabase, PluginDatabase, StoreError
from services.core.times import utc_now
from services.messaging.plugin_runtime import plugin_store
from services.messaging.plugin_runtime.plugin_database import BotDatabase
from services.platform.platform import Platform
from tools.servers.fleet import add_bot

Open = Callable[[int, str], BotDatabase]


@pytest.fixture
def bots(platform: Platform) -> list[Bot]:
    """Two bots of two accounts."""
    return [
        add_bot(
            platform, {"id": 7000 + n, "username": f"shop{n}_bot", "token": f"{7000 + n}:" + "A" * 35}, ()
        )
        for n in (1, 2)
    ]


@pytest.fixture
def open_database(platform: Platform, bots: list[Bot]) -> Open:
    """The data of a plugin of the first or second bot."""
    return lambda number, plugin: BotDatabase(platform.database, bots[number].id, plugin)


@pytest.fixture(params=["kept", "in memory"])
def db(request: pytest.FixtureRequest) -> PluginDatabase:
    """The real thing and the stand-in, which are to behave alike."""
    if request.param == "in memory":
        return MemoryDatabase()
    opened: Open = request.getfixturevalue("open_database")
    return opened(0, "shop")


VALUES: list[Any] = [
    None,
    False,
    0,
    2**70,
    -1.5,
    "",
    "ação 😀 \0 \\u0000",
    [],
    [1, [2, None]],
    {"a": {"b": ["c"]}, "": 1},
]


@pytest.mark.data
def test_what_was_kept_comes_back(open_database: Open) -> None:
    db = open_database(0, "shop")
    for number, value in enumerate(VALUES):
        db.set(f"key {number}", value)
    fresh = open_database(0, "shop")
    assert [fresh.get(f"key {number}", "nothing") for number in range(len(VALUES))] == VALUES
    fresh.set("key 1", {"now": "another"})
    assert db.get("key 1") == {"now": "another"}
    assert db.get("nothing", "default") == "default"


def test_a_tuple_comes_back_as_the_list_that_json_makes_of_it(db: PluginDatabase) -> None:
    db.set("pair", (1, 2))
    assert db.get("pair") == [1, 2]


def test_what_is_deleted_is_gone_and_deleting_nothing_is_no_error(db: PluginDatabase) -> None:
    db.set("a", 1)
    db.delete("a")
    db.delete("a")
    assert db.get("a") is None


@pytest.mark.parametrize(
    "value",
    [object(), {1, 2}, float("nan"), float("inf"), "\ud800", {"a": b"bytes"}, "x" * MAX_VALUE],
    ids=["object", "set", "nan", "inf", "half", "bytes", "large"],
)
def test_what_is_no_json_or_too_large_is_refused(db: PluginDatabase, value: Any) -> None:
    with pytest.raises(StoreError):
        db.set("a", value)
    assert db.get("a") is None


@pytest.mark.parametrize("key", ["", "x" * 201, "a\0b", "\udc00"])
def test_what_is_no_key_is_refused(db: PluginDatabase, key: str) -> None:
    for act in (lambda: db.set(key, 1), lambda: db.get(key), lambda: db.delete(key)):
        with pytest.raises(StoreError):
            act()


KEYS = ["user:1", "user:10", "user:2", "User:1", "user_1", "user%", "üser", "z", "user:\U0001f600"]


@pytest.mark.data
def test_a_list_is_read_by_prefix_and_in_pages_in_order(open_database: Open) -> None:
    for db in (open_database(0, "shop"), MemoryDatabase()):
        for key in KEYS:
            db.set(key, key.upper())
        wanted = sorted(key for key in KEYS if key.startswith("user:"))
        assert list(db.list("user:")) == wanted
        assert list(db.list()) == sorted(KEYS)
        first = db.list("user:", limit=3)
        assert list(first) == wanted[:3]
        assert first["user:10"] == "USER:10"
        assert list(db.list("user:", after=list(first)[-1], limit=3)) == wanted[3:]
        for limit in (0, 1001):
            with pytest.raises(StoreError):
                db.list(limit=limit)


@pytest.mark.data
def test_a_store_is_one_plugins_and_one_bots(open_database: Open) -> None:
    open_database(0, "shop").set("a", "mine")
    for number, plugin in ((0, "other"), (1, "shop")):
        other = open_database(number, plugin)
        assert (other.get("a"), other.list()) == (None, {})
        other.set("a", "theirs")
        other.delete("a")
    assert open_database(0, "shop").get("a") == "mine"


@pytest.mark.data
def test_a_full_store_takes_nothing_more_until_there_is_room(
    open_database: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugin_store, "MAX_STORE", 1000)
    db = open_database(0, "shop")
    db.set("a", "x" * 900)
    with pytest.raises(StoreError, match="full"):
        db.set("b", "x" * 100)
    assert db.list() == {"a": "x" * 900}
    db.set("a", "x" * 500)  # what is replaced takes no room
    db.set("b", "x" * 100)
    open_database(1, "shop").set("b", "x" * 900)  # another's room is its own
    db.delete("a")
    db.set("c", "x" * 800)


@pytest.mark.data
def test_people_are_those_of_the_bot_alone(platform: Platform, bots: list[Bot], open_database: Open) -> None:
    week = utc_now() - timedelta(days=7)
    with platform.database.transaction() as session:
        for number, bot in enumerate(bots):
            for person in range(3 + number):
                session.add(
                    Lead(
                        account_id=bot.account_id,
                        bot_id=bot.id,
                        telegram_id=100 * number + person,
                        first_name=f"Ana {person}",
                        tags=["vip"],
                        first_interaction=week + timedelta(days=person),
                        last_interaction=week + timedelta(days=6),
                    )
                )
    db = open_database(0, "shop")
    assert db.leads_count() == 3
    assert db.leads_count(since=week + timedelta(hours=1)) == 2
    assert db.lead(100) is None
    assert db.lead(1) == LeadRecord(
        1, "Ana 1", "", "", "", "active", ("vip",), week + timedelta(days=1), week + timedelta(days=6)
    )


@pytest.mark.data
def test_a_tag_is_put_on_a_person_once_and_on_nobody_elses(
    platform: Platform, bots: list[Bot], open_database: Open
) -> None:
    now = utc_now()
    with platform.database.transaction() as session:
        for bot in bots:
            session.add(
                Lead(
                    account_id=bot.account_id,
                    bot_id=bot.id,
                    telegram_id=1,
                    first_interaction=now,
                    last_interaction=now,
                )
            )
    mine, other = open_database(0, "shop"), open_database(1, "shop")
    memory = MemoryDatabase([LeadRecord(1, "", "", "", "", "active", (), now, now)])
    for db in (mine, memory):
        for tag in ("paid", " ação ", "paid"):
            db.tag_lead(1, tag)
        db.tag_lead(2, "paid")  # a stranger
        assert [lead and lead.tags for lead in (db.lead(1), db.lead(2))] == [("paid", "ação"), None]
        for number in range(48):
            db.tag_lead(1, f"tag {number}")
        with pytest.raises(StoreError):
            db.tag_lead(1, "one too many")
        for wrong in ("", "  ", "x" * 51, "a\0", "\ud800"):
            with pytest.raises(StoreError):
                db.tag_lead(1, wrong)
    known = other.lead(1)
    assert known is not None
    assert known.tags == ()


@pytest.mark.data
def test_a_deleted_bot_takes_its_stores_along(
    platform: Platform, bots: list[Bot], open_database: Open
) -> None:
    open_database(0, "shop").set("a", 1)
    open_database(1, "shop").set("a", 1)
    outcome = HandledUpdate(bot_id=bots[0].id, update_id=1, part="", sealed_outcome="x")
    with platform.database.transaction() as session:
        session.add(outcome)
        session.flush()
        session.delete(session.get_one(Bot, bots[0].id))
    with platform.database.reading() as session:
        rows = {
            table: session.scalar(select(func.count()).select_from(table))
            for table in (PluginState, PluginStore, HandledUpdate, Account)
        }
    assert list(rows.values()) == [1, 1, 0, 2]


def test_nothing_else_of_the_database_is_handed_out() -> None:
    offered = {name for name in dir(BotDatabase) if not name.startswith("_")}
    people = {"leads_count", "lead", "tag_lead", "untag_lead"}
    flows = {"flow", "flow_by_id", "flow_version", "flow_run", "save_flow_run", "hand_over", "is_taken_over"}
    assert offered == {"get", "set", "delete", "list"} | people | flows
