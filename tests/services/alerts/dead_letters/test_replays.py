"""Replays end to end: a letter leaves its state once per replay, takes effect once, and opens again when it fails."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import update

from models import Bot, DeadLetter, DeadLetterState
from services.alerts.dead_letters.deciding import discard, replay
from services.alerts.dead_letters.listing import count_letters, get_letter, list_groups, list_letters
from services.alerts.dead_letters.selection import LetterFilter, Selection
from services.alerts.dead_letters.store import store
from services.core.errors import InvalidInput, NotFound
from services.core.times import utc_now
from services.messaging.outbox.enqueue import enqueue_call
from services.messaging.replay import resending
from services.messaging.replay.requeuer import Full, Requeuer
from services.messaging.replay.resending import resolve_done, wake_if_replaying
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import keys
from tests.services.messaging.draining import handle_all, letters, replies, send_all
from tests.services.messaging.updates import plugins_for_tests
from tools.servers.fleet import Plugins, accept_all, add_bot, message
from tools.servers.sandbox import Sandbox

TRIAL: Plugins = (("trial", {}), ("error_handler", {}))
ALL = Selection(filter=LetterFilter())


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    plugins_for_tests.calls.clear()
    monkeypatch.setattr(plugins_for_tests, "mended", False)


@pytest.fixture
def bot(platform: Platform) -> Bot:
    return add_bot(platform, {"id": 7001, "username": "trial_bot", "token": "7001:" + "A" * 35}, TRIAL)


def owner(bot: Bot) -> Principal:
    return Principal(bot.account_id, f"account:{bot.account_id}")


def take_turn(platform: Platform, seconds: float = 0.001) -> int:
    """A turn that soon makes room for the next."""
    return resending.take_turn(platform, turn_seconds=seconds)


def fail(platform: Platform, bot: Bot, *numbers: int, chat: int = 1) -> None:
    """Updates that become dead letters, in order; the apologies are thrown away."""
    accept_all(platform, bot, [message(number, chat, f"mend {number}") for number in numbers])
    handle_all(platform)
    platform.redis.delete(keys.outbox(bot.id, "reply"))


def test_a_mended_plugin_answers_each_replayed_update_once_and_in_order(
    platform: Platform, sandbox: Sandbox
) -> None:
    identity = sandbox.create_bot()
    bot = add_bot(platform, identity, TRIAL)
    user = sandbox.create_user()["id"]
    sandbox.start(user, identity["username"])
    fail(platform, bot, 1, 2, 3, chat=user)
    assert [letter.state for letter in letters(platform)] == ["open"] * 3
    plugins_for_tests.mended = True
    assert replay(platform, owner(bot), ALL).replaying == 3
    assert replay(platform, owner(bot), ALL).replaying == 0
    assert take_turn(platform) == 3
    handle_all(platform)
    send_all(platform, bot)
    assert [each["text"] for each in sandbox.sent(identity["username"])] == ["mend 1", "mend 2", "mend 3"]
    assert resolve_done(platform) == 3
    assert {(each.state, each.resolution, each.sealed_payload) for each in letters(platform)} == {
        ("resolved", "replayed", "")
    }
    assert not wake_if_replaying(platform)


@pytest.mark.data
def test_a_replay_that_fails_opens_its_letter_again_with_its_attempts_and_no_second_apology(
    platform: Platform, bot: Bot
) -> None:
    fail(platform, bot, 1)
    [before] = letters(platform)
    assert (before.attempts, len(before.timeline)) == (4, 4)
    for number in (1, 2):
        replay(platform, owner(bot), Selection(ids=(before.id,)))
        take_turn(platform)
        handle_all(platform)
        [after] = letters(platform)
        assert (after.state, after.attempts, after.replays) == ("open", 4 + 4 * number, number)
        assert [each["replay"] for each in after.timeline[4 * number :]] == [number] * 4
    assert "ValueError: on order" in str(after.timeline[-1]["error"])
    assert (after.error_id, after.fingerprint) == (before.error_id, before.fingerprint)
    assert replies(platform, bot) == []
    assert resolve_done(platform) == 0


@pytest.mark.data
def test_two_people_and_two_workers_at_once_send_one_replay(platform: Platform, bot: Bot) -> None:
    fail(platform, bot, *range(1, 6))
    plugins_for_tests.mended = True
    with ThreadPoolExecutor(4) as executor:
        plans = list(executor.map(lambda _: replay(platform, owner(bot), ALL), range(4)))
        list(executor.map(lambda _: take_turn(platform), range(4)))
        list(executor.map(lambda _: resending._send_in(platform, Requeuer(platform), bot.account_id), "ab"))
    assert sum(plan.replaying for plan in plans) == 5
    handle_all(platform)
    assert replies(platform, bot) == [("1", f"mend {number}") for number in range(1, 6)]


def test_a_worker_that_dies_between_entry_and_note_repeats_nothing(platform: Platform, bot: Bot) -> None:
    fail(platform, bot, 1)
    plugins_for_tests.mended = True
    replay(platform, owner(bot), ALL)
    [letter] = letters(platform)
    first = Requeuer(platform).requeue(letter)
    handle_all(platform)
    assert take_turn(platform) == 1
    handle_all(platform)
    assert replies(platform, bot) == [("1", "mend 1")]
    assert letters(platform)[0].replay_entry == first
    assert resolve_done(platform) == 1


def test_a_turn_sends_twenty_per_account_and_others_wait_their_turn(platform: Platform, bot: Bot) -> None:
    accept_all(platform, bot, [message(number, number, "mend") for number in range(1, 31)])
    handle_all(platform)
    assert replay(platform, owner(bot), ALL).replaying == 30
    assert take_turn(platform, 30) == 20
    assert take_turn(platform, 30) == 0
    assert platform.redis.delete(keys.lease("dead_letters"))
    assert take_turn(platform, 30) == 10


def test_a_full_lane_keeps_the_replays_of_its_bot_and_of_nobody_else(
    platform: Platform, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = add_bot(platform, {"id": 7002, "username": "other_bot", "token": "7002:" + "A" * 35}, TRIAL)
    fail(platform, bot, *range(1, 26))  # more than a turn sends
    fail(platform, other, 1, 2)
    with platform.database.transaction() as session:
        session.execute(update(DeadLetter).values(account_id=bot.account_id))
    replay(platform, owner(bot), ALL)
    requeue, asked = Requeuer.requeue, list[int | None]()

    def full_for_one(self: Requeuer, letter: DeadLetter) -> str:
        asked.append(letter.bot_id)
        if letter.bot_id == bot.id:
            raise Full("Too many updates are waiting")
        return requeue(self, letter)

    monkeypatch.setattr(Requeuer, "requeue", full_for_one)
    assert take_turn(platform) == 2
    assert asked == [bot.id, other.id, other.id]


def test_an_update_of_the_former_identity_is_open_again_and_says_why(platform: Platform, bot: Bot) -> None:
    fail(platform, bot, 1)
    replay(platform, owner(bot), ALL)
    assert take_turn(platform) == 1
    with platform.database.transaction() as session:  # another identity while it waits
        soon = utc_now() + timedelta(minutes=1)
        session.execute(update(Bot).values(identity=2, identity_since=soon))
    handle_all(platform)
    assert resolve_done(platform) == 0
    [letter] = letters(platform)
    assert letter.state == "open"
    assert "former identity" in str(letter.timeline[-1]["error"])


def test_a_replay_asks_for_no_limit_and_is_not_taken_for_a_duplicate(platform: Platform, bot: Bot) -> None:
    fail(platform, bot, *range(1, 9))
    plugins_for_tests.mended = True
    accept_all(platform, bot, [message(number, 1, "hi") for number in range(100, 120)])
    handle_all(platform)
    assert len(replies(platform, bot)) < 20  # the person has used up what is allowed
    for key in platform.redis.keys("*:used:*"):
        platform.redis.delete(key)
    replay(platform, owner(bot), ALL)
    take_turn(platform)
    handle_all(platform)
    assert sum(text.startswith("mend") for _, text in replies(platform, bot)) == 8


def test_a_stopped_bots_update_is_open_again_and_says_why(platform: Platform, bot: Bot) -> None:
    fail(platform, bot, 1)
    with platform.database.transaction() as session:
        session.get_one(Bot, bot.id).desired_running = False
    replay(platform, owner(bot), ALL)
    assert take_turn(platform) == 0
    [letter] = letters(platform)
    assert (letter.state, letter.attempts) == ("open", 4)
    assert "stopped" in str(letter.timeline[-1]["error"])
    assert "on order" in letter.error


@pytest.fixture
def sender(platform: Platform, sandbox: Sandbox) -> tuple[Bot, int]:
    """A bot that the sandbox knows, and a person who started it."""
    identity = sandbox.create_bot()
    user = sandbox.create_user()["id"]
    sandbox.start(user, identity["username"])
    return add_bot(platform, identity, TRIAL), user


def test_a_refused_send_goes_out_again_and_a_second_refusal_opens_it(
    platform: Platform, sandbox: Sandbox, sender: tuple[Bot, int]
) -> None:
    bot, user = sender
    sandbox.fault("status", status=400, method="sendMessage", count=2)
    enqueue_call(platform, bot.id, "sendMessage", {"chat_id": user, "text": "again"})
    send_all(platform, bot)
    for number, state in ((1, "open"), (2, "replaying")):
        replay(platform, owner(bot), ALL)
        take_turn(platform)
        send_all(platform, bot)
        [letter] = letters(platform)
        assert (letter.kind, letter.state, letter.replays) == ("send", state, number)
    resolve_done(platform)
    assert letters(platform)[0].state == "resolved"
    assert [each["text"] for each in sandbox.sent(bot.username)] == ["again"]


def test_a_send_that_may_have_arrived_is_replayed_only_when_picked(
    platform: Platform, sandbox: Sandbox, sender: tuple[Bot, int]
) -> None:
    bot, user = sender
    sandbox.fault("status", status=502, method="sendMessage", count=2)
    enqueue_call(platform, bot.id, "sendMessage", {"chat_id": user, "text": "perhaps"})
    send_all(platform, bot)
    [letter] = letters(platform)
    assert letter.is_uncertain
    assert count_letters(platform, owner(bot)).uncertain == 1
    plan = replay(platform, owner(bot), ALL)
    assert (plan.replaying, plan.uncertain_left_out) == (0, 1)
    assert replay(platform, owner(bot), Selection(ids=(letter.id,))).replaying == 1


@pytest.mark.data
def test_a_dry_run_counts_and_changes_nothing(platform: Platform, bot: Bot) -> None:
    fail(platform, bot, 1, 2)
    with platform.database.transaction() as session:
        store(session, kind="intake", source_id="intake:1", error="not_json", bot_id=bot.id)
    plan = replay(platform, owner(bot), ALL, dry_run=True)
    assert (plan.matching, plan.replaying, plan.not_replayable) == (3, 2, 1)
    assert discard(platform, owner(bot), ALL, "old", dry_run=True) == 3
    assert {letter.state for letter in letters(platform)} == {"open"}


@pytest.mark.data
def test_discarding_wants_a_reason_keeps_it_and_deletes_the_original(platform: Platform, bot: Bot) -> None:
    fail(platform, bot, 1, 2)
    with pytest.raises(InvalidInput):
        discard(platform, owner(bot), ALL, "  ")
    first, second = letters(platform)
    assert discard(platform, owner(bot), Selection(ids=(first.id,)), "test data") == 1
    first = get_letter(platform, owner(bot), first.id)
    assert (first.state, first.resolution, first.sealed_payload) == ("resolved", "discarded: test data", "")
    assert replay(platform, owner(bot), Selection(ids=(first.id,))).replaying == 0
    assert [each.id for each in list_letters(platform, owner(bot), LetterFilter(state="open"))] == [second.id]


@pytest.mark.data
def test_groups_tell_cause_number_and_bots(platform: Platform, bot: Bot) -> None:
    other = add_bot(platform, {"id": 7002, "username": "other_bot", "token": "7002:" + "A" * 35}, TRIAL)
    with platform.database.transaction() as session:
        session.get_one(Bot, other.id).account_id = bot.account_id
    fail(platform, bot, 1, 2)
    fail(platform, other, 1)
    accept_all(platform, bot, [message(9, 9, "unsendable")])
    handle_all(platform)
    unsendable, mend = list_groups(platform, owner(bot), LetterFilter())
    assert (mend.count, mend.bots) == (3, ("other_bot", "trial_bot"))
    assert (unsendable.count, unsendable.bots) == (1, ("trial_bot",))
    assert mend.example == "ValueError: on order"
    assert mend.first_seen <= mend.last_seen


def test_nobody_reaches_the_letters_of_others(platform: Platform, bot: Bot) -> None:
    fail(platform, bot, 1)
    stranger = add_bot(platform, {"id": 7009, "username": "strange_bot", "token": "7009:" + "A" * 35})
    [letter] = letters(platform)
    picked = Selection(ids=(letter.id,))
    for attempt in _attempts(platform, owner(stranger), letter.id, picked):
        with pytest.raises(NotFound):
            attempt()
    assert replay(platform, owner(stranger), ALL).matching == 0
    assert letters(platform)[0].state == DeadLetterState.OPEN


def _attempts(
    platform: Platform, caller: Principal, letter_id: int, picked: Selection
) -> list[Callable[[], object]]:
    return [
        lambda: get_letter(platform, caller, letter_id),
        lambda: replay(platform, caller, picked),
        lambda: discard(platform, caller, picked, "mine now"),
    ]


def test_the_original_with_its_secrets_stands_nowhere_in_the_clear(platform: Platform, bot: Bot) -> None:
    token = "123456789:" + "B" * 35
    accept_all(platform, bot, [message(1, 1, f"mend {token}")])
    handle_all(platform)
    [letter] = letters(platform)
    everything = " ".join(str(getattr(letter, column.key)) for column in DeadLetter.__table__.columns)
    assert token not in everything
    plugins_for_tests.mended = True
    platform.redis.delete(keys.outbox(bot.id, "reply"))
    replay(platform, owner(bot), ALL)
    take_turn(platform)
    handle_all(platform)
    assert plugins_for_tests.calls[-1] == (bot.id, f"mend {token}")
