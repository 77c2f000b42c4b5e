"""Another Telegram bot takes a bot's place: what stays, what is left behind, and what a crash leaves to the reconciler."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from models import (
    AuditEvent,
    Bot,
    Conversion,
    DeadLetter,
    DestinationKind,
    Flow,
    FlowRun,
    HandledUpdate,
    Lead,
    NotificationDestination,
    PoolBot,
    Start,
    StoredFile,
    Timer,
    UploadedFile,
)
from plugins.effects import Priority
from services.core.errors import Conflict, FlotillaError, TokenRejected
from services.core.times import utc_now
from services.fleet.bots import token_replacement
from services.fleet.bots.reconcile import reconcile_bot, rewrite_paths
from services.fleet.bots.token_replacement import replace_token
from services.fleet.health.checks import check_identity
from services.fleet.health.members import apply_outcomes
from services.fleet.pools.snapshot import publish_all, repair
from services.messaging.outbox.enqueue import enqueue_call
from services.messaging.plugin_runtime.plugin_database import BotDatabase
from services.messaging.updates.intake import Intake, Outcome
from services.platform.platform import Platform
from services.platform.redis import keys, server_clock
from services.platform.redis.changes import Topic
from services.reporting.bot_people import people_page
from tests.services.fleet.health.world import Fleet, make_fleet
from tests.services.messaging.draining import consumers, handle_all, send_all
from tools.servers.fleet import message
from tools.servers.sandbox import Sandbox


@pytest.fixture
def fleet(platform: Platform, sandbox: Sandbox) -> Fleet:
    """Two bots in a pool that visitors are sent to."""
    fleet = make_fleet(platform, sandbox, 2)
    publish_all(platform)
    return fleet


def bot_of(fleet: Fleet, index: int = 0) -> Bot:
    with fleet.platform.database.reading() as session:
        return session.get_one(Bot, fleet.bot_ids[index])


def usernames(fleet: Fleet) -> list[str]:
    """Where visitors of the pool are sent."""
    pool = json.loads(fleet.platform.redis.hget(keys.pool_snapshot(), str(fleet.pool_id)) or "{}")
    return [member["username"] for member in pool["members"]]


def start(fleet: Fleet, user: int, update_id: int) -> None:
    """The person presses Start at the first bot, as it is now."""
    sent = message(update_id, user, "/start")
    assert Intake(fleet.platform).accept(fleet.bot_ids[0], sent) is not Outcome.DUPLICATE
    handle_all(fleet.platform, consumers(fleet.platform))


def say(fleet: Fleet, user: int, text: str) -> None:
    params = {"chat_id": user, "text": text}
    enqueue_call(fleet.platform, fleet.bot_ids[0], "sendMessage", params, Priority.REPLY)


def states(fleet: Fleet) -> dict[int, str]:
    found = people_page(fleet.platform, fleet.caller, fleet.bot_ids[0])["people"]
    return {person["telegram_id"]: person["state"] for person in found}


def new_bot(fleet: Fleet) -> dict[str, Any]:
    return fleet.sandbox.create_bot()


@pytest.mark.data
def test_leads_are_unreachable_until_they_return_and_everything_else_stays(
    fleet: Fleet, platform: Platform, sandbox: Sandbox
) -> None:
    ana, rui = (int(sandbox.create_user()["id"]) for _ in range(2))
    for number, user in enumerate((ana, rui)):
        sandbox.start(user, fleet.names[0])
        start(fleet, user, 100 + number)
    former, new = bot_of(fleet), new_bot(fleet)
    assert states(fleet) == {ana: "active", rui: "active"}
    send_all(platform, former)
    say(fleet, ana, "waits for the former one")
    with platform.database.transaction() as session:
        mine = PoolBot.bot_id == former.id
        session.execute(update(PoolBot).where(mine).values(status="banned", status_cause="unauthorized"))
        ids = session.scalars(select(PoolBot.id).order_by(PoolBot.bot_id))
        session.add_all(Conversion(pool_bot_id=id_, judged_until=utc_now(), clicks=900) for id_ in ids)
    bot = replace_token(platform, fleet.caller, former.id, new["token"], new_identity=True)
    with platform.database.reading() as session:  # what is usual for the other bot stays
        [known] = session.scalars(select(Conversion))
        assert session.get_one(PoolBot, known.pool_bot_id).bot_id == fleet.bot_ids[1]
    assert usernames(fleet) == [new["username"], fleet.names[1]]  # before anything else was told
    assert fleet.statuses() == ["online", "online"]  # the former's ban is none of the new one's
    assert (bot.telegram_bot_id, bot.username, bot.public_id) == (
        new["id"],
        new["username"],
        former.public_id,
    )
    assert states(fleet) == {ana: "unreachable", rui: "unreachable"}
    assert BotDatabase(platform.database, bot.id, "p").lead(rui).state == "unreachable"  # type: ignore[union-attr]
    send_all(platform, bot)
    say(fleet, rui, "is not tried")
    tried = sandbox.calls("sendMessage")
    send_all(platform, bot)
    assert sandbox.calls("sendMessage") == tried
    with platform.database.reading() as session:
        letter = session.scalars(select(DeadLetter)).one()
    assert (letter.payload["chat"], letter.error.split(":")[0]) == (str(ana), "former_identity")
    sandbox.start(ana, new["username"])
    start(fleet, ana, 100)  # Telegram numbers the new one's updates by themselves
    say(fleet, ana, "welcome back")
    send_all(platform, bot)
    assert "welcome back" in [sent["text"] for sent in sandbox.sent(new["username"])]
    assert states(fleet) == {ana: "active", rui: "unreachable"}
    with platform.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Start)) == 3
        assert session.scalar(select(func.count()).select_from(Lead)) == 2


def test_a_process_that_knew_a_person_notices_that_they_return(fleet: Fleet, platform: Platform) -> None:
    by = consumers(platform)
    for update_id, state in ((5, "unreachable"), (6, "active")):
        Intake(platform).accept(fleet.bot_ids[0], message(update_id, 77, "oi"))
        handle_all(platform, by)
        if update_id == 5:
            token = new_bot(fleet)["token"]
            replace_token(platform, fleet.caller, fleet.bot_ids[0], token, new_identity=True)
            by.plugins.on_change(Topic.BOT, fleet.bot_ids[0])
        assert states(fleet) == {77: state}


def test_updates_of_the_former_identity_that_wait_in_a_lane_make_nobody_reachable(
    fleet: Fleet, platform: Platform
) -> None:
    with platform.database.transaction() as session:
        account = fleet.caller.account_id
        session.add(Lead(account_id=account, bot_id=fleet.bot_ids[0], telegram_id=77))
    Intake(platform).accept(fleet.bot_ids[0], message(5, 77, "oi"))
    replace_token(platform, fleet.caller, fleet.bot_ids[0], new_bot(fleet)["token"], new_identity=True)
    handle_all(platform, consumers(platform))
    assert states(fleet) == {77: "unreachable"}


def test_what_only_the_former_identity_had_is_left_behind(
    fleet: Fleet, platform: Platform, sandbox: Sandbox
) -> None:
    bot, account = bot_of(fleet), fleet.caller.account_id
    with platform.database.transaction() as session:
        facts = {"account_id": account, "bot_id": bot.id, "update_id": 1, "telegram_id": 7, "kind": "photo"}
        file = StoredFile(
            **facts, mime="image/png", size=1, sha256="0", name="a", stored_name="a", file_unique_id="u"
        )
        session.add(file)
        session.flush()
        session.add(UploadedFile(file_id=file.id, bot_id=bot.id, kind="photo", telegram_file_id="x"))
        session.add(HandledUpdate(bot_id=bot.id, update_id=9, part="", sealed_outcome="x"))
        due = {"due_at": utc_now(), "ring_at": utc_now(), "note": None}
        session.add(Timer(bot_id=bot.id, plugin="flow", chat_id=7, telegram_id=7, key="after", **due))
        flow = Flow(account_id=account, key="sales", name="Sales", draft={}, draft_by="x")
        session.add(flow)
        session.flush()
        place = {
            "flow_id": flow.id,
            "version": 1,
            "step": "a",
            "entered_at": utc_now(),
            "started_at": utc_now(),
        }
        for person, status in ((7, "waiting"), (8, "paused"), (9, "ended")):
            session.add(FlowRun(bot_id=bot.id, telegram_id=person, status=status, **place))
        chat = {"account_id": account, "kind": DestinationKind.TELEGRAM, "address": "77"}
        session.add(NotificationDestination(**chat, bot_id=bot.id))
        reserve = {"reserve_bot_id": bot.id, "reserve_linked": True}
        session.add(NotificationDestination(**chat, bot_id=fleet.bot_ids[1], **reserve))
    platform.redis.hset(keys.webhook_paths(), bot.path_id, str(bot.id))
    mine = (keys.conversation(bot.id, 7, 7), keys.seen_updates(bot.id, 0), keys.polling_offset(bot.id))
    for key in mine:
        platform.redis.set(key, "1")
    new = new_bot(fleet)
    platform.telegram.call(new["token"], "setWebhook", {"url": "http://127.0.0.1:1/before"})
    replace_token(platform, fleet.caller, bot.id, new["token"], new_identity=True)
    assert not platform.redis.exists(*mine)
    assert not platform.redis.hexists(keys.webhook_paths(), bot.path_id)
    assert bot_of(fleet).path_id != bot.path_id
    assert keys.polling_offset(bot.id, 2) != keys.polling_offset(bot.id)
    assert sandbox.bot(new["username"])["webhook_url"] == ""
    with platform.database.reading() as session:
        assert session.scalars(select(UploadedFile)).first() is None
        assert session.scalars(select(HandledUpdate)).first() is None
        assert session.scalars(select(Timer)).first() is None
        runs = session.scalars(select(FlowRun).order_by(FlowRun.telegram_id)).all()
        assert [(run.status, run.revision) for run in runs] == [("stopped", 2), ("stopped", 2), ("ended", 1)]
        main, other = session.scalars(select(NotificationDestination).order_by(NotificationDestination.id))
        event = session.scalars(select(AuditEvent)).one()
    assert (main.is_refused, new["username"] in str(main.last_error)) == (True, True)
    assert (other.is_refused, other.reserve_linked) == (False, False)
    assert event.details == {"former": fleet.names[0], "username": new["username"]}


def test_a_bot_that_is_here_already_is_refused_and_named_to_its_owner_alone(
    fleet: Fleet, platform: Platform, sandbox: Sandbox
) -> None:
    foreign, calls = make_fleet(platform, sandbox, 1), sandbox.calls("deleteWebhook")
    tokens = [
        platform.vault.unseal(bot.sealed_token, owner=f"bot:{bot.id}")
        for bot in (bot_of(fleet, 1), bot_of(foreign))
    ]
    for token, is_named in zip(tokens, (True, False), strict=True):
        with pytest.raises(Conflict) as refusal:
            replace_token(platform, fleet.caller, fleet.bot_ids[0], token, new_identity=True)
        assert refusal.value.code == "bot_exists"
        assert ("@" in refusal.value.message) is is_named
    assert sandbox.calls("deleteWebhook") == calls  # nor has the owner lost a webhook by it
    with platform.database.transaction() as session:
        session.get_one(Bot, fleet.bot_ids[0]).declared_in = "red.yaml"
    with pytest.raises(Conflict, match=r"red\.yaml"):
        replace_token(platform, fleet.caller, fleet.bot_ids[0], new_bot(fleet)["token"], new_identity=True)
    assert usernames(fleet) == fleet.names


def test_of_two_processes_that_give_one_identity_to_two_bots_one_is_refused(
    fleet: Fleet, platform: Platform
) -> None:
    new = new_bot(fleet)

    def take(bot_id: int) -> str:
        try:
            own = Platform(platform.settings)
            return replace_token(own, fleet.caller, bot_id, new["token"], new_identity=True).username
        except FlotillaError as error:
            return error.code

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(take, fleet.bot_ids)) == sorted(["bot_exists", new["username"]])
    assert usernames(fleet).count(new["username"]) == 1


def test_a_failure_before_the_commit_changes_nothing(
    fleet: Fleet, platform: Platform, sandbox: Sandbox
) -> None:
    new = new_bot(fleet)
    sandbox.fault("status", status=401, method="deleteWebhook", count=1)
    with pytest.raises(TokenRejected):
        replace_token(platform, fleet.caller, fleet.bot_ids[0], new["token"], new_identity=True)
    assert (bot_of(fleet).identity, bot_of(fleet).username) == (1, fleet.names[0])


def test_what_a_crash_after_the_commit_left_undone_the_rounds_do(
    fleet: Fleet, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot, new = bot_of(fleet), new_bot(fleet)
    stale = (keys.conversation(bot.id, 7, 7), keys.seen_updates(bot.id, 0))
    for key in stale:
        platform.redis.set(key, "1")
    platform.redis.hset(keys.webhook_paths(), bot.path_id, str(bot.id))

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(token_replacement, "_part_from", crash)
    with pytest.raises(KeyboardInterrupt):
        replace_token(platform, fleet.caller, bot.id, new["token"], new_identity=True)
    assert repair(platform) == [fleet.pool_id]
    assert usernames(fleet)[0] == new["username"]
    rewrite_paths(platform, [bot_of(fleet)])
    reconcile_bot(platform, bot.id)
    assert not platform.redis.exists(*stale)
    assert not platform.redis.hexists(keys.webhook_paths(), bot.path_id)
    platform.redis.set(stale[0], "a conversation with the new one")
    reconcile_bot(platform, bot.id)
    assert platform.redis.exists(stale[0])


def test_the_answer_to_a_check_of_the_former_identity_says_nothing_of_the_new_one(
    fleet: Fleet, platform: Platform, sandbox: Sandbox
) -> None:
    former, new = bot_of(fleet), new_bot(fleet)
    good = check_identity(platform, former)
    sandbox.revoke(fleet.names[0])
    dead = check_identity(platform, former)
    replace_token(platform, fleet.caller, former.id, new["token"], new_identity=True)
    for minutes, outcome in enumerate((good, dead), start=1):
        with platform.database.transaction() as session:
            apply_outcomes(session, {former.id: outcome}, utc_now() + timedelta(minutes=minutes))
    assert (bot_of(fleet).username, fleet.statuses()[0]) == (new["username"], "online")


def test_what_people_say_to_it_is_heard_though_the_clock_of_our_machine_runs_ahead(
    fleet: Fleet, platform: Platform, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, person = new_bot(fleet), int(sandbox.create_user()["id"])
    with monkeypatch.context() as ahead:
        for module in (token_replacement, server_clock):
            ahead.setattr(module, "utc_now", lambda: utc_now() + timedelta(minutes=1))
        replace_token(platform, fleet.caller, fleet.bot_ids[0], new["token"], new_identity=True)
    sandbox.start(person, new["username"])
    start(fleet, person, 900)
    assert states(fleet) == {person: "active"}
