"""A broadcast of a flow's step: everybody enters once, by the timer of the claim, and the ledger says what came of it."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from models import Bot, Broadcast, BroadcastRecipient, FlowRun, Timer
from services.core.times import utc_now
from services.fleet.bots.signals import bot_changed
from services.messaging.broadcasts.lifecycle import pause, resume, start, stop
from services.messaging.broadcasts.views import plan
from services.messaging.flows.people import pause_run, start_flow
from services.messaging.plugin_runtime.plugin_cache import PluginCache
from services.messaging.timers.own_update import timer_update
from services.messaging.timers.ringing import ring_due
from services.messaging.updates.contacts import Contacts
from services.messaging.updates.queued_update import HandlerResult, QueuedUpdate
from services.messaging.updates.update_processor import UpdateProcessor
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tests.services.messaging.broadcasts.conftest import Meet, rows, run, status_of
from tests.services.messaging.broadcasts.stepping import (
    OTHER,
    Make,
    both,
    publish,
    steps,
    switch,
    texts,
    timers,
)
from tests.services.messaging.draining import QUICK, QUICK_SENDING, handle_all
from tools.servers.fleet import working
from tools.servers.sandbox import Sandbox, wait_until


def states(platform: Platform, made: Broadcast) -> dict[int, tuple[str, str]]:
    return {person: (row.status, row.cause) for person, row in rows(platform, made).items()}


@pytest.mark.data
@pytest.mark.usefixtures("running", "ringing")
def test_everybody_enters_the_step_once_and_the_ledger_says_what_came_of_it(
    platform: Platform,
    sandbox: Sandbox,
    bots: list[Bot],
    meet: Meet,
    make_step: Make,
    caller: Principal,
) -> None:
    fine, gone, second = meet(4), meet(1), meet(2, 1)
    sandbox.block(gone[0], bots[0].username)
    made = make_step(has_opt_out=True)
    start(platform, caller, made.id)
    with working(platform, QUICK, QUICK_SENDING):
        wait_until(lambda: status_of(platform, made) == "done")
        wait_until(lambda: texts(sandbox) == both(fine + second))
    sent = dict.fromkeys(fine + second, ("sent", ""))
    assert states(platform, made) == {**sent, gone[0]: ("blocked", "blocked")}
    first = {(int(each["chat_id"]), each["text"]): each for each in sandbox.sent(method="sendMessage")}
    assert "No more" not in str(first[fine[0], "Hi Ana"]["params"])
    assert "No more" in str(first[fine[0], "Only today"]["params"])
    assert all(row.message_id for row in rows(platform, made).values() if row.status == "sent")
    assert steps(platform) == dict.fromkeys([*fine, *second, *gone], "offer")
    with platform.database.reading() as session:
        counts = session.scalars(select(Broadcast.counts)).one()
    assert counts == {"sent": 6, "blocked": 1, "causes": {"blocked": 1}}


@pytest.mark.data
@pytest.mark.usefixtures("running", "ringing")
def test_nobody_enters_after_a_pause_and_everybody_does_once_it_goes_on(
    platform: Platform, sandbox: Sandbox, meet: Meet, make_step: Make, caller: Principal
) -> None:
    people = meet(8)
    made = make_step()
    start(platform, caller, made.id)
    wait_until(
        lambda: all(row.status == "queued" for row in rows(platform, made).values()) and timers(platform)
    )
    pause(platform, caller, made.id)  # they are claimed, and no lane has handled them
    with working(platform, QUICK, QUICK_SENDING):
        wait_until(lambda: all(row.status == "waiting" for row in rows(platform, made).values()))
        assert (timers(platform), steps(platform), texts(sandbox)) == (0, {}, Counter())
        resume(platform, caller, made.id)
        wait_until(lambda: status_of(platform, made) == "done")
        wait_until(lambda: texts(sandbox) == both(people))
        stop_of = make_step(step="later")
        start(platform, caller, stop_of.id)
        stop(platform, caller, stop_of.id)
        handle_all(platform)
    assert not [text for _, text in texts(sandbox) if text == "Still there?"]


@pytest.mark.data
@pytest.mark.usefixtures("ringing")
def test_a_process_that_dies_behind_its_claim_leaves_nobody_out_and_nobody_twice(
    platform: Platform, sandbox: Sandbox, meet: Meet, make_step: Make, caller: Principal
) -> None:
    people = meet(6)
    made = make_step()
    start(platform, caller, made.id)
    run(platform, lambda: timers(platform) == 6)  # it ends here; whoever comes next finds them claimed
    with working(platform, QUICK, QUICK_SENDING):
        wait_until(lambda: texts(sandbox) == both(people))  # without anybody at the ledgers
        run(platform, lambda: status_of(platform, made) == "done")
    assert texts(sandbox) == both(people)
    assert {state for state, _ in states(platform, made).values()} == {"sent"}


def _process(platform: Platform, bot: Bot, update_of: dict[str, Any]) -> HandlerResult:
    processor = UpdateProcessor(platform, PluginCache(platform), Contacts(platform), QUICK)
    return processor.handle(QueuedUpdate("1-0", bot.id, "1", "request", json.dumps(update_of)))


def test_an_entrance_read_again_after_a_crash_is_made_real_though_the_broadcast_was_paused(
    platform: Platform, bots: list[Bot], meet: Meet, make_step: Make, caller: Principal
) -> None:
    (person,) = meet(1)
    made = make_step()
    start(platform, caller, made.id)
    run(platform, lambda: timers(platform) == 1)
    with platform.database.reading() as session:
        wanted = timer_update(session.scalars(select(Timer).where(Timer.key.startswith("put"))).one(), None)
    first = _process(platform, bots[0], wanted)
    pause(platform, caller, made.id)
    assert len(first.sends) == 2
    assert _process(platform, bots[0], wanted) == first
    assert rows(platform, made)[person].status == "queued"  # until its message has left
    with platform.database.reading() as session:
        assert session.scalars(select(FlowRun.revision)).one() == 1


@pytest.mark.usefixtures("running", "ringing")
def test_who_speaks_with_people_is_left_alone_and_who_is_in_another_step_is_moved(
    platform: Platform, sandbox: Sandbox, bots: list[Bot], meet: Meet, make_step: Make, caller: Principal
) -> None:
    busy, elsewhere = meet(2)
    with platform.database.transaction() as session:
        start_flow(session, [(bots[0].id, busy), (bots[0].id, elsewhere)], "sale")
    with working(platform, QUICK, QUICK_SENDING):
        wait_until(lambda: steps(platform) == {busy: "hello", elsewhere: "hello"})
        with platform.database.transaction() as session:
            pause_run(session, bots[0].id, busy, None)
        made = make_step()
        start(platform, caller, made.id)
        wait_until(lambda: status_of(platform, made) == "done")
    assert states(platform, made) == {busy: ("skipped", "with_people"), elsewhere: ("sent", "")}
    assert steps(platform) == {busy: "hello", elsewhere: "offer"}


@pytest.mark.usefixtures("running", "ringing")
def test_a_version_published_meanwhile_is_what_people_enter_and_a_step_without_a_heir_is_nobodys(
    platform: Platform, sandbox: Sandbox, bots: list[Bot], meet: Meet, make_step: Make, caller: Principal
) -> None:
    (person,) = meet(1)
    moved, gone = make_step(), make_step(step="later")
    for made in (moved, gone):
        start(platform, caller, made.id)
    wait_until(lambda: timers(platform) == 2)
    new = {"key": "deal", "messages": [{"text": "New deal"}]}
    publish(platform, bots[0].account_id, OTHER, new, moves={"offer": "deal", "later": None})
    with working(platform, QUICK, QUICK_SENDING):
        wait_until(lambda: {status_of(platform, moved), status_of(platform, gone)} == {"done"})
    assert texts(sandbox) == {(person, "New deal"): 1}
    assert states(platform, gone) == {person: ("skipped", "step_gone")}


@pytest.mark.usefixtures("running", "ringing")
def test_people_get_the_step_by_a_bot_that_plays_flows_and_one_that_loses_the_plugin_is_told(
    platform: Platform, sandbox: Sandbox, bots: list[Bot], meet: Meet, make_step: Make, caller: Principal
) -> None:
    both, only = meet(2)
    meet(1, 1, ids=[both])  # met last, but by a bot that plays nothing
    switch(platform, bots[1], on=False)
    made = make_step()
    found = plan(platform, caller, made.id)
    assert (found["people"], found["left_out"]) == (2, [bots[1].username])
    assert found["seconds"] == 1  # of 2 people with 2 messages each, 25 a second
    assert [each["bot_id"] for each in found["bots"]] == [bots[0].id]
    start(platform, caller, made.id)
    wait_until(lambda: len(rows(platform, made)) == 2 and timers(platform) == 2)
    pause(platform, caller, made.id)
    ring_due(platform)
    handle_all(platform)
    switch(platform, bots[0], on=False)
    resume(platform, caller, made.id)
    wait_until(lambda: status_of(platform, made) == "done")
    assert set(states(platform, made).values()) == {("skipped", "plays_no_flow")}
    assert {both, only} == set(rows(platform, made))


@pytest.mark.usefixtures("running", "ringing")
def test_a_message_and_a_step_can_be_compared(
    platform: Platform, sandbox: Sandbox, meet: Meet, make_step: Make, caller: Principal
) -> None:
    people = meet(12)
    made = make_step(
        variants=[
            {"name": "A", "percent": 50, "message": {"text": "Plain"}},
            {"name": "B", "percent": 50, "step": {"flow": "sale", "step": "later"}},
        ]
    )
    start(platform, caller, made.id)
    with working(platform, QUICK, QUICK_SENDING):
        wait_until(lambda: status_of(platform, made) == "done")
    said = {0: "Plain", 1: "Still there?"}
    assert texts(sandbox) == {(person, said[row.variant]): 1 for person, row in rows(platform, made).items()}
    assert set(steps(platform)) == {p for p, row in rows(platform, made).items() if row.variant == 1}
    assert len(rows(platform, made)) == len(people)


@pytest.mark.usefixtures("running", "ringing")
def test_the_brake_stops_a_step_that_many_block(
    platform: Platform, sandbox: Sandbox, bots: list[Bot], meet: Meet, make_step: Make, caller: Principal
) -> None:
    people = meet(90)
    for person in people[::2]:
        sandbox.block(person, bots[0].username)
    made = make_step(step="later", brake_percent=20)
    start(platform, caller, made.id)
    with working(platform, QUICK, QUICK_SENDING):
        wait_until(lambda: status_of(platform, made) == "braked")
        wait_until(lambda: not any(row.status == "queued" for row in rows(platform, made).values()))
    reached = Counter(row.status for row in rows(platform, made).values())
    assert reached["waiting"] >= 40, reached


def test_people_who_cannot_enter_for_long_are_left_out_and_whose_messages_vanished_are_uncertain(
    platform: Platform, bots: list[Bot], meet: Meet, make_step: Make, caller: Principal
) -> None:
    kept_out, lost = meet(2)
    made = make_step()
    start(platform, caller, made.id)
    run(platform, lambda: timers(platform) == 2)
    with platform.database.transaction() as session:  # one entered, and Redis forgot what the step said
        session.execute(delete(Timer).where(Timer.telegram_id == lost))
        long_ago = utc_now() - timedelta(hours=2)
        session.execute(update(BroadcastRecipient).values(at=long_ago))
    run(platform, lambda: status_of(platform, made) == "done")
    assert states(platform, made) == {kept_out: ("skipped", "kept_out"), lost: ("uncertain", "lost")}
    assert timers(platform) == 0


@pytest.mark.usefixtures("running", "ringing")
def test_people_of_a_bot_that_rests_wait_until_it_is_back(
    platform: Platform, sandbox: Sandbox, bots: list[Bot], meet: Meet, make_step: Make, caller: Principal
) -> None:
    (waits,), (gets,) = meet(1), meet(1, 1)
    _rest(platform, bots[0], is_resting=True)
    made = make_step(step="later")
    start(platform, caller, made.id)
    with working(platform, QUICK, QUICK_SENDING):
        wait_until(lambda: len(rows(platform, made)) == 2 and states(platform, made)[gets] == ("sent", ""))
        assert states(platform, made)[waits] == ("waiting", "")
        assert status_of(platform, made) == "running"
        _rest(platform, bots[0], is_resting=False)
        wait_until(lambda: status_of(platform, made) == "done")
    assert states(platform, made)[waits] == ("sent", "")


def _rest(platform: Platform, bot: Bot, *, is_resting: bool) -> None:
    with platform.database.transaction() as session:
        session.execute(
            update(Bot)
            .where(Bot.id == bot.id)
            .values(maintenance=is_resting, config_version=Bot.config_version + 1)
        )
    bot_changed(platform, bot.id)
