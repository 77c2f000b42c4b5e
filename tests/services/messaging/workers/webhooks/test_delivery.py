"""A program that has its updates brought to its webhook: order, answers, and what an endpoint that is not well costs."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urlencode

import pytest

from models import Bot
from services.core.settings import Settings
from services.fleet.workers.registry import NewWorker, give_worker
from services.fleet.workers.tokens import WorkerIdentity, resolve_worker
from services.messaging.workers.giving import queue_of
from services.messaging.workers.webhooks.delivery import WebhookDelivery, WebhookTimings
from services.messaging.workers.webhooks.methods import set_webhook, webhook_info
from services.messaging.workers.webhooks.trouble import trouble_of
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import work_keys
from tests.services.messaging.draining import QUICK, handle_all, letters, replies
from tests.services.messaging.workers.webhooks.receiving import FINE, Answer, Receiver, receiving
from tools.servers.fleet import accept_all, add_bot, message, stream
from tools.servers.sandbox import wait_until

ANA, BIA = 501, 502
TIMINGS = WebhookTimings(answer=20.0, tick=0.05, breath=0.0, first_rest=0.02, look=0.1, goodbye=0.2)
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"worker_webhook_threads": 4})


@contextmanager
def delivering(platform: Platform) -> Iterator[None]:
    """The loop of the process that brings updates, in a thread."""
    stopping = threading.Event()
    delivery = WebhookDelivery(platform, TIMINGS)
    loop = threading.Thread(target=delivery.run, args=(lambda: not stopping.is_set(),), daemon=True)
    loop.start()
    try:
        yield
    finally:
        stopping.set()
        loop.join(30)
    assert not loop.is_alive()


def give(platform: Platform, bot: Bot, *updates: dict[str, Any]) -> None:
    """Let updates come in, up to the worker's queue."""
    accept_all(platform, bot, list(updates))
    handle_all(platform, timings=replace(QUICK, idle_timeout=0.05, read_timeout=0.05))


def hooked(platform: Platform, worker: WorkerIdentity, url: str, **more: Any) -> None:
    """Have the program say setWebhook."""
    said = set_webhook(platform, worker, {"url": url, **more})
    assert said.status == 200, said.body


def multipart(**fields: str) -> Answer:
    """An answer as aiogram's webhook gives it."""
    parts = (
        f'--bound\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    return 200, "multipart/form-data; boundary=bound", f"{''.join(parts)}--bound--\r\n".encode()


def test_updates_are_brought_in_order_and_the_answer_s_call_is_made(
    platform: Platform, bot: Bot, worker: WorkerIdentity
) -> None:
    give(
        platform,
        bot,
        *(message(number, ANA, f"a{number}") for number in range(1, 4)),
        message(4, BIA, "b"),
        message(5, BIA, "bad call"),
        message(6, BIA, "no call"),
    )
    call = {"method": "sendMessage", "chat_id": str(ANA)}

    def answer(update: dict[str, Any]) -> Answer:
        text = update["message"]["text"]
        answers: dict[str, Answer] = {
            "a1": (200, "application/json", json.dumps({**call, "chat_id": ANA, "text": "re a1"}).encode()),
            "a2": (200, FORM, urlencode({**call, "text": "re a2"}).encode()),
            "a3": multipart(**call, text="re a3"),
            "bad call": (200, "application/json", b'{"method": "logOut"}'),
            "no call": (204, "application/json", b'["ok"'),
        }
        return answers.get(text, FINE)

    with receiving() as receiver, delivering(platform):
        receiver.answer = answer
        hooked(
            platform, worker, receiver.url, secret_token="S-1", max_connections=2, allowed_updates=["message"]
        )
        wait_until(lambda: queue_of(platform, worker).lag() == 0 and len(receiver.got) == 6, seconds=60)
        edited = message(7, ANA, "edited")
        give(
            platform, bot, {"update_id": 7, "edited_message": edited["message"]}
        )  # no kind that was asked for
        give(platform, bot, message(8, ANA, "late"))  # nobody asks: it is brought
        wait_until(lambda: receiver.got[-1] == "late", seconds=60)
    assert [text for text in receiver.got if text[0] == "a"] == ["a1", "a2", "a3"]
    assert [text for text in receiver.got if text not in ("a1", "a2", "a3", "late")] == [
        "b",
        "bad call",
        "no call",
    ]
    assert receiver.secrets == {"S-1"}
    assert len(receiver.connections) <= 4  # they are kept open
    assert replies(platform, bot) == [(str(ANA), f"re a{number}") for number in range(1, 4)]
    trouble = trouble_of(platform.redis, bot.id)
    assert trouble is not None
    assert "logOut" in trouble[1]


def test_one_poisonous_update_becomes_a_dead_letter_while_others_go_on(
    platform: Platform, bot: Bot, worker: WorkerIdentity
) -> None:
    give(platform, bot, message(1, ANA, "poison"), message(2, ANA, "after"))
    with receiving() as receiver, delivering(platform):
        receiver.answer = lambda update: (
            (500, "text/plain", b"Traceback") if update["message"]["text"] == "poison" else FINE
        )
        hooked(platform, worker, receiver.url)
        for number in range(100):
            if letters(platform):
                break
            wait_until(partial(_came, receiver, "poison", 1), seconds=60)
            give(platform, bot, message(10 + number, BIA, f"b{number}"))
            wait_until(partial(_came, receiver, f"b{number}", 1), seconds=60)
            _let_time_pass(platform, worker)
        wait_until(lambda: "after" in receiver.got, seconds=60)
    (letter,) = letters(platform)
    assert "500 Internal Server Error" in letter.error
    assert (letter.attempts, receiver.got.count("after")) == (5, 1)
    assert (
        receiver.got.count("poison") >= 5
    )  # what fails before anything shows that the rest is well is not counted


def test_an_endpoint_that_is_down_costs_no_update_and_gets_them_all_when_it_is_back(
    platform: Platform, bot: Bot, worker: WorkerIdentity
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    give(platform, bot, message(1, ANA, "a1"), message(2, ANA, "a2"), message(3, BIA, "b1"))
    down: list[str] = []

    def info() -> dict[str, Any]:
        found: dict[str, Any] = webhook_info(platform, replace(worker, has_webhook=True)).body["result"]
        return found

    def troubles() -> int:
        trouble = trouble_of(platform.redis, bot.id)
        if trouble is not None and f"{trouble}" not in down:
            down.append(f"{trouble}")
        return len(down)

    with delivering(platform):
        hooked(platform, worker, f"http://127.0.0.1:{port}/hook")
        wait_until(lambda: troubles() >= 3, seconds=60)
        assert "Connection refused" in down[-1]
        waiting = stream(platform, work_keys.incoming(worker.public_id))
        assert [fields["attempt"] for _, fields in waiting] == ["0", "0"]  # the heads of both chats
        assert info()["pending_update_count"] == 3
        with receiving(port) as receiver:
            receiver.answer = lambda _: (502, "text/html", b"Bad Gateway") if len(receiver.got) < 3 else FINE
            wait_until(lambda: queue_of(platform, worker).lag() == 0, seconds=60)
    assert [text for text in receiver.got[2:] if text[0] == "a"][-2:] == ["a1", "a2"]
    assert letters(platform) == []


def test_an_endpoint_that_hangs_holds_up_no_other_bot(
    platform: Platform, bot: Bot, worker: WorkerIdentity
) -> None:
    other = add_bot(platform, {"id": 7002, "username": "other_bot", "token": "7002:" + "B" * 35})
    owner = Principal(other.account_id, f"account:{other.account_id}")
    theirs = resolve_worker(platform, give_worker(platform, owner, other.id, NewWorker())[2])
    goes_on = threading.Event()

    def hang(_: dict[str, Any]) -> Answer:
        goes_on.wait(60)
        return FINE

    with receiving() as hanging, receiving() as quick, delivering(platform):
        hanging.answer = hang
        hooked(platform, worker, hanging.url)
        give(platform, bot, *(message(number, 600 + number, f"h{number}") for number in range(1, 9)))
        wait_until(lambda: len(hanging.got) == 2, seconds=60)  # its share of the four threads
        hooked(platform, theirs, quick.url)
        give(platform, other, *(message(number, 700, f"q{number}") for number in range(1, 4)))
        wait_until(lambda: quick.got == ["q1", "q2", "q3"], seconds=60)
        assert len(hanging.got) == 2
        goes_on.set()
        wait_until(lambda: len(hanging.got) == 8, seconds=60)


def _came(receiver: Receiver, text: str, times: int) -> bool:
    return receiver.got.count(text) >= times


def _let_time_pass(platform: Platform, worker: WorkerIdentity) -> None:
    """Have what was given back offered again at once."""
    redis, name = platform.redis, work_keys.incoming(worker.public_id)
    group = work_keys.group(worker.public_id)
    for each in redis.xpending_range(name, group, "-", "+", 100, "failed") if redis.exists(name) else ():
        ids: list[int | bytes | str | memoryview[int]] = [str(each["message_id"])]
        redis.xclaim(name, group, "failed", 0, ids, idle=10**7, justid=True)
