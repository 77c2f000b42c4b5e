"""A broadcast of a flow's step: everybody enters once, by the timer of the claim, and the ledger says what came of it."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import func, select, update

from models import Bot, BotPlugin, Broadcast, BroadcastRecipient, Flow, FlowRun, FlowVersion, Timer
from services.core.errors import Conflict, FlotillaError
from services.core.times import utc_now
from services.fleet.flows.flows import delete_flow
from services.messaging.broadcasts.drafts import change_sent, create_broadcast
from services.messaging.broadcasts.fields import ChangeOfSent, NewBroadcast, PreviewFields
from services.messaging.broadcasts.fields import TestFields as TryFields
from services.messaging.broadcasts.lifecycle import pause, resume, start, stop
from services.messaging.broadcasts.previews import picture, send_test
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
from services.platform.redis import keys
from tests.services.messaging.broadcasts.conftest import Meet, rows, run, status_of
from tests.services.messaging.draining import QUICK, QUICK_SENDING, handle_all
from tools.servers.fleet import working
from tools.servers.sandbox import Sandbox, wait_until

OFFER: dict[str, Any] = {
    "key": "offer",
    "actions": [{"kind": "goal", "goal": "saw_offer"}],
    "messages": [{"text": "Hi {first_name}"}, {"text": "Only today"}],
    "follow_ups": [{"after": 3600, "step": "later"}],
}
OTHER: dict[str, Any] = {"key": "hello", "messages": [{"text": "Welcome"}]}
LATER: dict[str, Any] = {"key": "later", "messages": [{"text": "Still there?"}]}
Make = Callable[..., Broadcast]


def publish(
    platform: Platform, account_id: int, *steps: dict[str, Any], moves: dict[str, str | None] | None = None
) -> Flow:
    """The rows of a publication of the flow "sale"."""
    with platform.database.transaction() as session:
        flow = session.scalars(select(Flow).where(Flow.account_id == account_id, Flow.key == "sale")).first()
        if flow is None:
            flow = Flow(account_id=account_id, key="sale", name="Sale", draft={}, draft_by="test")
            session.add(flow)
            session.flush()
        flow.published = (flow.published or 0) + 1
        document = {"start": steps[0]["key"], "steps": list(steps), "variables": {}}
        session.add(
            FlowVersion(
                flow_id=flow.id,
                number=flow.published,
                document=document,
                published_by="test",
                moves=moves or {},
            )
        )
    return flow


@pytest.fixture
def flow(platform: Platform, bots: list[Bot]) -> Flow:
    """A published flow; both bots play flows."""
    with platform.database.transaction() as session:
        session.add_all(
            BotPlugin(bot_id=bot.id, name="flow", config={"flow": "sale"}, position=-1) for bot in bots
        )
    return publish(platform, bots[0].account_id, OTHER, OFFER, LATER)


@pytest.fixture
def make_step(platform: Platform, caller: Principal, flow: Flow) -> Make:
    """A draft of the step `offer`: make_step(step="later", has_opt_out=True)."""

    def made(*, step: str = "offer", **more: Any) -> Broadcast:
        variants = more.pop("variants", [{"step": {"flow": "sale", "step": step}}])
        given = {"name": "Sale", "variants": variants, "has_opt_out": False, "brake_percent": 0, **more}
        return create_broadcast(platform, caller, NewBroadcast.model_validate(given))

    return made


@pytest.fixture
def ringing(platform: Platform) -> Iterator[None]:
    """The clock that rings timers."""
    stopping = threading.Event()

    def for_ever() -> None:
        while not stopping.is_set():
            ring_due(platform)
            stopping.wait(0.05)

    thread = threading.Thread(target=for_ever, daemon=True)
    thread.start()
    yield
    stopping.set()
    thread.join(10)


def _texts(sandbox: Sandbox) -> Counter[tuple[int, str]]:
    return Counter((int(each["chat_id"]), str(each["text"])) for each in sandbox.sent(method="sendMessage"))


def _both(people: list[int]) -> Counter[tuple[int, str]]:
    return Counter((person, text) for person in people for text in ("Hi Ana", "Only today"))


def _steps(platform: Platform) -> dict[int, str]:
    with platform.database.reading() as session:
        return dict(session.execute(select(FlowRun.telegram_id, FlowRun.step)).all())


def _timers(platform: Platform) -> int:
    with platform.database.reading() as session:
        return session.scalar(select(func.count()).select_from(Timer).where(Timer.key.startswith("put"))) or 0


def _states(platform: Platform, made: Broadcast) -> dict[int, tuple[str, str]]:
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
        wait_until(lambda: _texts(sandbox) == _both(fine + second))
    sent = dict.fromkeys(fine + second, ("sent", ""))
    assert _states(platform, made) == {**sent, gone[0]: ("blocked", "blocked")}
    first = {(int(each["chat_id"]), each["text"]): each for each in sandbox.sent(method="sendMessage")}
    assert "No more" not in str(first[fine[0], "Hi Ana"]["params"])
    assert "No more" in str(first[fine[0], "Only today"]["params"])
    assert all(row.message_id for row in rows(platform, made).values() if row.status == "sent")
    assert _steps(platform) == dict.fromkeys([*fine, *second, *gone], "offer")
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
        lambda: all(row.status == "queued" for row in rows(platform, made).values()) and _timers(platform)
    )
    pause(platform, caller, made.id)  # they are claimed, and no lane has handled them
    with working(platform, QUICK, QUICK_SENDING):
        wait_until(lambda: all(row.status == "waiting" for row in rows(platform, made).values()))
        assert (_timers(platform), _steps(platform), _texts(sandbox)) == (0, {}, Counter())
        resume(platform, caller, made.id)
        wait_until(lambda: status_of(platform, made) == "done")
        wait_until(lambda: _texts(sandbox) == _both(people))
        stop_of = make_step(step="later")
        start(platform, caller, stop_of.id)
        stop(platform, caller, stop_of.id)
        handle_all(platform)
    assert not [text for _, text in _texts(sandbox) if text == "Still there?"]


@pytest.mark.data
@pytest.mark.usefixtures("ringing")
def test_a_process_that_dies_behind_its_claim_leaves_nobody_out_and_nobody_twice(
    platform: Platform, sandbox: Sandbox, meet: Meet, make_step: Make, caller: Principal
) -> None:
    people = meet(6)
    made = make_step()
    start(platform, caller, made.id)
    run(platform, lambda: _timers(platform) == 6)  # it ends here; whoever comes next finds them claimed
    with working(platform, QUICK, QUICK_SENDING):
        wait_until(lambda: _texts(sandbox) == _both(people))  # without anybody at the ledgers
        run(platform, lambda: status_of(platform, made) == "done")
    assert _texts(sandbox) == _both(people)
    assert {state for state, _ in _states(platform, made).values()} == {"sent"}


def _process(platform: Platform, bot: Bot, update_of: dict[str, Any]) -> HandlerResult:
    processor = UpdateProcessor(platform, PluginCache(platform), Contacts(platform), QUICK)
    return processor.handle(QueuedUpdate("1-0", bot.id, "1", "request", json.dumps(update_of)))


def test_an_entrance_read_again_after_a_crash_is_made_real_though_the_broadcast_was_paused(
    platform: Platform, bots: list[Bot], meet: Meet, make_step: Make, caller: Principal
) -> None:
    (person,) = meet(1)
    made = make_step()
    start(platform, caller, made.id)
    run(platform, lambda: _timers(platform) == 1)
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
        wait_until(lambda: _steps(platform) == {busy: "hello", elsewhere: "hello"})
        with platform.database.transaction() as session:
            pause_run(session, bots[0].id, busy, None)
        made = make_step()
        start(platform, caller, made.id)
        wait_until(lambda: status_of(platform, made) == "done")
    assert _states(platform, made) == {busy: ("skipped", "with_people"), elsewhere: ("sent", "")}
    assert _steps(platform) == {busy: "hello", elsewhere: "offer"}


@pytest.mark.usefixtures("running", "ringing")
def test_a_version_published_meanwhile_is_what_people_enter_and_a_step_without_a_heir_is_nobodys(
    platform: Platform, sandbox: Sandbox, bots: list[Bot], meet: Meet, make_step: Make, caller: Principal
) -> None:
    (person,) = meet(1)
    moved, gone = make_step(), make_step(step="later")
    for made in (moved, gone):
        start(platform, caller, made.id)
        wait_until(lambda: rows(platform, made) and rows(platform, made)[person].status == "queued")
    new = {"key": "deal", "messages": [{"text": "New deal"}]}
    publish(platform, bots[0].account_id, OTHER, new, moves={"offer": "deal", "later": None})
    with working(platform, QUICK, QUICK_SENDING):
        wait_until(lambda: {status_of(platform, moved), status_of(platform, gone)} == {"done"})
    assert _texts(sandbox) == {(person, "New deal"): 1}
    assert _states(platform, gone) == {person: ("skipped", "step_gone")}


@pytest.mark.usefixtures("running", "ringing")
def test_people_get_the_step_by_a_bot_that_plays_flows_and_one_that_loses_the_plugin_is_told(
    platform: Platform, sandbox: Sandbox, bots: list[Bot], meet: Meet, make_step: Make, caller: Principal
) -> None:
    both, only = meet(2)
    meet(1, 1, ids=[both])  # met last, but by a bot that plays nothing
    _switch(platform, bots[1], on=False)
    made = make_step()
    found = plan(platform, caller, made.id)
    assert (found["people"], found["left_out"]) == (2, [bots[1].username])
    assert [each["bot_id"] for each in found["bots"]] == [bots[0].id]
    start(platform, caller, made.id)
    wait_until(lambda: len(rows(platform, made)) == 2 and _timers(platform) == 2)
    pause(platform, caller, made.id)
    ring_due(platform)
    handle_all(platform)
    _switch(platform, bots[0], on=False)
    resume(platform, caller, made.id)
    wait_until(lambda: status_of(platform, made) == "done")
    assert set(_states(platform, made).values()) == {("skipped", "plays_no_flow")}
    assert {both, only} == set(rows(platform, made))


def _switch(platform: Platform, bot: Bot, *, on: bool) -> None:
    with platform.database.transaction() as session:
        session.execute(update(BotPlugin).where(BotPlugin.bot_id == bot.id).values(enabled=on))


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
    texts = {0: "Plain", 1: "Still there?"}
    assert _texts(sandbox) == {
        (person, texts[row.variant]): 1 for person, row in rows(platform, made).items()
    }
    assert set(_steps(platform)) == {p for p, row in rows(platform, made).items() if row.variant == 1}
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


def test_what_cannot_be_sent_is_refused_by_name(
    platform: Platform, bots: list[Bot], flow: Flow, make_step: Make, caller: Principal
) -> None:
    def refusal(**more: Any) -> tuple[str, str]:
        with pytest.raises(FlotillaError) as found:
            make_step(**more)
        return found.value.code, str(found.value)

    silent = {"key": "silent", "actions": [{"kind": "tag", "tag": "x"}]}
    publish(platform, bots[0].account_id, OTHER, OFFER, LATER, silent)
    with platform.database.transaction() as session:
        session.add(Flow(account_id=caller.account_id, key="new", name="New", draft={}, draft_by="test"))
    assert refusal(step="nowhere")[0] == "broadcast_step_missing"
    assert refusal(step="silent")[0] == "broadcast_step_silent"
    unknown = [{"step": {"flow": "nothing", "step": "offer"}}]
    assert refusal(variants=unknown)[0] == "broadcast_flow_unknown"
    draft = [{"step": {"flow": "new", "step": "offer"}}]
    assert refusal(variants=draft)[0] == "broadcast_flow_unpublished"
    assert refusal(per_second=31)[0] == "broadcast_unpaid"
    _switch(platform, bots[1], on=False)
    code, words = refusal(audience={"bots": [bots[0].id, bots[1].id]})
    assert (code, f"@{bots[1].username}" in words, f"@{bots[0].username}" in words) == (
        "broadcast_bots_play_no_flow",
        True,
        False,
    )
    make_step()
    _switch(platform, bots[0], on=False)
    assert refusal()[0] == "broadcast_bots_play_no_flow"
    with pytest.raises(Conflict) as used:  # a broadcast that is not over needs it
        delete_flow(platform, caller, flow.id)
    assert "Sale" in str(used.value)


def test_a_step_cannot_be_edited_or_deleted_afterwards(
    platform: Platform, make_step: Make, caller: Principal
) -> None:
    made = make_step()
    with platform.database.transaction() as session:
        session.execute(update(Broadcast).values(status="done", counts={"sent": 1}, ended_at=utc_now()))
    with pytest.raises(Conflict) as refused:
        change_sent(platform, caller, made.id, ChangeOfSent())
    assert refused.value.code == "broadcast_of_step"


def test_a_step_is_shown_and_tried_as_it_will_be(
    platform: Platform, bots: list[Bot], meet: Meet, make_step: Make, caller: Principal
) -> None:
    (person,) = meet(1)
    made = make_step()
    wanted = PreviewFields.model_validate({"step": {"flow": "sale", "step": "offer"}})
    shown = picture(platform, caller, wanted, "en")["messages"]
    assert [bool(each["rows"]) for each in shown] == [False, True]
    with pytest.raises(ValidationError):
        PreviewFields.model_validate({})
    send_test(platform, caller, made.id, TryFields(bot_id=bots[0].id, telegram_id=person))
    ring_due(platform)
    handle_all(platform)
    assert _steps(platform) == {person: "offer"}
    assert platform.redis.xlen(keys.outbox(bots[0].id, "bulk")) == 2
    with platform.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(BroadcastRecipient)) == 0
