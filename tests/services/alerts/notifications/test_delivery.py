"""From a notification to its destinations: grouped, retried, recovered, at least once, by one worker at a time."""

from __future__ import annotations

import json
import threading
from datetime import timedelta

import pytest

from models import Bot, BotStatus
from services.alerts.notifications.claims import CLAIM_SECONDS, claim_due
from services.alerts.notifications.fields import Rule
from services.alerts.notifications.kinds import Kind
from services.alerts.notifications.notify import notify, recent
from services.alerts.notifications.planning import COOL_DOWN
from services.alerts.notifications.registry import delete_destination, update_destination
from services.alerts.notifications.sending import deliver_due, wake_if_due
from services.core.i18n import NO_TEXT, Text, translate
from services.fleet.bots.status import write_status
from tests.services.alerts.notifications.world import Owner
from tests.services.fleet.health.world import Moving
from tools.servers.receivers import Receiver


def kinds(receiver: Receiver) -> list[list[str]]:
    """The kinds of the events of each message that arrived."""
    return [[event["kind"] for event in json.loads(post.body)["events"]] for post in receiver.posts]


@pytest.mark.data
def test_a_notification_goes_to_the_panel_and_to_the_destination(owner: Owner, receiver: Receiver) -> None:
    owner.webhook(receiver.url)
    owner.tell(Kind.MEMBER_OFFLINE)
    assert owner.send() == 1
    assert kinds(receiver) == [["member_offline"]]
    assert owner.statuses() == ["sent"]
    assert owner.send() == 0


def test_without_destinations_only_the_panel_has_it(owner: Owner) -> None:
    owner.tell(Kind.MEMBER_OFFLINE)
    assert owner.deliveries() == []
    assert len(recent(owner.platform, owner.caller)) == 1


@pytest.mark.data
def test_a_rolled_back_change_sends_nothing(owner: Owner, receiver: Receiver) -> None:
    owner.webhook(receiver.url)
    with pytest.raises(ZeroDivisionError), owner.platform.database.transaction() as session:
        notify(session, owner.caller.account_id, "outage_over", "recovery", "once", {})
        raise ZeroDivisionError
    assert owner.send() == 0
    assert owner.deliveries() == []


@pytest.mark.data
def test_several_events_of_a_pool_are_one_message_and_several_rows_in_the_panel(
    owner: Owner, receiver: Receiver
) -> None:
    owner.webhook(receiver.url)
    owner.tell(Kind.MEMBER_OFFLINE)
    owner.clock.pause(4)
    owner.tell(Kind.POOL_CRITICAL)
    assert owner.send(2) == 1
    assert kinds(receiver) == [["member_offline", "pool_critical"]]
    assert len(recent(owner.platform, owner.caller)) == 2


@pytest.mark.data
def test_a_recovery_goes_only_to_those_that_got_the_alarm(owner: Owner, receiver: Receiver) -> None:
    told = owner.webhook(f"{receiver.url}/told").destination
    owner.webhook(f"{receiver.url}/not", rules=(Rule(min_level="critical"),))
    owner.tell(Kind.MEMBER_OFFLINE)
    owner.send()
    late = owner.webhook(f"{receiver.url}/late").destination
    owner.clock.pause(60)
    owner.tell(Kind.MEMBER_ONLINE)
    owner.send()
    assert [post.path for post in receiver.posts] == ["/told", "/told"]
    assert {row.destination_id for row in owner.deliveries()} == {told.id}
    assert late.id not in {row.destination_id for row in owner.deliveries()}


def test_a_recovery_waits_for_an_alarm_that_is_still_on_its_way(owner: Owner, receiver: Receiver) -> None:
    owner.webhook(receiver.url)
    receiver.answers = [(500, {})]
    owner.tell(Kind.MEMBER_OFFLINE)
    assert owner.send() == 0
    owner.tell(Kind.MEMBER_ONLINE)
    assert owner.send(10) == 0
    assert owner.send(25) == 2
    assert kinds(receiver) == [["member_offline"], ["member_offline"], ["member_online"]]


def test_no_recovery_follows_an_alarm_that_never_arrived(owner: Owner, receiver: Receiver) -> None:
    owner.webhook(receiver.url)
    receiver.answers = [(400, {})]
    owner.tell(Kind.MEMBER_OFFLINE)
    owner.send()
    owner.tell(Kind.MEMBER_ONLINE)
    owner.send()
    assert kinds(receiver) == [["member_offline"]]


@pytest.mark.data
def test_a_bot_that_flaps_sends_one_pair_within_the_cool_down(owner: Owner, receiver: Receiver) -> None:
    owner.webhook(receiver.url)
    for _ in range(4):
        owner.tell(Kind.MEMBER_OFFLINE)
        owner.send(20)
        owner.tell(Kind.MEMBER_ONLINE)
        owner.send(20)
    owner.send(3600)
    assert kinds(receiver) == [["member_offline"], ["member_online"]]
    assert owner.statuses().count("skipped") == 3
    assert len(recent(owner.platform, owner.caller)) == 8


def test_a_loss_that_lasts_beyond_the_cool_down_is_told_at_its_end(owner: Owner, receiver: Receiver) -> None:
    owner.webhook(receiver.url)
    owner.tell(Kind.MEMBER_OFFLINE)
    owner.send()
    owner.tell(Kind.MEMBER_ONLINE)
    owner.send()
    owner.tell(Kind.MEMBER_OFFLINE)
    assert owner.send(60) == 0
    assert owner.send(COOL_DOWN.total_seconds()) == 1
    owner.tell(Kind.MEMBER_ONLINE)
    assert owner.send() == 1
    assert kinds(receiver) == [["member_offline"], ["member_online"]] * 2


def test_a_failed_message_is_repeated_with_growing_waits_and_the_same_key(
    owner: Owner, receiver: Receiver
) -> None:
    place = owner.webhook(receiver.url).destination
    receiver.answers = [(503, {})] * 3
    owner.tell(Kind.MEMBER_OFFLINE)
    assert owner.send() == 0
    waits = [(row.next_attempt_at - owner.clock()).total_seconds() for row in owner.deliveries()]
    assert waits == [pytest.approx(30, abs=1)]
    assert translate(owner.destination(place.id).last_error, "pt") == "O receptor respondeu 503"
    assert [owner.send(wait) for wait in (29, 2, 68, 150)] == [0, 0, 0, 1]
    assert len({post.headers["Idempotency-Key"] for post in receiver.posts}) == 1
    assert len({post.body for post in receiver.posts}) == 1
    assert owner.statuses() == ["sent"]
    assert owner.destination(place.id).last_error == NO_TEXT


@pytest.mark.data
def test_after_eight_tries_it_is_given_up_and_the_panel_says_so(owner: Owner, receiver: Receiver) -> None:
    owner.webhook(receiver.url)
    receiver.answers = [(500, {})] * 20
    owner.tell(Kind.MEMBER_OFFLINE)
    for _ in range(12):
        owner.send(3600)
    assert len(receiver.posts) == 8
    assert owner.statuses() == ["failed"]
    newest = recent(owner.platform, owner.caller)[0]
    assert (newest.kind, newest.params["destination"]) == ("destination_failed", "Hook")


def test_a_refusal_is_final_and_told_through_the_other_destination(owner: Owner, receiver: Receiver) -> None:
    refused = owner.webhook(f"{receiver.url}/refused", rules=(Rule(kind="member_offline"),)).destination
    owner.webhook(f"{receiver.url}/other", rules=(Rule(kind="destination_failed"),))
    receiver.answers = [(410, {})]
    owner.tell(Kind.MEMBER_OFFLINE)
    owner.send()
    owner.send()
    assert [post.path for post in receiver.posts] == ["/refused", "/other"]
    row = owner.destination(refused.id)
    assert (row.is_refused, str(row.last_error)) == (True, "The receiver answered 410")


def test_the_receiver_may_ask_for_a_longer_wait(owner: Owner, receiver: Receiver) -> None:
    owner.webhook(receiver.url)
    receiver.answers = [(429, {"Retry-After": "500"})]
    owner.tell(Kind.MEMBER_OFFLINE)
    owner.send()
    assert owner.send(480) == 0
    assert owner.send(30) == 1


@pytest.mark.data
def test_rules_choose_by_kind_level_and_pool(owner: Owner, receiver: Receiver) -> None:
    owner.webhook(f"{receiver.url}/critical", rules=(Rule(min_level="critical"),))
    owner.webhook(f"{receiver.url}/offline", rules=(Rule(kind="member_offline"),))
    owner.webhook(f"{receiver.url}/pool", rules=(Rule(pool_id=owner.pool_id),))
    owner.tell(Kind.MEMBER_OFFLINE)
    owner.send()
    assert sorted(post.path for post in receiver.posts) == ["/offline", "/pool"]
    owner.tell(Kind.POOL_CRITICAL)
    owner.send()
    assert sorted(post.path for post in receiver.posts[2:]) == ["/critical", "/pool"]


@pytest.mark.data
def test_a_worker_that_dies_while_sending_leaves_the_message_to_the_next(
    owner: Owner, receiver: Receiver
) -> None:
    owner.webhook(receiver.url)
    owner.tell(Kind.MEMBER_OFFLINE)
    owner.clock.pause(6)
    claimed = claim_due(owner.platform, owner.clock())
    assert len(claimed) == 1
    assert owner.send() == 0
    assert owner.send(CLAIM_SECONDS) == 1
    assert receiver.posts[0].headers["Idempotency-Key"] == claimed[0].message.key


@pytest.mark.data
def test_workers_that_run_at_once_send_every_message_once(owner: Owner, receiver: Receiver) -> None:
    for number in range(6):
        owner.webhook(f"{receiver.url}/{number}")
    owner.tell(Kind.MEMBER_OFFLINE)
    clock = Moving(owner.clock() + timedelta(seconds=6))
    workers = [
        threading.Thread(target=deliver_due, args=(owner.platform,), kwargs={"clock": clock})
        for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(20)
    assert sorted(post.path for post in receiver.posts) == [f"/{number}" for number in range(6)]


@pytest.mark.data
def test_what_is_switched_off_or_deleted_on_the_way_gets_nothing(owner: Owner, receiver: Receiver) -> None:
    off, gone = (owner.webhook(receiver.url).destination for _ in range(2))
    owner.tell(Kind.MEMBER_OFFLINE)
    update_destination(owner.platform, owner.caller, off.id, is_enabled=False)
    delete_destination(owner.platform, owner.caller, gone.id)
    owner.send()
    assert receiver.posts == []
    assert owner.statuses() == ["skipped"]


def test_the_bell_rings_only_while_something_is_due(owner: Owner, receiver: Receiver) -> None:
    assert not wake_if_due(owner.platform)
    owner.webhook(receiver.url)
    owner.clock.pause(-60)
    owner.tell(Kind.MEMBER_OFFLINE)
    assert wake_if_due(owner.platform)
    assert not wake_if_due(owner.platform)
    owner.send()
    assert not wake_if_due(owner.platform)


def test_the_secrets_of_a_webhook_stand_in_no_row_and_no_log(
    owner: Owner, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    made = owner.webhook(f"{receiver.url}/key-canary?token=canary")
    receiver.answers = [(500, {})]
    caplog.set_level("DEBUG")
    owner.tell(Kind.MEMBER_OFFLINE)
    owner.send()
    row = owner.destination(made.destination.id)
    stored = " ".join(str(value) for value in vars(row).values())
    assert made.secret.startswith("whsec_")
    assert made.secret not in stored + caplog.text
    assert "canary" not in stored + caplog.text


def test_a_bot_that_failed_and_works_again_is_told_both_times(owner: Owner, receiver: Receiver) -> None:
    owner.webhook(receiver.url)
    with owner.platform.database.reading() as session:
        bot = session.get_one(Bot, owner.bot_id)
    write_status(owner.platform, bot, BotStatus.FAILED, Text("Telegram refuses: {reason}", reason="no token"))
    owner.send()
    event = json.loads(receiver.posts[0].body)["events"][0]
    assert event["text"] == f"⚠️ Bot @{bot.username} parou: O Telegram recusa: no token"
    assert event["params"] == {"bot": bot.username, "reason": "O Telegram recusa: no token"}
    write_status(owner.platform, bot, BotStatus.RUNNING)
    owner.send()
    write_status(owner.platform, bot, BotStatus.RUNNING)
    owner.send()
    assert kinds(receiver) == [["bot_failed"], ["bot_recovered"]]
