"""What a program puts into its stream of calls: moved once, checked as over HTTP, and bounded."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from redis.exceptions import NoPermissionError

from models import Bot
from services.fleet.workers.redis_view import redis_way
from services.fleet.workers.registry import worker_of
from services.messaging.workers.streams.serving import StreamServer
from services.platform.platform import Platform
from services.platform.redis import keys, work_keys
from services.queueing.work_streams import LARGEST_CALL
from tests.services.fleet.workers.conftest import owner_of
from tests.services.messaging.draining import replies
from tests.services.messaging.workers.streams.conftest import AT_ONCE, Program, come, lag, serve
from tools.servers.fleet import message, stream

ANA = 501


def said(text: str, **more: object) -> dict[str, object]:
    return {"method": "sendMessage", "params": {"chat_id": ANA, "text": text}, **more}


def refused(platform: Platform, bot: Bot) -> tuple[int, str]:
    """How many calls could not be made, and why the last could not, as the owner is shown it."""
    shown = redis_way(platform, *worker_of(platform, owner_of(bot), bot.id))
    return shown["refused"], str(shown["refusal"])


def test_calls_in_every_form_are_moved_and_one_that_cannot_be_made_stops_none(
    platform: Platform, bot: Bot, program: Program, server: StreamServer
) -> None:
    token = "7001:" + "A" * 35
    good = [
        {"data": json.dumps(said("as data", bot_token=token))},
        {"message": json.dumps(said("as message")), "bot_token": token},
        {"method": "sendMessage", "params": json.dumps({"chat_id": ANA, "text": "in fields"})},
    ]
    link = {"inline_keyboard": [[{"text": "x", "url": "javascript:alert(1)"}]]}
    bad: list[tuple[dict[Any, Any], str]] = [
        ({"data": "nonsense"}, "An entry needs a field data"),
        ({"data": b"\xff\xfe{"}, "An entry needs a field data"),
        ({"data": "[" * 100_000}, "An entry needs a field data"),
        ({"data": "[1]"}, "An entry needs a field data"),
        ({"data": '{"method": "sendMessage", "params": "x"}'}, "An entry needs a field data"),
        ({b"\xff": b"\xff"}, "An entry needs a field data"),
        ({"method": b"\xff", "params": "{}"}, "An entry needs a field data"),
        ({"data": json.dumps({"method": "setWebhook", "params": {}})}, "A worker cannot call setWebhook"),
        ({"method": "../x" * 100}, "A worker cannot call ../x"),
        ({"data": json.dumps({"method": "sendMessage", "params": {"reply_markup": link}})}, ""),
        ({"data": json.dumps(said("x" * 10_000_000))}, f"A call takes at most {LARGEST_CALL} bytes"),
    ]
    outgoing = work_keys.outgoing(bot.public_id)
    for number, (fields, told) in enumerate(bad, start=1):
        program.write(fields)
        program.call(**good[number % 3])
        serve(server, lambda: not platform.redis.exists(outgoing))
        count, text = refused(platform, bot)
        assert (count, text[: len(told)]) == (number, told)
    assert [text for _, text in replies(platform, bot)][:3] == ["as message", "in fields", "as data"]
    assert len(replies(platform, bot)) == len(bad)
    assert token not in str(stream(platform, keys.outbox(bot.id, "reply")))
    program.call(data=json.dumps(said("later", bulk=True)))
    program.call(method="answerCallbackQuery", params='{"callback_query_id": "7"}')
    program.write({"data": json.dumps(said("last"))}, "18446744073709551615-18446744073709551615")
    serve(server, lambda: not platform.redis.exists(outgoing))
    for priority, expected in (("bulk", 1), ("answer", 1), ("reply", len(bad) + 1)):
        assert platform.redis.xlen(keys.outbox(bot.id, priority)) == expected
    program.call(data=json.dumps(said("after the highest id there is")))


def test_half_a_character_where_a_call_waits_stops_nobodys_stream(
    platform: Platform, bot: Bot, program: Program, server: StreamServer
) -> None:
    program.call(data=json.dumps({"method": "sendMessage", "params": {"chat_id": "\ud800", "text": "x"}}))
    program.call(
        data=json.dumps({"method": "answerCallbackQuery", "params": {"callback_query_id": "\udfff"}})
    )
    program.call(data=json.dumps(said("after")))
    serve(server, lambda: not platform.redis.exists(work_keys.outgoing(bot.public_id)))
    assert replies(platform, bot) == [(str(ANA), "after")]
    count, text = refused(platform, bot)
    assert (count, text[:42]) == (2, "The chat, or what is answered, has a name ")


def test_two_processes_that_serve_at_once_move_and_settle_everything_once_and_in_order(
    platform: Platform, bot: Bot, program: Program
) -> None:
    come(platform, bot, [message(number, ANA + number, "hi") for number in range(1, 101)])
    servers = [StreamServer(platform, AT_ONCE) for _ in range(2)]
    done = threading.Event()

    def work(server: StreamServer) -> None:
        while not done.is_set():
            server.turn()

    threads = [threading.Thread(target=work, args=(server,)) for server in servers]
    for thread in threads:
        thread.start()
    entries = [entry for entry, _ in program.read()]
    for number, entry in enumerate(
        reversed(entries)
    ):  # the last first, over more than a page of Redis' answers
        with program.redis.pipeline() as pipe:
            for part in ("a", "b"):
                pipe.xadd(work_keys.outgoing(bot.public_id), {"data": json.dumps(said(f"{number}{part}"))})
            pipe.xack(program.incoming, program.group, entry)
            pipe.execute()
    try:
        serve(
            StreamServer(platform, AT_ONCE),
            lambda: lag(platform, program) == 0 and len(replies(platform, bot)) == 200,
        )
    finally:
        done.set()
        for thread in threads:
            thread.join(30)
    expected = [f"{number}{part}" for number in range(100) for part in "ab"]
    assert [text for _, text in replies(platform, bot)] == expected


def test_a_crash_between_reading_and_moving_loses_and_repeats_nothing(
    platform: Platform, bot: Bot, program: Program, server: StreamServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    program.call(data=json.dumps(said("one")))
    program.call(data="nonsense")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(
            "services.messaging.workers.streams.outgoing.move_calls",
            lambda *_: (_ for _ in ()).throw(KeyboardInterrupt),
        )
        serve(server, lambda: False)
    assert replies(platform, bot) == []
    serve(
        StreamServer(platform, AT_ONCE), lambda: not platform.redis.exists(work_keys.outgoing(bot.public_id))
    )
    assert replies(platform, bot) == [(str(ANA), "one")]
    assert refused(platform, bot)[0] == 1


def test_a_program_that_writes_more_than_can_be_sent_is_told_at_once_and_may_go_on_when_half_is_gone(
    platform: Platform, bot: Bot, program: Program, server: StreamServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.queueing.work_streams.MOST_CALLS", 4)  # in the outbox
    monkeypatch.setattr("services.messaging.workers.streams.serving.MOST_CALLS", 6)  # behind it
    with pytest.raises(NoPermissionError):
        serve(server, lambda: [program.call(data=json.dumps(said("more"))) for _ in range(3)] and None)
    assert program.redis.ping()
    assert len(replies(platform, bot)) == 4
    outbox, stored = keys.outbox(bot.id, "reply"), platform.redis.xlen(work_keys.outgoing(bot.public_id))
    platform.redis.delete(outbox)  # as if sent
    serve(server, lambda: platform.redis.xlen(outbox) == 4)

    def may_write() -> bool:
        platform.redis.delete(outbox)  # as if sent, as often as there is something to send
        return not server._is_silent(program.worker)

    serve(server, may_write)
    assert program.call(data=json.dumps(said("again")))
    assert stored >= 6
    monkeypatch.setattr("services.queueing.work_streams.TOO_MUCH", 100_000)
    program.call(data="x" * 100_000)
    serve(server, lambda: refused(platform, bot)[0])
    assert "thrown away" in refused(platform, bot)[1]
    assert platform.redis.exists(work_keys.outgoing(bot.public_id)) == 0
