"""Polling one bot: every update through the door once, the offset behind it, troubles told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from models import Bot, Notification
from services.core.errors import Rejected, TooManyRequests, Unavailable
from services.core.i18n import NO_TEXT
from services.fleet.bots.reconcile import reconcile_bot
from services.fleet.bots.registry import get_bot
from services.messaging.polling import polling
from services.messaging.polling.polling import Poll, bots_to_poll, poll_of
from services.messaging.polling.timings import PollTimings
from services.messaging.updates.intake import Intake
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.tokens import token_of
from tools.servers.sandbox import Sandbox, wait_until

QUICK = PollTimings(backoff=(0.05, 30.0), conflict=0.05, peace=0.0)


@pytest.fixture
def started(platform: Platform) -> Iterator[list[Poll]]:
    """Polls that a test puts here are stopped at its end."""
    polls: list[Poll] = []
    yield polls
    for poll in polls:
        poll.stop()


def poll(platform: Platform, bot_id: int, platform_of_intake: Platform | None = None) -> Poll:
    bot = next(bot for bot in bots_to_poll(platform) if bot.id == bot_id)
    return poll_of(platform, Intake(platform_of_intake or platform), platform.telegram, bot)


def run(a_poll: Poll, started: list[Poll]) -> None:
    started.append(a_poll)
    threading.Thread(target=a_poll.run, daemon=True).start()


def taken(platform: Platform) -> list[dict[str, Any]]:
    """The updates in all lanes, by id."""
    found = []
    for lane in range(platform.settings.update_lanes):
        for _, fields in platform.redis.xrange(keys.update_lane(lane)) or ():
            found.append(json.loads(dict(fields or {})["update"]))
    return sorted(found, key=lambda update: update["update_id"])


def texts(platform: Platform) -> list[str]:
    return [update["message"]["text"] for update in taken(platform)]


def offset(platform: Platform, bot: Bot) -> int:
    return int(platform.redis.get(keys.polling_offset(bot.id)) or 0)


def test_a_polled_update_is_in_its_lane_once_and_the_offset_behind_it(
    platform: Platform, owner: Principal, bot: Bot, sandbox: Sandbox, user: int
) -> None:
    sandbox.start(user, bot.username, "red")
    sandbox.send(user, bot.username, "oi")
    assert poll(platform, bot.id).once(0) == 2
    assert texts(platform) == ["/start red", "oi"]
    assert offset(platform, bot) == taken(platform)[-1]["update_id"] + 1
    assert get_bot(platform, owner, bot.id).status == "running"


def test_a_new_poller_goes_on_where_the_old_one_ended(
    platform: Platform, bot: Bot, sandbox: Sandbox, user: int
) -> None:
    sandbox.start(user, bot.username)
    assert poll(platform, bot.id).once(0) == 1
    sandbox.send(user, bot.username, "depois")
    assert poll(platform, bot.id).once(0) == 1
    assert texts(platform) == ["/start", "depois"]
    assert (
        sandbox.bot(bot.username)["pending_update_count"] == 1
    )  # the second one is confirmed by the next poll


def test_a_confirmed_offset_is_forgotten_because_ids_may_start_anew_below_it(
    platform: Platform, bot: Bot, sandbox: Sandbox, user: int
) -> None:
    first = poll(platform, bot.id)
    sandbox.inject(bot.username, update(900_000_000, user))
    first.once(0)
    first.once(0)
    assert offset(platform, bot) == 0
    sandbox.inject(bot.username, update(5, user))
    assert first.once(0) == 1


def test_what_could_not_be_accepted_stays_at_telegram(
    platform: Platform, bot: Bot, sandbox: Sandbox, user: int
) -> None:
    tight = Platform(platform.settings.model_copy(update={"intake_max_backlog": 2}))
    for text in "abcd":
        sandbox.send(user, bot.username, text)
    with pytest.raises(Unavailable) as caught:
        poll(platform, bot.id, tight).once(0)
    assert caught.value.retry_after
    assert texts(platform) == ["a", "b"]
    for lane in range(8):
        platform.redis.delete(keys.update_lane(lane))
    assert poll(platform, bot.id).once(0) == 2
    assert texts(platform) == ["c", "d"]


def test_what_a_poll_fetched_and_has_not_taken_when_it_is_stopped_stays_at_telegram(
    platform: Platform, bot: Bot, sandbox: Sandbox, user: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for text in "abc":
        sandbox.send(user, bot.username, text)
    ready = poll(platform, bot.id)
    accept = ready.intake.accept

    def accept_and_stop(*args: Any) -> object:
        ready.stop()
        return accept(*args)

    monkeypatch.setattr(ready.intake, "accept", accept_and_stop)
    ready.once(0)
    assert texts(platform) == ["a"]
    assert poll(platform, bot.id).once(0) == 2
    assert texts(platform) == ["a", "b", "c"]


def test_while_the_database_is_away_updates_are_taken(
    platform: Platform, bot: Bot, sandbox: Sandbox, user: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise Unavailable("The database does not answer", code="database_unavailable")

    sandbox.send(user, bot.username, "a")
    ready = poll(platform, bot.id)
    monkeypatch.setattr(polling, "write_status", away)
    with pytest.raises(Unavailable):
        ready.once(0)
    assert texts(platform) == ["a"]
    assert offset(platform, bot) > 0


def test_while_redis_is_away_nothing_is_fetched(platform: Platform, bot: Bot, sandbox: Sandbox) -> None:
    ready = poll(platform, bot.id)
    blind = Platform(platform.settings.model_copy(update={"redis_url": "redis://127.0.0.1:9/0"}))
    ready.platform = blind
    running = threading.Thread(target=ready.run, daemon=True)
    running.start()
    wait_until(lambda: ready.troubles)
    assert sandbox.calls("getUpdates") == 0
    ready.stop()
    running.join(5)
    assert not running.is_alive()


def test_an_update_arriving_during_a_long_poll_is_taken_at_once(
    platform: Platform, bot: Bot, sandbox: Sandbox, user: int, started: list[Poll]
) -> None:
    run(poll(platform, bot.id), started)
    wait_until(lambda: sandbox.calls("getUpdates") >= 1)
    sandbox.start(user, bot.username)
    wait_until(lambda: texts(platform) == ["/start"], seconds=30)


def test_a_stopped_polls_last_answer_confirms_nothing(
    platform: Platform, bot: Bot, sandbox: Sandbox, user: int
) -> None:
    stale = poll(platform, bot.id)
    waiting = threading.Thread(target=stale.once, args=(5,))
    waiting.start()
    wait_until(lambda: sandbox_polls(sandbox, bot))
    stale.stop()
    sandbox.start(user, bot.username)
    waiting.join(10)
    assert texts(platform) == []
    assert sandbox.bot(bot.username)["pending_update_count"] == 1


def sandbox_polls(sandbox: Sandbox, bot: Bot) -> bool:
    """Whether a poll had the time to arrive; the sandbox counts a call only at its end."""
    threading.Event().wait(0.3)
    return bool(sandbox.bot(bot.username))


def test_the_usual_kinds_of_update_are_asked_for(
    platform: Platform, bot: Bot, sandbox: Sandbox, user: int
) -> None:
    poll(platform, bot.id).once(0)
    assert sandbox.inject(bot.username, {"poll_answer": {"poll_id": "1", "user": {"id": user}}}) == [None]


def test_a_dead_token_fails_the_bot_and_its_pools_are_told(
    platform: Platform, bot: Bot, sandbox: Sandbox, owner: Principal, started: list[Poll]
) -> None:
    run(poll(platform, bot.id), started)
    wait_until(lambda: get_bot(platform, owner, bot.id).status == "running")
    platform.job_redis.delete("rq:queue:default")
    sandbox.revoke(bot.username)
    wait_until(lambda: get_bot(platform, owner, bot.id).status == "failed")
    assert "@BotFather" in str(get_bot(platform, owner, bot.id).status_reason)
    wait_until(lambda: platform.job_redis.llen("rq:queue:default") == 1)


def test_another_program_with_the_same_token_is_told_once_and_survived(
    platform: Platform,
    bot: Bot,
    sandbox: Sandbox,
    owner: Principal,
    user: int,
    started: list[Poll],
) -> None:
    conflict = "Conflict: terminated by other getUpdates request"
    sandbox.fault("status", status=409, description=conflict, method="getUpdates", count=6)
    run(replace(poll(platform, bot.id), timings=QUICK), started)
    wait_until(lambda: "Another program" in str(get_bot(platform, owner, bot.id).status_reason))
    sandbox.start(user, bot.username)
    wait_until(lambda: texts(platform) == ["/start"])
    wait_until(lambda: get_bot(platform, owner, bot.id).status_reason == NO_TEXT)
    with platform.database.reading() as session:
        kinds = list(session.scalars(select(Notification.kind)))
    assert kinds == ["polled_elsewhere"]


def test_a_webhook_in_the_way_calls_the_reconciler(platform: Platform, bot: Bot, sandbox: Sandbox) -> None:
    token = token_of(platform, bot)
    platform.telegram.call(token, "setWebhook", {"url": "http://127.0.0.1:1/x"})
    platform.job_redis.delete("rq:queue:default")
    ready = poll(platform, bot.id)
    with pytest.raises(Rejected) as caught:
        ready.once(0)
    ready._after(caught.value)
    assert platform.job_redis.llen("rq:queue:default") == 1
    reconcile_bot(platform, bot.id)
    assert ready.once(0) == 0


@pytest.mark.parametrize(("removal", "told"), [(60.0, []), (0.0, ["polled_elsewhere"])])
def test_a_webhook_that_the_reconciler_is_about_to_remove_is_nobody_elses(
    platform: Platform, bot: Bot, sandbox: Sandbox, removal: float, told: list[str]
) -> None:
    platform.telegram.call(token_of(platform, bot), "setWebhook", {"url": "http://127.0.0.1:1/x"})
    ready = replace(poll(platform, bot.id), timings=replace(QUICK, peace=60.0, removal=removal))
    for _ in range(3):
        with pytest.raises(Rejected) as caught:
            ready.once(0)
        ready._after(caught.value)
    with platform.database.reading() as session:
        assert list(session.scalars(select(Notification.kind))) == told


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 502}, {"kind": "reset"}, {"kind": "garbage"}])
def test_passing_troubles_are_waited_out(
    platform: Platform,
    bot: Bot,
    sandbox: Sandbox,
    user: int,
    started: list[Poll],
    fault: dict[str, Any],
) -> None:
    sandbox.fault(**fault, method="getUpdates", count=4)
    sandbox.start(user, bot.username)
    run(replace(poll(platform, bot.id), timings=QUICK), started)
    wait_until(lambda: texts(platform) == ["/start"])


def test_a_flood_answer_is_waited_for_as_long_as_it_says(
    platform: Platform, bot: Bot, sandbox: Sandbox
) -> None:
    ready = poll(platform, bot.id)
    sandbox.fault("429", retry_after=77, method="getUpdates")
    with pytest.raises(TooManyRequests) as caught:
        ready.once(0)
    assert ready._after(caught.value) == 77


def test_an_update_without_an_id_becomes_a_dead_letter(
    platform: Platform, bot: Bot, monkeypatch: pytest.MonkeyPatch, user: int
) -> None:
    ready = poll(platform, bot.id)
    good = update(7, user)
    monkeypatch.setattr(ready.client, "call", lambda *_, **__: ["nonsense", {"update_id": True}, good])
    assert ready.once(0) == 1
    assert platform.redis.xlen(keys.intake_dead()) == 2
    assert offset(platform, bot) == 8


def update(update_id: int, user: int) -> dict[str, Any]:
    person = {"id": user, "is_bot": False, "first_name": "Ana"}
    chat = {"id": user, "type": "private", "first_name": "Ana"}
    message = {"message_id": 1, "from": person, "chat": chat, "date": 1, "text": "x"}
    return {"update_id": update_id, "message": message}
