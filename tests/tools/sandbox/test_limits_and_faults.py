"""Strict limits and scripted faults."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest
import urllib3

from tools.sandbox.backoff import random_cap, retry_delay
from tools.sandbox.limits import SendLimits

if TYPE_CHECKING:
    from tests.tools.sandbox.conftest import Sandbox


def test_one_chat_takes_a_burst_of_three_then_one_a_second() -> None:
    limits = SendLimits()
    assert [limits.wait(5, 0.0) for _ in range(4)] == [0, 0, 0, 1.0]
    assert limits.wait(5, 1.0) == 0
    assert limits.wait(6, 1.0) == 0


def test_a_message_that_travelled_faster_than_the_last_is_not_too_early() -> None:
    limits = SendLimits()
    assert [limits.wait(5, at) for at in (0.4, 0.4, 0.4, 1.0, 2.0, 3.0)] == [0.0] * 6
    assert limits.wait(5, 3.2) > 0


def test_a_bot_sends_thirty_messages_a_second() -> None:
    limits = SendLimits()
    sent = sum(limits.wait(chat, 0.0) == 0 for chat in range(1, 100))
    assert sent == 30
    assert sum(limits.wait(chat, 1.0) == 0 for chat in range(100, 200)) == 30


def test_a_group_takes_twenty_messages_a_minute() -> None:
    limits = SendLimits()
    assert sum(limits.wait(-5, float(second)) == 0 for second in range(30)) == 20
    assert limits.wait(-5, 30.0) == 30.0
    assert limits.wait(-5, 60.5) == 0


def test_waits_double_from_two_seconds_to_a_cap_between_one_and_two_minutes() -> None:
    cap = random_cap(random.Random(1))
    assert 60 <= cap <= 120
    assert [retry_delay(failures, cap) for failures in range(1, 6)] == [0, 2, 4, 8, 16]
    assert retry_delay(500, cap) == cap
    assert retry_delay(1, cap, retry_after=9_999) == 3600


def test_a_strict_bot_answers_429_with_retry_after(sandbox: Sandbox) -> None:
    bot = sandbox.bot(strict=True)
    user = sandbox.friend(bot)
    answers = [sandbox.call(bot["token"], "sendMessage", chat_id=user, text="x") for _ in range(4)]
    assert [answer["ok"] for answer in answers] == [True, True, True, False]
    assert answers[3]["error_code"] == 429
    assert answers[3]["description"] == "Too Many Requests: retry after 1"
    assert answers[3]["parameters"] == {"retry_after": 1}


def test_faults_hit_only_their_bot_and_method_and_run_out(sandbox: Sandbox) -> None:
    bot, other = sandbox.bot(), sandbox.bot()
    sandbox.control(
        "POST",
        "/faults",
        {"bot": bot["username"], "method": "getMe", "kind": "status", "status": 502, "count": 2},
    )
    assert sandbox.call(other["token"], "getMe")["ok"]
    assert sandbox.call(bot["token"], "getWebhookInfo")["ok"]
    codes = [sandbox.call(bot["token"], "getMe").get("error_code") for _ in range(3)]
    assert codes == [502, 502, None]


def test_a_429_fault_carries_its_waiting_time(sandbox: Sandbox) -> None:
    sandbox.control("POST", "/faults", {"kind": "429", "retry_after": 10_072, "count": 1})
    answer = sandbox.call(sandbox.bot()["token"], "getMe")
    assert answer["parameters"] == {"retry_after": 10_072}


def test_reset_timeout_delay_and_garbage_do_what_they_say(sandbox: Sandbox) -> None:
    token = sandbox.bot()["token"]
    url = f"{sandbox.url}/bot{token}/getMe"
    http = urllib3.PoolManager(retries=False, timeout=2)
    sandbox.control("POST", "/faults", {"kind": "reset", "count": 1})
    with pytest.raises(urllib3.exceptions.ProtocolError, match="reset"):
        http.request("GET", url)
    sandbox.control("POST", "/faults", {"kind": "timeout", "seconds": 0.2, "count": 1})
    with pytest.raises(urllib3.exceptions.ProtocolError):
        http.request("GET", url)
    sandbox.control("POST", "/faults", {"kind": "garbage", "count": 1})
    assert b"<html>" in http.request("GET", url).data
    sandbox.control("POST", "/faults", {"kind": "delay", "seconds": 0.2, "count": 1})
    started = time.monotonic()
    assert http.request("GET", url).json()["ok"]
    assert time.monotonic() - started >= 0.2


def test_an_applied_fault_sends_the_message_and_loses_the_answer(sandbox: Sandbox) -> None:
    bot = sandbox.bot()
    user = sandbox.friend(bot)
    sandbox.control("POST", "/faults", {"kind": "status", "status": 504, "applied": True, "count": 1})
    assert sandbox.call(bot["token"], "sendMessage", chat_id=user, text="once")["error_code"] == 504
    assert [message["text"] for message in sandbox.transcript(user, bot)][-1] == "once"


def test_faults_can_be_cleared(sandbox: Sandbox) -> None:
    token = sandbox.bot()["token"]
    sandbox.control("POST", "/faults", {"kind": "status", "status": 500})
    assert sandbox.call(token, "getMe")["error_code"] == 500
    sandbox.control("DELETE", "/faults")
    assert sandbox.call(token, "getMe")["ok"]
