"""A real sandbox process, a person's hands on it, and a webhook receiver that answers as told."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import urllib3

ROOT = Path(__file__).resolve().parents[3]
RETRY_FACTOR = 0.05
"""Webhook waits of 2, 4, 8 s become 0.1, 0.2, 0.4 s."""
Json = dict[str, Any]


class Sandbox:
    """A running sandbox seen from outside."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = urllib3.PoolManager(retries=False, timeout=10, maxsize=16)

    def control(self, method: str, path: str, body: Json | None = None, status: int | None = None) -> Json:
        answer = self.http.request(
            method, f"{self.url}/sandbox/api{path}", json=body or {} if method == "POST" else None
        )
        assert answer.status == status if status else answer.status < 300, answer.data
        values: Json = answer.json()
        return values

    def call(self, token: str, method: str, **params: Any) -> Json:
        answer = self.http.request("POST", f"{self.url}/bot{token}/{method}", json=params)
        values: Json = answer.json()
        assert values["ok"] is (answer.status == 200)
        assert values["ok"] or values["error_code"] == answer.status
        return values

    def bot(self, **spec: Any) -> Json:
        made: Json = self.control("POST", "/bots", spec)["bots"][0]
        return made

    def user(self, **spec: Any) -> int:
        return int(self.control("POST", "/users", spec)["user"]["id"])

    def act(self, user: int, bot: Json, act: str, **body: Any) -> Json:
        return self.control("POST", f"/chats/{user}/{bot['username']}/{act}", body)

    def friend(self, bot: Json) -> int:
        """A user who pressed Start, with the /start already fetched and confirmed."""
        user = self.user()
        self.act(user, bot, "start")
        self.call(bot["token"], "getUpdates", offset=-1)
        updates = self.call(bot["token"], "getUpdates")["result"]
        self.call(bot["token"], "getUpdates", offset=updates[-1]["update_id"] + 1)
        return user

    def transcript(self, user: int, bot: Json) -> list[Json]:
        found: list[Json] = self.control("GET", f"/chats/{user}/{bot['id']}")["messages"]
        return found


class Receiver:
    """A webhook on loopback: remembers what came and answers from a script, then 200."""

    def __init__(self) -> None:
        self.seen: list[Json] = []
        self.headers: list[dict[str, str]] = []
        self.peers: set[int] = set()
        self.times: list[float] = []
        self.script: list[tuple[int, dict[str, str]]] = []
        self.answer_body = b""
        self.hold: Callable[[Json], object] = lambda _update: None
        self.running = 0
        self.most_running = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                update = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, headers = receiver.note(update, dict(self.headers), self.client_address[1])
                receiver.hold(update)
                receiver.leave()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(receiver.answer_body)))
                self.end_headers()
                self.wfile.write(receiver.answer_body)

            def log_message(self, *_arguments: Any) -> None:
                pass

        return Handler

    def note(self, update: Json, headers: dict[str, str], peer: int) -> tuple[int, dict[str, str]]:
        with self._lock:
            self.running += 1
            self.most_running = max(self.most_running, self.running)
            self.seen.append(update)
            self.headers.append(headers)
            self.times.append(time.monotonic())
            self.peers.add(peer)
            return self.script.pop(0) if self.script else (200, {})

    def leave(self) -> None:
        with self._lock:
            self.running -= 1

    def wait(self, count: int, seconds: float = 15.0) -> list[Json]:
        end = time.monotonic() + seconds
        while len(self.seen) < count and time.monotonic() < end:
            time.sleep(0.01)
        assert len(self.seen) >= count, f"{len(self.seen)} of {count} updates came"
        return list(self.seen)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def start_sandbox(folder: Path, *flags: str) -> tuple[subprocess.Popen[str], str]:
    """Start the program on a free port; its URL comes through the ready file."""
    ready = folder / "ready"
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.sandbox", "--port", "0", "--ready-file", str(ready), *flags],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + 60
    while not ready.exists():
        assert process.poll() is None, "the sandbox ended at its start"
        assert time.monotonic() < end, "the sandbox did not start in 60 s"
        time.sleep(0.02)
    return process, ready.read_text()


@pytest.fixture(scope="session")
def sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    flags = ["--bots", "0", "--retry-factor", str(RETRY_FACTOR), "--webhook-timeout", "2"]
    process, url = start_sandbox(tmp_path_factory.mktemp("sandbox"), *flags)
    yield Sandbox(url)
    process.terminate()
    process.wait(20)


@pytest.fixture
def sandbox(sandbox_process: Sandbox) -> Sandbox:
    """The session's sandbox, emptied."""
    sandbox_process.control("POST", "/reset")
    return sandbox_process


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()
