"""Answers that come without the Bot API's own words, or with them: what each is taken for."""

from __future__ import annotations

import pytest

from services.core.errors import NeverSent, TooManyRequests, Uncertain
from services.platform.telegram.client import TelegramClient
from tests.services.platform.telegram.test_client import TOKEN, client, client_at
from tools.servers.broken import answering, http
from tools.servers.sandbox import Sandbox

__all__ = ["client"]  # the fixture


@pytest.mark.parametrize(("headers", "seconds"), [("Retry-After: 17\r\n", 17.0), ("", 1.0)])
def test_a_proxys_429_is_a_flood_answer(headers: str, seconds: float) -> None:
    answer = http(b"<html>slow down</html>", status="429 Too Many Requests", headers=headers)
    with answering(answer) as url, client_at(url) as client, pytest.raises(TooManyRequests) as caught:
        client.call(TOKEN, "getMe")
    assert caught.value.retry_after == seconds


def test_a_proxys_401_let_nothing_through_and_says_nothing_about_the_token() -> None:
    answer = http(b"<html>who are you</html>", status="401 Unauthorized")
    with answering(answer) as url, client_at(url) as client, pytest.raises(NeverSent) as caught:
        client.call(TOKEN, "getMe")
    assert caught.value.error_code == 401


def test_only_the_bot_apis_own_words_say_that_it_did_nothing(
    client: TelegramClient, sandbox: Sandbox
) -> None:
    bot = sandbox.create_bot()
    certain = {}
    for status in (500, 502, 503, 504):
        sandbox.fault("status", status=status, count=1)
        with pytest.raises(Uncertain) as caught:
            client.call(bot["token"], "getMe")
        certain[status] = not caught.value.may_have_arrived
    assert certain == {500: True, 502: False, 503: True, 504: False}
    with answering(http(b"oops", status="500 Internal Server Error")) as url, client_at(url) as foreign:
        with pytest.raises(Uncertain) as caught:
            foreign.call(TOKEN, "getMe")
        assert caught.value.may_have_arrived
