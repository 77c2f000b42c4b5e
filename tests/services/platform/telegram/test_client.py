"""The Telegram client: outcome classes, timeouts, and no token anywhere."""

from __future__ import annotations

import logging
import socket
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from launch.ports import free_port
from services.core.errors import NeverSent, Rejected, TelegramError, TokenRejected, TooManyRequests, Uncertain
from services.core.settings import Settings
from services.platform.telegram import client as client_module
from services.platform.telegram.client import TelegramClient
from tests.conftest import NOWHERE
from tools.servers.broken import answering, http, self_signed
from tools.servers.sandbox import Sandbox

SECRET = "AAFcanaryCanaryCanaryCanaryCanary_12"
TOKEN = f"123456789:{SECRET}"


@contextmanager
def client_at(url: str) -> Iterator[TelegramClient]:
    client = TelegramClient(Settings(telegram_api_url=url))
    yield client
    client.close()


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[TelegramClient]:
    with client_at(sandbox.url) as client:
        yield client


def test_a_call_gives_the_result_of_the_method(client: TelegramClient, sandbox: Sandbox) -> None:
    bot = sandbox.create_bot(username="aurora_bot")
    assert client.call(bot["token"], "getMe")["username"] == "aurora_bot"


def test_params_with_nested_objects_and_cyrillic_reach_the_server_in_the_body(
    client: TelegramClient, sandbox: Sandbox
) -> None:
    bot, user = sandbox.create_bot(), sandbox.create_user()
    sandbox.start(user["id"], bot["username"])
    text = "ж" * 4096
    markup = {"inline_keyboard": [[{"text": "Sim", "callback_data": "s"}]]}
    client.call(
        bot["token"],
        "sendMessage",
        {"chat_id": user["id"], "text": text, "reply_markup": markup, "parse_mode": None},
    )
    last = sandbox.transcript(user["id"], bot["username"])[-1]
    assert last["text"] == text
    assert last["buttons"][0][0]["data"] == "s"


def test_a_file_is_uploaded_beside_the_other_params(client: TelegramClient, sandbox: Sandbox) -> None:
    bot, user = sandbox.create_bot(), sandbox.create_user()
    sandbox.start(user["id"], bot["username"])
    message = client.call(
        bot["token"],
        "sendDocument",
        {"chat_id": user["id"], "caption": "nota"},
        files={"document": ("nota.txt", b"conteudo")},
    )
    assert message["document"]["file_name"] == "nota.txt"
    assert message["caption"] == "nota"


def test_calls_one_after_the_other_use_one_connection(client: TelegramClient, sandbox: Sandbox) -> None:
    bot = sandbox.create_bot()
    for _ in range(5):
        client.call(bot["token"], "getMe")
    assert client._connections.opened == 1


def test_a_revoked_token_is_rejected_as_token(client: TelegramClient, sandbox: Sandbox) -> None:
    bot = sandbox.create_bot()
    sandbox.revoke(bot["username"])
    with pytest.raises(TokenRejected) as caught:
        client.call(bot["token"], "getMe")
    assert caught.value.error_code == 401


def test_a_malformed_token_is_rejected_as_token(client: TelegramClient) -> None:
    with pytest.raises(TokenRejected) as caught:
        client.call("not-a-token", "getMe")
    assert caught.value.error_code == 404


@pytest.mark.parametrize("method", ["noSuchMethod", "getMe/../x", "", "get\r\nMe"])
def test_an_unknown_method_is_no_fault_of_the_token(
    client: TelegramClient, sandbox: Sandbox, method: str
) -> None:
    with pytest.raises(Rejected):
        client.call(sandbox.create_bot()["token"], method)


def test_a_frozen_bot_has_its_own_code(client: TelegramClient, sandbox: Sandbox) -> None:
    bot = sandbox.create_bot()
    sandbox.freeze(bot["username"])
    with pytest.raises(Rejected) as caught:
        client.call(bot["token"], "getMe")
    assert (caught.value.code, caught.value.error_code) == ("telegram_frozen", 400)


def test_a_flood_answer_says_how_long_to_wait(client: TelegramClient, sandbox: Sandbox) -> None:
    bot = sandbox.create_bot()
    sandbox.fault("429", retry_after=10072)
    with pytest.raises(TooManyRequests) as caught:
        client.call(bot["token"], "getMe")
    assert caught.value.retry_after == 10072


def test_a_migrated_group_tells_its_new_id(client: TelegramClient, sandbox: Sandbox) -> None:
    bot = sandbox.create_bot()
    group = sandbox.post("/groups", {"title": "G", "bots": [bot["username"]]})["group"]
    moved = sandbox.post(f"/groups/{group['id']}/migrate")["group"]
    with pytest.raises(Rejected) as caught:
        client.call(bot["token"], "sendMessage", {"chat_id": group["id"], "text": "oi"})
    assert caught.value.migrate_to_chat_id == moved["id"]


@pytest.mark.parametrize(
    ("fault", "error_code"),
    [
        ({"kind": "status", "status": 500}, 500),
        ({"kind": "status", "status": 502}, 502),
        ({"kind": "reset"}, 0),
        ({"kind": "garbage"}, 200),
        ({"kind": "timeout", "seconds": 3}, 0),
    ],
)
def test_what_may_have_taken_effect_is_uncertain(
    client: TelegramClient, sandbox: Sandbox, fault: dict[str, object], error_code: int
) -> None:
    bot = sandbox.create_bot()
    sandbox.fault(**fault)  # type: ignore[arg-type]
    with pytest.raises(Uncertain) as caught:
        client.call(bot["token"], "getMe", read_timeout=0.5)
    assert caught.value.error_code == error_code


@pytest.mark.parametrize("url", [NOWHERE, "http://does-not-exist.invalid"])
def test_a_server_that_cannot_be_reached_was_never_sent_anything(url: str) -> None:
    with client_at(url) as client, pytest.raises(NeverSent, match="Cannot reach"):
        client.call(TOKEN, "getMe")


def test_a_full_backlog_is_a_connect_timeout_and_never_sent() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(address)
        time.sleep(0.1)
        with client_at(f"http://127.0.0.1:{address[1]}") as client, pytest.raises(NeverSent, match="in time"):
            client.call(TOKEN, "getMe", connect_timeout=0.3)
        for filler in fillers:
            filler.close()


def test_a_server_without_tls_on_a_tls_address_was_never_sent_anything() -> None:
    with (
        answering(http(b"hello")) as url,
        client_at(url.replace("http:", "https:")) as client,
        pytest.raises(NeverSent),
    ):
        client.call(TOKEN, "getMe")


@pytest.mark.parametrize("whose", ["the system's", "Mozilla's"])
def test_tls_is_verified_against_the_systems_authorities_and_mozillas(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whose: str
) -> None:
    certificate = self_signed(tmp_path)
    with answering(http(b'{"ok": true, "result": 7}'), certificate=certificate) as url:
        with client_at(url) as client, pytest.raises(NeverSent):
            client.call(TOKEN, "getMe")
        if whose == "the system's":
            monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        else:
            monkeypatch.setattr("certifi.where", lambda: str(certificate))
        with client_at(url) as client:
            assert client.call(TOKEN, "getMe") == 7


@pytest.mark.parametrize(
    "answer",
    [
        http(b"<html>It works</html>", headers="Content-Type: text/html\r\n"),
        http(b"[]"),
        http(b'{"result": {}}'),
        http(b'{"ok": "yes", "result": {}}'),
        http(b'{"ok": true}'),
        http(b'{"ok": false, "description": "no code and a good status"}'),
        http(b"\xff\xfe"),
        http(b"[" * 100_000),
        http(b"moved", status="302 Found", headers="Location: http://127.0.0.1:9/\r\n"),
        http(b"login first", status="404 Not Found"),
        http(b'{"ok": true, "result": 1}', length=5000),
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"",
    ],
    ids=[
        "html",
        "list",
        "no-ok",
        "odd-ok",
        "half",
        "no-code",
        "binary",
        "nested",
        "redirect",
        "login",
        "cut-short",
        "ssh",
        "empty",
    ],
)
def test_a_foreign_server_is_uncertain_with_a_clear_message(answer: bytes) -> None:
    with answering(answer) as url, client_at(url) as client, pytest.raises(Uncertain) as caught:
        client.call(TOKEN, "getMe", read_timeout=2)
    assert "Bot API" in caught.value.message or "Telegram" in caught.value.message


def test_an_answer_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "LONGEST_ANSWER", 100_000)
    with (
        answering(http(b"x" * 5_000_000)) as url,
        client_at(url) as client,
        pytest.raises(Uncertain, match="too long"),
    ):
        client.call(TOKEN, "getMe")


def test_a_dripping_answer_ends_at_the_total_timeout() -> None:
    began = time.monotonic()
    with (
        answering(http(b" " * 1000), drip_seconds=0.05) as url,
        client_at(url) as client,
        pytest.raises(Uncertain, match="in time"),
    ):
        client.call(TOKEN, "getMe", total_timeout=0.5)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("answer", [http(b"no"), b"", http(b"{}", headers="bad header\r\n")])
def test_no_error_and_no_log_record_holds_the_token(answer: bytes, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with answering(answer) as url, client_at(url) as client, pytest.raises(TelegramError) as caught:
        client.call(TOKEN, "getMe")
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value.__dict__)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert SECRET not in told
    assert SECRET not in caplog.text
    assert all(SECRET not in repr(record.__dict__) for record in caplog.records)


def test_an_unreachable_server_is_told_without_the_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with client_at(f"http://127.0.0.1:{free_port()}") as client, pytest.raises(NeverSent) as caught:
        client.call(TOKEN, "getMe")
    told = "".join(traceback.format_exception(caught.value)) + repr([r.__dict__ for r in caplog.records])
    assert SECRET not in told


def test_a_token_in_telegrams_own_words_is_redacted() -> None:
    body = f'{{"ok": false, "error_code": 400, "description": "bad {TOKEN} here"}}'.encode()
    with (
        answering(http(body, status="400 Bad Request")) as url,
        client_at(url) as client,
        pytest.raises(Rejected) as caught,
    ):
        client.call(TOKEN, "getMe")
    assert SECRET not in caught.value.message


def test_many_threads_share_the_session(client: TelegramClient, sandbox: Sandbox) -> None:
    bots = [sandbox.create_bot() for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda bot: client.call(bot["token"], "getMe")["id"], bots * 10))
    assert answers == [bot["id"] for bot in bots] * 10
