"""A tenant deletes a bot and a pool; the next one to make some finds nothing of them, wherever a trace may lie."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import func, select, text

from models import (
    Account,
    Base,
    Bot,
    Click,
    ClickRollup,
    DeadLetter,
    Lead,
    MemberStatus,
    PluginState,
    PoolBot,
    RedirectPool,
    RefusedClicks,
    Start,
)
from plugins.effects import Priority
from services.core.times import hour_of, utc_now
from services.fleet.bots.choices import PluginChoice
from services.fleet.bots.registry import delete_bot, register_bot
from services.fleet.pools.fields import NewMember, NewPool
from services.fleet.pools.members import add_member
from services.fleet.pools.pools import create_pool, delete_pool
from services.fleet.pools.snapshot import publish
from services.messaging.outbox.enqueue import enqueue_call
from services.messaging.outbox.sender_cache import SenderCache
from services.messaging.plugin_runtime.plugin_cache import PluginCache
from services.messaging.updates.intake import Intake
from services.messaging.updates.rejected_bodies import store_rejected_bodies
from services.platform.numbering import keep_ahead
from services.platform.platform import Platform
from services.platform.redis import keys, work_keys
from services.reporting.analytics.workbook import XLSX
from services.traffic.clicks.flush import flush
from services.traffic.clicks.spool import Spool
from tests.blueprints.people import caller_of, make_account, make_key
from tests.services.messaging.draining import handle_all, replies, senders
from tests.services.messaging.updates import plugins_for_tests
from tests.services.reporting.analytics.reading_workbooks import cells_of
from tests.services.traffic.clicks.clicking import click, payload_of, unstarted
from tools.servers.fleet import message, stream
from tools.servers.sandbox import Sandbox, wait_until

pytestmark = pytest.mark.data

CANARY = "canary4711"
PERSON = 7_000_000_111
PLUGINS = [
    PluginChoice(name="trial", config={}),
    PluginChoice(name="start", config={"welcome_message": "Olá"}),
]


@dataclass
class Tenant:
    """An account with one bot in one pool."""

    account: Account
    bot: Bot
    pool: RedirectPool


@pytest.fixture(autouse=True)
def _no_calls_yet() -> None:
    plugins_for_tests.calls.clear()


def tenant(platform: Platform, sandbox: Sandbox, name: str) -> Tenant:
    """A new tenant, whose bot takes visitors and everything it is sent."""
    sandbox.create_user(id=PERSON)
    account = make_account(platform, f"{name}@example.com")
    caller = caller_of(account)
    bot = register_bot(platform, caller, sandbox.create_bot(username=f"{name}_bot")["token"], plugins=PLUGINS)
    pool = create_pool(platform, caller, NewPool(name=f"{name} pool", slug=name))
    add_member(platform, caller, pool.id, NewMember(bot_id=bot.id))
    with platform.database.transaction() as session:
        session.scalars(select(PoolBot).where(PoolBot.bot_id == bot.id)).one().status = MemberStatus.ONLINE
    publish(platform, [pool.id])
    sandbox.start(PERSON, bot.username)  # whatever a bot sends to this person arrives
    return Tenant(account, bot, pool)


def leave_rows(platform: Platform, of: Tenant) -> None:
    """Clicks, a start bound to one, a lead, a conversation, an answer in the outbox, a dead letter: all handled."""
    road = unstarted(platform)
    visit = click(road, of.pool.slug, QUERY_STRING=f"utm_source={CANARY}")
    intake = Intake(platform)
    intake.accept(of.bot.id, message(1, PERSON, f"/start {payload_of(visit)}", first_name=CANARY))
    for number, words in enumerate(("count", f"echo {CANARY}", f"fail {CANARY}"), start=2):
        intake.accept(of.bot.id, message(number, PERSON, words, first_name=CANARY))
    handle_all(platform)
    flush(platform)
    with platform.database.transaction() as session:
        session.add(PluginState(bot_id=of.bot.id, plugin="trial", key=CANARY, value={"said": CANARY}))


def leave_traces(platform: Platform, of: Tenant) -> None:
    """What no row stands for: an update in its lane, a body given up, a message, a conversation, limits, clicks on their way."""
    number, intake = of.bot.id, Intake(platform)
    intake.accept(number, message(20, PERSON, f"late {CANARY}", first_name=CANARY))
    intake.give_up(number, "not_json_update", CANARY.encode())
    enqueue_call(platform, number, "sendMessage", {"chat_id": PERSON, "text": CANARY}, Priority.REPLY)
    redis: Redis = platform.redis
    redis.set(keys.conversation(number, PERSON, PERSON), f'{{"data": {{"seen": "{CANARY}"}}}}', ex=900)
    redis.set(keys.button_payload(number, "x"), CANARY, ex=900)
    redis.set(keys.user_bucket(number, str(PERSON)), "99999999999999", ex=900)
    redis.set(keys.polling_offset(number), "77", ex=900)
    redis.set(work_keys.held_count(number), "7")
    redis.rpush(work_keys.held(number, str(PERSON)), "request", "", CANARY)
    redis.xadd(work_keys.incoming(of.bot.public_id), {"update": CANARY})
    redis.hincrby(keys.unstored_clicks("refused"), f"{of.pool.id}:{int(hour_of(utc_now()).timestamp())}", 5)


def leave_clicks(platform: Platform, of: Tenant) -> None:
    """One click in the stream, and a copy of it, under another id, in the spool."""
    click(unstarted(platform), of.pool.slug, QUERY_STRING=f"utm_source={CANARY}")
    (_, fields), *_ = stream(platform, keys.click_stream())
    click_id = fields["d"].partition('"id":"')[2].partition('"')[0]
    spool = Spool(platform.settings.data_dir / "spool")
    spool.append([{**fields, "d": fields["d"].replace(click_id, "spooled00000"[: len(click_id)])}])
    spool.seal()


def leave_and_delete(platform: Platform, of: Tenant) -> None:
    """Every kind of trace, then the end of bot and pool, and what a process that did not hear of it writes still."""
    leave_rows(platform, of)
    leave_clicks(platform, of)
    leave_traces(platform, of)
    caller = caller_of(of.account)
    delete_pool(platform, caller, of.pool.id)
    delete_bot(platform, caller, of.bot.id)
    leave_traces(platform, of)


def work_everything_off(platform: Platform) -> None:
    """Spool, clicks, lanes, given-up bodies, outboxes: whatever waits becomes rows or messages."""
    Spool(platform.settings.data_dir / "spool").replay(platform.redis)
    handle_all(platform)
    store_rejected_bodies(platform)
    flush(platform)
    for shard in range(platform.settings.update_lanes):
        senders(platform).send_shard(shard)


def rows_of(platform: Platform, of: Tenant) -> dict[str, int]:
    """How many rows of each kind are the tenant's."""
    mine = {
        Click: Click.account_id == of.account.id,
        Lead: Lead.account_id == of.account.id,
        DeadLetter: DeadLetter.account_id == of.account.id,
        Start: Start.bot_id == of.bot.id,
        PluginState: PluginState.bot_id == of.bot.id,
        ClickRollup: ClickRollup.pool_id == of.pool.id,
        RefusedClicks: RefusedClicks.pool_id == of.pool.id,
    }
    with platform.database.reading() as session:
        return {
            table.__tablename__: session.scalar(select(func.count()).select_from(table).where(condition)) or 0
            for table, condition in mine.items()
        }


def pages_of(app: Flask, platform: Platform, of: Tenant) -> dict[str, str]:
    """Everything that the API shows the tenant by an address made of its bot and pool alone."""
    client, key = app.test_client(), make_key(platform, of.account)
    ids = {"bot_id": str(of.bot.id), "pool_id": str(of.pool.id)}
    shown = {}
    for rule in app.url_map.iter_rules():
        if (
            rule.rule.startswith("/api/v1/")
            and "GET" in (rule.methods or ())
            and rule.arguments <= ids.keys()
            # The address of one has a plugin and a key as well, there is no worker, and programs of bots have no API key.
            and not rule.rule.endswith(("/store/value", "/worker", "/runtime/next"))
        ):
            path = rule.rule
            for name, value in ids.items():
                path = path.replace(f"<int:{name}>", value).replace(f"<{name}>", value)
            answer = client.get(path, headers=key)
            # What is about the installation is an admin's, and shows a tenant that it is.
            assert answer.status_code == 200 or answer.get_json()["code"] == "admin_only", path
            # A workbook is packed: what it shows are its cells.
            shown[path] = str(cells_of(answer.data)) if answer.mimetype == XLSX else answer.text
    return shown


def assert_nothing_of(former: Tenant, app: Flask, platform: Platform, of: Tenant, sandbox: Sandbox) -> None:
    """No row, no page, no message and no handler of `of` knows `former`."""
    assert set(rows_of(platform, of).values()) == {0}
    for path, page in pages_of(app, platform, of).items():
        assert CANARY not in page, path
        assert former.bot.username not in page, path
        assert former.pool.name not in page, path
    assert sandbox.sent(of.bot.username) == []
    assert replies(platform, of.bot) == []
    assert all(bot != of.bot.id for bot, _ in plugins_for_tests.calls)


def test_the_traces_are_there_before_the_deletion(platform: Platform, sandbox: Sandbox, app: Flask) -> None:
    ana = tenant(platform, sandbox, "ana")
    leave_rows(platform, ana)
    leave_clicks(platform, ana)
    leave_traces(platform, ana)
    work_everything_off(platform)
    assert 0 not in rows_of(platform, ana).values()
    assert rows_of(platform, ana)["clicks"] == 3
    assert any(CANARY in page for page in pages_of(app, platform, ana).values())
    assert sandbox.sent(ana.bot.username) != []


def test_the_next_tenant_gets_nothing_of_the_former_one(
    platform: Platform, sandbox: Sandbox, app: Flask
) -> None:
    ana = tenant(platform, sandbox, "ana")
    leave_and_delete(platform, ana)
    rui = tenant(platform, sandbox, "rui")
    plugins_for_tests.calls.clear()
    work_everything_off(platform)
    assert_nothing_of(ana, app, platform, rui, sandbox)


def test_nor_does_the_first_tenant_of_an_emptied_database_beside_the_old_redis(
    platform: Platform, sandbox: Sandbox, app: Flask
) -> None:
    ana = tenant(platform, sandbox, "ana")
    leave_rows(platform, ana)
    leave_clicks(platform, ana)
    leave_traces(platform, ana)
    keep_ahead(platform)
    empty(platform)
    keep_ahead(platform)
    rui = tenant(platform, sandbox, "rui")
    plugins_for_tests.calls.clear()
    work_everything_off(platform)
    assert_nothing_of(ana, app, platform, rui, sandbox)


def test_a_deleted_bot_and_pool_leave_no_key_and_no_place_in_a_process(
    platform: Platform, sandbox: Sandbox
) -> None:
    ana = tenant(platform, sandbox, "ana")
    behaviours, senders = PluginCache(platform), SenderCache(platform)
    road = unstarted(platform)
    parts = (behaviours.on_change, senders.on_change, road.book.on_change)
    for part in parts:
        platform.changes.subscribe(part)
    leave_rows(platform, ana)
    leave_traces(platform, ana)
    assert behaviours.get(ana.bot.id)
    assert senders.get(ana.bot.id)
    assert road.book.get(ana.pool.slug)
    delete_pool(platform, caller_of(ana.account), ana.pool.id)
    delete_bot(platform, caller_of(ana.account), ana.bot.id)
    assert [key for one in keys.of_bot(ana.bot.id) for key in platform.redis.scan_iter(match=one)] == []
    assert not platform.redis.exists(keys.rotation(ana.pool.id), work_keys.incoming(ana.bot.public_id))
    assert not platform.redis.hexists(keys.webhook_paths(), ana.bot.path_id)
    wait_until(lambda: behaviours.peek(ana.bot.id) is None and road.book.get(ana.pool.slug) is None)
    wait_until(lambda: senders.get(ana.bot.id) is None)
    for part in parts:
        platform.changes.unsubscribe(part)


def empty(platform: Platform) -> None:
    """As if the database had been made anew: no rows, and numbers from 1 on."""
    with platform.database.transaction() as session:
        # The audit trail goes with its accounts alone, so they go first.
        for table in (Base.metadata.tables["accounts"], *reversed(Base.metadata.sorted_tables)):
            if platform.database.is_sqlite:
                session.execute(table.delete())
            else:
                session.execute(text(f"TRUNCATE {table.name} RESTART IDENTITY CASCADE"))
        if platform.database.is_sqlite:
            session.execute(text("DELETE FROM sqlite_sequence"))
