"""From a start to everybody's message: fed to outboxes, settled in the ledger, paused, stopped and braked."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from models import Bot, Broadcast, BroadcastRecipient, Lead, Notification
from plugins.database import MAX_TAGS
from services.core.errors import Conflict, NotFound
from services.messaging.broadcasts import ledger
from services.messaging.broadcasts.drafts import change_sent
from services.messaging.broadcasts.feed import Feed
from services.messaging.broadcasts.fields import ChangeOfSent
from services.messaging.broadcasts.lifecycle import pause, resume, start, stop
from services.messaging.broadcasts.outbox_link import Offer, OutboxLink, halt
from services.messaging.updates.intake import Intake
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import broadcast_keys, keys
from tests.services.messaging.broadcasts.conftest import Meet, is_done, rows, run, status_of
from tests.services.messaging.draining import QUICK, QUICK_SENDING, send_all
from tools.servers.fleet import stream, working
from tools.servers.sandbox import Sandbox, wait_until

Make = Callable[..., Broadcast]


def _texts(sandbox: Sandbox) -> Counter[int]:
    return Counter(int(each["chat_id"]) for each in sandbox.sent(method="sendMessage"))


def _waiting(platform: Platform, bot: Bot) -> int:
    return int(platform.redis.xlen(keys.outbox(bot.id, "bulk")))


def _told(platform: Platform) -> list[Notification]:
    with platform.database.reading() as session:
        return list(session.scalars(select(Notification).where(Notification.kind.startswith("broadcast"))))


def _link(platform: Platform) -> OutboxLink:
    """As a process that holds the ledgers' lease until now."""
    held = platform.leases.take("broadcasts")
    assert held is not None
    link = OutboxLink(platform, held)
    held.release()
    return link


@pytest.mark.data
@pytest.mark.usefixtures("running")
def test_everybody_gets_one_copy_and_the_ledger_says_what_came_of_it(
    platform: Platform, sandbox: Sandbox, bots: list[Bot], meet: Meet, make: Make, caller: Principal
) -> None:
    fine, gone = meet(6), meet(1)
    sandbox.block(gone[0], bots[0].username)
    second = meet(3, 1)
    made = make()
    start(platform, caller, made.id)
    with working(platform, QUICK, QUICK_SENDING):
        wait_until(lambda: status_of(platform, made) == "done")
    assert _texts(sandbox) == Counter(fine + second)
    found = rows(platform, made)
    assert {person: row.status for person, row in found.items()} == {
        **dict.fromkeys(fine + second, "sent"),
        gone[0]: "blocked",
    }
    assert all(found[person].message_id for person in fine + second)
    with platform.database.reading() as session:
        counts = session.scalars(select(Broadcast.counts)).one()
        assert session.scalars(select(Lead.state).where(Lead.telegram_id == gone[0])).one() == "blocked"
    assert counts == {"sent": 9, "blocked": 1, "causes": {"blocked": 1}}
    wait_until(lambda: not platform.redis.xlen(broadcast_keys.outcomes()))
    assert not platform.redis.exists(broadcast_keys.given(made.id))
    (told,) = _told(platform)
    assert (told.kind, told.account_id) == ("broadcast_done", caller.account_id)
    assert (told.params["sent"], told.params["blocked"]) == (9, 1)


@pytest.mark.usefixtures("running")
def test_nothing_leaves_after_a_pause_and_everybody_gets_theirs_after_it(
    platform: Platform, sandbox: Sandbox, bots: list[Bot], meet: Meet, make: Make, caller: Principal
) -> None:
    people = meet(12)
    made = make()
    start(platform, caller, made.id)
    wait_until(lambda: platform.redis.xlen(keys.outbox(bots[0].id, "bulk")) == 12)
    pause(platform, caller, made.id)  # the whole window lies in the outbox, and nobody has sent yet
    with working(platform, QUICK, QUICK_SENDING):
        wait_until(lambda: all(row.status == "waiting" for row in rows(platform, made).values()))
        assert not _texts(sandbox)
        resume(platform, caller, made.id)
        wait_until(lambda: status_of(platform, made) == "done")
    assert _texts(sandbox) == Counter(people)


@pytest.mark.usefixtures("running")
def test_a_stopped_broadcast_sends_nothing_more_and_never_goes_on(
    platform: Platform, sandbox: Sandbox, bots: list[Bot], meet: Meet, make: Make, caller: Principal
) -> None:
    meet(5)
    made = make()
    start(platform, caller, made.id)
    wait_until(lambda: platform.redis.xlen(keys.outbox(bots[0].id, "bulk")) == 5)
    stop(platform, caller, made.id)
    send_all(platform, bots[0])
    assert not _texts(sandbox)
    with pytest.raises(Conflict):
        resume(platform, caller, made.id)


@pytest.mark.usefixtures("running")
def test_the_brake_pauses_a_broadcast_that_many_block_before_most_are_reached(
    platform: Platform, sandbox: Sandbox, bots: list[Bot], meet: Meet, make: Make, caller: Principal
) -> None:
    people = meet(120)
    for person in people[::2]:
        sandbox.block(person, bots[0].username)
    made = make(brake_percent=20)
    start(platform, caller, made.id)
    with working(platform, QUICK, QUICK_SENDING):
        wait_until(lambda: status_of(platform, made) == "braked")
        wait_until(lambda: not any(row.status == "queued" for row in rows(platform, made).values()))
    reached = Counter(row.status for row in rows(platform, made).values())
    assert reached["waiting"] >= 60, reached
    assert [each.kind for each in _told(platform)] == ["broadcast_braked"]


@pytest.mark.data
def test_whoever_was_claimed_before_a_crash_is_given_to_an_outbox_once(
    platform: Platform, sandbox: Sandbox, bots: list[Bot], meet: Meet, make: Make, caller: Principal
) -> None:
    people = meet(4)
    made = make()
    start(platform, caller, made.id)
    with platform.database.transaction() as session:
        broadcast = session.get(Broadcast, made.id)
        assert broadcast is not None
        broadcast.status = "running"
        session.add_all(
            BroadcastRecipient(broadcast_id=made.id, telegram_id=person, bot_id=bots[0].id)
            for person in people
        )
        session.flush()
        chosen = ledger.choose(session, made.id, made.kind, {bots[0].id: 3})
        assert ledger.claim(session, broadcast, chosen)  # and then the process died
    run(platform, lambda: _waiting(platform, bots[0]) == 4)
    Feed(platform, _link(platform), made).mend(grace_seconds=0.0)  # all of them are in the outbox already
    assert _waiting(platform, bots[0]) == 4
    send_all(platform, bots[0])
    run(platform, lambda: status_of(platform, made) == "done")
    assert _texts(sandbox) == Counter(people)
    assert status_of(platform, made) == "done"


def test_who_lost_the_ledgers_puts_nothing_into_outboxes(
    platform: Platform, bots: list[Bot], meet: Meet, make: Make, caller: Principal
) -> None:
    meet(2)
    made = make()
    link = _link(platform)
    next_one = platform.leases.take("broadcasts")
    assert next_one is not None
    assert not link.offer(made.id, [Offer(bots[0].id, 5, "sendMessage", {"chat_id": 5, "text": "x"})])
    assert not platform.redis.exists(keys.outbox(bots[0].id, "bulk"))


def test_a_message_that_vanished_from_its_outbox_is_uncertain(
    platform: Platform, bots: list[Bot], meet: Meet, make: Make, caller: Principal
) -> None:
    (person,) = meet(1)
    made = make()
    start(platform, caller, made.id)
    run(platform, lambda: _waiting(platform, bots[0]))
    platform.redis.delete(keys.outbox(bots[0].id, "bulk"))
    run(platform, lambda: status_of(platform, made) == "done")
    assert rows(platform, made)[person].status == "uncertain"
    assert status_of(platform, made) == "done"


def test_a_send_that_was_under_way_in_a_crash_is_not_made_again(
    platform: Platform, sandbox: Sandbox, bots: list[Bot], meet: Meet, make: Make, caller: Principal
) -> None:
    (person,) = meet(1)
    made = make()
    start(platform, caller, made.id)
    run(platform, lambda: _waiting(platform, bots[0]))
    ((entry, _),) = stream(platform, keys.outbox(bots[0].id, "bulk"))
    platform.redis.hset(keys.outbox_flying(bots[0].id), f"1:{entry}", "1")
    send_all(platform, bots[0])
    run(platform, lambda: status_of(platform, made) == "done")
    assert not _texts(sandbox)
    assert rows(platform, made)[person].status == "uncertain"


@pytest.mark.usefixtures("running")
def test_a_mark_that_a_pause_sets_after_somebody_went_on_holds_nothing_up_for_long(
    platform: Platform, sandbox: Sandbox, bots: list[Bot], meet: Meet, make: Make, caller: Principal
) -> None:
    people = meet(3)
    made = make()
    start(platform, caller, made.id)
    wait_until(lambda: _waiting(platform, bots[0]) == 3)
    halt(platform, made.id)  # late: whoever paused has slept between commit and mark
    with working(platform, QUICK, QUICK_SENDING):
        wait_until(lambda: status_of(platform, made) == "done")
    assert _texts(sandbox) == Counter(people)


def test_somebody_who_is_erased_while_their_message_is_under_way_is_not_waited_for(
    platform: Platform, bots: list[Bot], meet: Meet, make: Make, caller: Principal
) -> None:
    (person,) = meet(1)
    made = make()
    start(platform, caller, made.id)
    run(platform, lambda: _waiting(platform, bots[0]))
    feed = Feed(platform, _link(platform), made)
    feed.begin()
    assert not feed.is_over
    with platform.database.transaction() as session:
        session.execute(delete(BroadcastRecipient).where(BroadcastRecipient.telegram_id == person))
    feed.mend(grace_seconds=30.0)
    assert feed.is_over


@pytest.mark.usefixtures("running")
def test_who_wants_no_more_says_so_with_a_button_and_is_left_out(
    platform: Platform, sandbox: Sandbox, bots: list[Bot], meet: Meet, make: Make, caller: Principal
) -> None:
    person, other = meet(2)
    with (
        platform.database.transaction() as session
    ):  # as many tags as a person may have: that keeps nobody in
        session.execute(
            update(Lead).where(Lead.telegram_id == person).values(tags=[str(n) for n in range(MAX_TAGS)])
        )
    made = make(has_opt_out=True)
    start(platform, caller, made.id)
    with working(platform, QUICK, QUICK_SENDING):
        wait_until(lambda: status_of(platform, made) == "done")
        sent = next(each for each in sandbox.sent(method="sendMessage") if int(each["chat_id"]) == person)
        Intake(platform).accept(bots[0].id, _tap(person, _callback_data(sent)))
        wait_until(lambda: sandbox.calls("answerCallbackQuery"))
        again = make()
        start(platform, caller, again.id)
        wait_until(lambda: status_of(platform, again) == "done")
    assert list(rows(platform, again)) == [other]


def _callback_data(sent: dict[str, Any]) -> str:
    markup = sent["params"]["reply_markup"]
    found = json.loads(markup) if isinstance(markup, str) else markup
    return str(found["inline_keyboard"][-1][0]["callback_data"])


def _tap(person: int, data: str) -> dict[str, Any]:
    who = {"id": person, "is_bot": False, "first_name": "Ana"}
    chat = {"id": person, "type": "private"}
    message = {"message_id": 1, "date": 1_700_000_000, "chat": chat, "text": "Hi"}
    return {
        "update_id": 9,
        "callback_query": {"id": "7", "from": who, "chat_instance": "1", "message": message, "data": data},
    }


@pytest.mark.usefixtures("running")
def test_what_was_sent_is_edited_and_then_deleted(
    platform: Platform, sandbox: Sandbox, bots: list[Bot], meet: Meet, make: Make, caller: Principal
) -> None:
    people = meet(2)
    made = make()
    start(platform, caller, made.id)
    with working(platform, QUICK, QUICK_SENDING):
        wait_until(lambda: status_of(platform, made) == "done")
        new = ChangeOfSent.model_validate({"message": {"text": "Better"}})
        for wanted, said in ((new, ["Better"]), (ChangeOfSent(), [])):
            second = change_sent(platform, caller, made.id, wanted)
            start(platform, caller, second.id)
            wait_until(partial(is_done, platform, second))
            found = sandbox.transcript(people[0], bots[0].username)
            assert [
                each["text"] for each in found if each["direction"] == "out" and not each["deleted"]
            ] == said


def test_somebody_elses_broadcast_is_not_there(
    platform: Platform, bots: list[Bot], make: Make, caller: Principal
) -> None:
    made = make()
    stranger = Principal(caller.account_id + 1, "user:stranger")
    for act in (start, pause, resume, stop):
        with pytest.raises(NotFound):
            act(platform, stranger, made.id)
