"""The audit trail: chained per account, append-only, with what was changed, and whole after its oldest entries are gone."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from click.testing import Result
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from app import create_app
from models import AuditChain, AuditEvent, Bot, BotPlugin, PoolRule, RedirectPool
from services.core.times import utc_now
from services.fleet.pools.fields import NewPool, PoolChange
from services.fleet.pools.pools import create_pool, update_pool
from services.platform.accounts.principal import Principal, audit
from services.platform.accounts.trail import chain_left_entries
from services.platform.accounts.trail_check import End, check_trail
from services.platform.accounts.trail_retention import delete_old_entries
from services.platform.platform import Platform
from tests.blueprints.people import caller_of, make_account

pytestmark = pytest.mark.data


@pytest.fixture
def owner(platform: Platform) -> Principal:
    return caller_of(make_account(platform))


def write(platform: Platform, owner: Principal, count: int = 3) -> None:
    """Entries of one transaction each."""
    for number in range(count):
        with platform.database.transaction() as session:
            audit(session, owner, "bot_started", bot_id=number, number=number)


def trail(platform: Platform) -> list[AuditEvent]:
    with platform.database.reading() as session:
        return list(session.scalars(select(AuditEvent).order_by(AuditEvent.account_id, AuditEvent.sequence)))


def tamper(platform: Platform, *statements: str) -> None:
    """As whoever owns the database can: without the triggers."""
    with platform.database.engine.begin() as connection:
        for name in ("audit_events_keep", "audit_events_stay") if platform.database.is_sqlite else ():
            connection.execute(text(f"DROP TRIGGER IF EXISTS {name}"))
        if not platform.database.is_sqlite:
            connection.execute(text("ALTER TABLE audit_events DISABLE TRIGGER ALL"))
        for statement in statements:
            connection.execute(text(statement))


def command(platform: Platform, name: str) -> Result:
    return create_app(platform).test_cli_runner().invoke(args=["audit", name])


def test_what_is_rolled_back_leaves_no_entry_and_what_commits_follows_the_former(
    platform: Platform, owner: Principal
) -> None:
    write(platform, owner)
    with pytest.raises(RuntimeError), platform.database.transaction() as session:
        audit(session, owner, "bot_started")
        raise RuntimeError
    write(platform, owner, 1)
    assert [entry.sequence for entry in trail(platform)] == [1, 2, 3, 4, 5]
    found = check_trail(platform)
    assert (found.entries, found.broken) == (5, ())


def test_writers_at_once_number_their_entries_one_after_the_other(
    platform: Platform, owner: Principal
) -> None:
    other = caller_of(make_account(platform, "other@example.com"))

    def both(number: int) -> None:
        with platform.database.transaction() as session:
            for each in (owner, other) if number % 2 else (other, owner):
                audit(session, each, "bot_started", bot_id=number)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(both, range(20)))
    assert [entry.sequence for entry in trail(platform)] == [*range(1, 22), *range(1, 22)]
    assert check_trail(platform).broken == ()


def test_the_database_refuses_to_change_or_delete_an_entry(platform: Platform, owner: Principal) -> None:
    write(platform, owner)
    for statement in ("UPDATE audit_events SET actor = 'x'", "DELETE FROM audit_events WHERE sequence = 2"):
        with pytest.raises(DBAPIError), platform.database.engine.begin() as connection:
            connection.execute(text(statement))
    assert [(entry.sequence, entry.actor) for entry in trail(platform)] == [
        (number, "command") for number in (1, 2, 3, 4)
    ]


def test_whatever_was_done_to_the_rows_the_first_broken_entry_of_each_account_is_named(
    platform: Platform,
) -> None:
    cases = (
        ("UPDATE audit_events SET ip = '192.0.2.9' WHERE sequence = 3", 3),
        ("UPDATE audit_events SET details = '{}' WHERE sequence = 2", 2),
        ("DELETE FROM audit_events WHERE sequence = 3", 3),
        ("DELETE FROM audit_events WHERE sequence = 4", 4),
        ("DELETE FROM audit_chains WHERE 1 = 1", 1),
    )
    expected = {}
    for number, (statement, place) in enumerate(cases):
        each = caller_of(make_account(platform, f"{number}@example.com"))
        write(platform, each)
        tamper(platform, f"{statement} AND account_id = {each.account_id}")
        expected[each.account_id] = place
    assert {fault.account_id: fault.sequence for fault in check_trail(platform).broken} == expected
    told = command(platform, "verify")
    assert told.exit_code == 1
    assert [f"account {who}, entry {place}" for who, place in expected.items()] == [
        line.partition(":")[0] for line in told.stderr.splitlines()
    ]


def test_a_trail_that_was_written_anew_is_found_by_an_end_that_was_noted(
    platform: Platform, owner: Principal
) -> None:
    write(platform, owner)
    printed = command(platform, "ends")
    [noted] = [End(**json.loads(line)) for line in printed.stdout.splitlines()]
    assert check_trail(platform, {noted.account_id: noted}).broken == ()
    tamper(platform, "DELETE FROM audit_events", "DELETE FROM audit_chains")
    write(platform, owner, 4)
    assert check_trail(platform).broken == ()
    [fault] = check_trail(platform, {noted.account_id: noted}).broken
    assert fault.sequence == noted.sequence


def test_old_entries_go_and_what_stays_is_still_whole(platform: Platform, owner: Principal) -> None:
    write(platform, owner, 5)
    border = trail(platform)[4].at
    assert [delete_old_entries(platform, border, owner.account_id, 3) for _ in range(3)] == [3, 1, 0]
    assert [entry.sequence for entry in trail(platform)] == [5, 6]
    assert check_trail(platform).broken == ()
    assert delete_old_entries(platform, utc_now() + timedelta(days=1), owner.account_id, 100) == 2
    write(platform, owner, 1)
    assert [entry.sequence for entry in trail(platform)] == [7]
    found = check_trail(platform)
    assert (found.entries, found.broken) == (1, ())
    with platform.database.reading() as session:
        chain = session.scalars(select(AuditChain)).one()
    assert (chain.anchor_sequence, chain.sequence) == (6, 7)


def test_what_a_process_of_the_former_release_writes_is_put_behind_the_chain(
    platform: Platform, owner: Principal
) -> None:
    former = "INSERT INTO audit_events (account_id, actor, kind, details, ip, at) SELECT account_id, actor, kind, details, ip, at "
    with platform.database.engine.begin() as connection:
        for _ in range(2):
            connection.execute(text(f"{former} FROM audit_events WHERE sequence = 1"))
    write(platform, owner, 1)
    with platform.database.transaction() as session:
        assert chain_left_entries(session, owner.account_id, 10) == 2
    assert sorted(entry.sequence for entry in trail(platform)) == [1, 2, 3, 4]
    found = check_trail(platform)
    assert (found.entries, found.broken) == (4, ())


def test_an_entry_tells_each_field_before_and_after_and_of_a_secret_that_it_was_changed(
    platform: Platform, owner: Principal
) -> None:
    pool = create_pool(platform, owner, NewPool(name="Red", slug="red"))
    update_pool(platform, owner, pool.id, PoolChange(name="Blue"))
    with platform.database.transaction() as session:
        bot = Bot(
            account_id=owner.account_id,
            public_id="bot_1",
            telegram_bot_id=1,
            username="one_bot",
            sealed_token="sealed-one",
            mode="polling",
            path_id="p",
        )
        session.add(bot)
        session.flush()
        audit(session, owner, "bot_registered", bot_id=bot.id)
    with platform.database.transaction() as session:
        bot = session.scalars(select(Bot)).one()
        bot.sealed_token, bot.tags = "sealed-two", ["a"]
        session.get_one(RedirectPool, pool.id).sticky = True
        audit(session, owner, "bot_token_replaced", bot_id=bot.id)
        audit(session, owner, "pool_updated", pool_id=pool.id)
    *_, renamed, made, replaced, stuck = trail(platform)
    change = {"object": "pool", "name": str(pool.id)}
    assert renamed.changes == [{**change, "field": "name", "before": "Red", "after": "Blue"}]
    assert {
        "object": "bot",
        "name": str(bot.id),
        "field": "sealed_token",
        "secret": "changed",
    } in made.changes
    assert replaced.changes == [
        {"object": "bot", "name": str(bot.id), "field": "tags", "before": "[]", "after": '["a"]'},
        {"object": "bot", "name": str(bot.id), "field": "sealed_token", "secret": "changed"},
    ]
    assert stuck.changes == [{**change, "field": "sticky", "before": False, "after": True}]
    assert "sealed-" not in str([entry.changes for entry in trail(platform)])
    assert check_trail(platform).broken == ()


def test_what_a_transaction_changes_of_two_accounts_is_told_to_each_alone(
    platform: Platform, owner: Principal
) -> None:
    other = caller_of(make_account(platform, "other@example.com"))
    pools = [
        create_pool(platform, each, NewPool(name="Red", slug=f"red{each.account_id}"))
        for each in (owner, other)
    ]
    with platform.database.transaction() as session:
        for each, pool in zip((owner, other), pools, strict=True):
            session.get_one(RedirectPool, pool.id).name = f"Blue {each.account_id}"
            session.add(PoolRule(pool_id=pool.id, position=0, conditions=[], target_pool_id=pool.id))
            audit(session, each, "rules_changed", **({} if each is owner else {"pool_id": pool.id}))
    told = {entry.account_id: entry.changes for entry in trail(platform) if entry.kind == "rules_changed"}
    facts = {who: {(one["field"], one["after"]) for one in changes} for who, changes in told.items()}
    assert facts[owner.account_id] == {("name", f"Blue {owner.account_id}")}, "its rule is nobody's for sure"
    assert facts[other.account_id] >= {
        ("name", f"Blue {other.account_id}"),
        ("target_pool_id", pools[1].id),
    }
    assert (
        not {("name", f"Blue {owner.account_id}"), ("target_pool_id", pools[0].id)} & facts[other.account_id]
    )


def test_no_secret_within_a_text_or_a_list_comes_into_the_trail(platform: Platform, owner: Principal) -> None:
    token, password = f"4711471147:{'A' * 35}", "swordfish"
    config = {
        "text": f"my token is {token}",
        "calls": [{"password": password, "to": "x"}],
        "api_key": password,
    }
    with platform.database.transaction() as session:
        bot = Bot(
            account_id=owner.account_id,
            public_id="bot_1",
            telegram_bot_id=1,
            username="one_bot",
            description=f"once {token}",
            sealed_token="sealed",
            mode="polling",
            path_id="p",
        )
        session.add(bot)
        session.flush()
        session.add(BotPlugin(bot_id=bot.id, position=0, name="echo", config=config))
        audit(session, owner, "bot_plugins_set", bot_id=bot.id)
    told = str([entry.changes for entry in trail(platform)])
    assert "my token is" in told
    assert "A" * 35 not in told
    assert password not in told
