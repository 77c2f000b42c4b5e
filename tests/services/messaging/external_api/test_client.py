"""Calls of plugins to other people's APIs: bounded, repeated, left alone, and never into a private network."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from plugins.http import HttpError
from services.core.metrics import API_ERRORS
from services.messaging.external_api.client import ApiTimings, ExternalApi
from services.platform.platform import Platform
from tools.servers.sandbox import wait_until


class Api(ThreadingHTTPServer):
    """An API that answers what `script` says, then what `usual` says; a status, or a text."""

    script: list[int | str]
    usual: int | str = "{}"

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.script, self.asked = [], list[tuple[str, str, bytes]]()
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.arrived, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()


class Answering(BaseHTTPRequestHandler):
    server: Api

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.command, self.path, body))
        self.server.arrived.set()
        self.server.go_on.wait(30)
        answer = self.server.script.pop(0) if self.server.script else self.server.usual
        self.send_response(answer if isinstance(answer, int) else 200)
        self.send_header("Location", "http://169.254.169.254/")
        self.end_headers()
        if isinstance(answer, str):
            self.wfile.write(answer.encode())

    do_POST = do_GET  # the library's name

    def log_message(self, *_: object) -> None:
        """Not on the terminal."""


@pytest.fixture
def api() -> Iterator[Api]:
    """An API on this machine, which only test installations may call."""
    server = Api()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.go_on.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def http(platform: Platform) -> ExternalApi:
    """The client of one bot."""
    return client(platform)


def client(platform: Platform, *, bot_id: int = 7, timeout: float = 5.0) -> ExternalApi:
    """The client of a bot in one process, which loses no time before it repeats."""
    return ExternalApi(platform, bot_id, lambda: "prices", ApiTimings(timeout=timeout, backoff=0.001))


def grow_old(platform: Platform) -> None:
    """Let the time pass for which breakers stay open."""
    for key in platform.redis.scan_iter("flotilla:bot:*:api:breaker:*"):
        platform.redis.hset(key, "opened", 1)


def failure(http: ExternalApi, url: str, method: str = "GET") -> tuple[str, int]:
    with pytest.raises(HttpError) as error:
        http.request(method, url)
    return error.value.code, error.value.status


def test_an_api_is_asked_and_told(http: ExternalApi, api: Api) -> None:
    api.usual = '{"price": 10}'
    assert http.get(f"{api.url}/tea?x=ç").json() == {"price": 10}
    assert http.post(f"{api.url}/orders", {"tea": "é"}).status == 200
    assert [(verb, path) for verb, path, _ in api.asked] == [("GET", "/tea?x=%C3%A7"), ("POST", "/orders")]
    assert json.loads(api.asked[1][2]) == {"tea": "é"}
    api.usual = "<html>"
    with pytest.raises(HttpError, match="not_json"):
        http.get(api.url).json()


def test_a_get_is_repeated_when_the_api_is_not_well_and_nothing_else_is(http: ExternalApi, api: Api) -> None:
    before = API_ERRORS.labels("prices", "404")._value.get()
    api.script = [500, 429, '{"ok": 1}', 404, 302, 500]
    assert http.get(api.url).json() == {"ok": 1}
    assert len(api.asked) == 3
    assert failure(http, api.url) == ("status", 404)
    assert failure(http, api.url) == ("status", 302), "a redirect is not followed"
    assert failure(http, api.url, "POST") == ("status", 500)
    assert len(api.asked) == 6
    assert API_ERRORS.labels("prices", "404")._value.get() == before + 1


def test_the_last_good_answer_stands_in_and_lies_sealed(
    http: ExternalApi, api: Api, platform: Platform
) -> None:
    api.script = ['{"secret": "tea"}']
    api.usual = 500
    assert not http.get(api.url, keep_seconds=60).is_cached
    again = http.get(api.url, keep_seconds=60)
    assert (again.is_cached, again.json()) == (True, {"secret": "tea"})
    assert failure(http, api.url) == ("status", 500), "who keeps nothing is told"
    assert failure(http, f"{api.url}/other") == ("status", 500)
    [key] = platform.redis.scan_iter("flotilla:bot:7:api:answer:*")
    assert "tea" not in str(platform.redis.get(key))
    assert 0 < platform.redis.ttl(key) <= 60
    api.usual = 404
    with pytest.raises(HttpError, match="404"):
        http.get(api.url, keep_seconds=60)


def test_an_api_that_fails_is_left_alone_by_all_processes_then_tried_by_one(
    http: ExternalApi, api: Api, platform: Platform
) -> None:
    api.usual = 500
    for _ in range(5):
        failure(http, api.url, "POST")
    other_process = client(platform)
    assert failure(other_process, api.url) == ("open", 0)
    assert len(api.asked) == 5
    assert failure(client(platform, bot_id=8), api.url, "POST") == ("status", 500), "another bot's is its own"
    api.usual, api.script = '{"well": 1}', []
    api.go_on.clear()
    api.arrived.clear()

    def ask(number: int) -> str:
        try:
            return (http if number % 2 else other_process).post(api.url, {}).text
        except HttpError as error:
            return error.code

    grow_old(platform)
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ask, number) for number in range(8)]
        wait_until(lambda: sum(each.done() for each in asked) == 7)  # the eighth waits for the API
        api.go_on.set()
        said = sorted(each.result(30) for each in asked)
    assert said == ["open"] * 7 + ['{"well": 1}']
    assert http.get(api.url).json() == {"well": 1}


def test_a_probe_that_fails_opens_the_breaker_again(http: ExternalApi, api: Api, platform: Platform) -> None:
    api.usual = 503
    for _ in range(5):
        failure(http, api.url, "POST")
    grow_old(platform)
    assert failure(http, api.url, "POST") == ("status", 503)
    assert failure(http, api.url, "POST") == ("open", 0)


@pytest.mark.parametrize(
    "url",
    [
        "https://10.0.0.1/",
        "https://169.254.169.254/latest",
        "http://93.184.216.34/",
        "https://user:pw@example.com/",
        "file:///etc/passwd",
        "https://[::1",
    ],
)
def test_what_is_no_public_https_address_is_refused_unasked(http: ExternalApi, url: str) -> None:
    assert failure(http, url) == ("refused", 0)


def test_an_answer_is_bounded_in_time_and_size(http: ExternalApi, api: Api, platform: Platform) -> None:
    api.script = ["x" * 1_000_001]
    assert failure(http, api.url) == ("too_large", 200)
    api.go_on.clear()
    assert failure(client(platform, timeout=0.2), api.url) == ("timeout", 0)
    assert len(api.asked) == 2, "no second time for who was slow"
