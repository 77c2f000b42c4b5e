"""The sidecar of a bot's program: what it takes is answered or comes again, and what it counts is true."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from werkzeug.serving import make_server

from app import create_app
from launch.ports import free_port
from models import Bot
from services.fleet.workers.registry import NewWorker, give_worker
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import work_keys
from services.queueing.work_queue import GIVEN_BACK, WorkQueue
from tests.services.messaging.draining import handle_all, replies
from tools.servers.fleet import accept_all, add_bot, message
from tools.servers.sandbox import wait_until
from tools.worker_sidecar import calls_in

SIDECAR = Path(__file__).parents[2] / "tools" / "worker_sidecar.py"
# A program as its author wrote it: it knows of its port and of nothing else.
PROGRAM = """
import http.server, json, os, pathlib, signal, sys, time
folder = pathlib.Path(sys.argv[2])

class Bot(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["message"]
        if said["text"] == "crash":
            os._exit(3)
        while said["text"] == "slow" and not (folder / "go").exists():
            time.sleep(0.01)
        text = " ".join((said["text"], self.headers["X-Worker-Start"], self.headers["X-Worker-Attempt"]))
        answer = {"method": "sendMessage", "chat_id": said["chat"]["id"], "text": text}
        self.send_response(500 if said["text"] == "fail" else 200)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

def end(*_):
    (folder / "ended").write_text("by the signal")
    sys.exit()

signal.signal(signal.SIGTERM, end)
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Bot).serve_forever()
"""


@dataclass
class Beside:
    """A sidecar with its program, and the bot that they serve."""

    platform: Platform
    bot: Bot
    process: subprocess.Popen[bytes]
    metrics_port: int

    def send(self, number: int, text: str) -> None:
        """Somebody writes, who has a chat of their own."""
        accept_all(self.platform, self.bot, [message(number, 500 + number, text)])
        handle_all(self.platform)

    def metric(self, name: str) -> float:
        """What it counts."""
        with urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10) as answer:
            found = re.search(rf"^{re.escape(name)} (.+)$", answer.read().decode(), re.MULTILINE)
        return float(found[1]) if found else -1.0

    def status(self) -> int:
        """Whether more is taken, as an orchestrator asks."""
        try:
            return int(urlopen(f"http://127.0.0.1:{self.metrics_port}/healthz", timeout=10).status)
        except HTTPError as error:
            return error.code

    def holders(self) -> list[str]:
        """Who holds what was given out and not answered."""
        names = work_keys.incoming(self.bot.public_id), work_keys.group(self.bot.public_id)
        found = self.platform.redis.xpending_range(*names, "-", "+", 100)
        return [str(each["consumer"]) for each in found]

    def lag(self) -> int:
        """What is not answered."""
        return WorkQueue(self.platform.redis, self.bot.id, self.bot.public_id).lag()


@pytest.fixture
def web(platform: Platform) -> Iterator[str]:
    """A web process, over a real socket."""
    server = make_server("127.0.0.1", 0, create_app(platform), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(10)


@contextmanager
def beside(platform: Platform, web: str, folder: Path) -> Iterator[Beside]:
    """A sidecar that has started its program."""
    bot = add_bot(platform, {"id": 7001, "username": "worker_bot", "token": "7001:" + "A" * 35})
    owner = Principal(bot.account_id, f"account:{bot.account_id}")
    token = give_worker(platform, owner, bot.id, NewWorker())[2]
    port, metrics_port = free_port(), free_port()
    where = ["--forward-to", f"http://127.0.0.1:{port}/", "--metrics-port", str(metrics_port)]
    program = [sys.executable, "-c", PROGRAM, str(port), str(folder)]
    environ = {"PATH": os.environ["PATH"], "API_URL": web, "WORKER_TOKEN": token}
    process = subprocess.Popen([sys.executable, str(SIDECAR), *where, "--", *program], env=environ)
    try:
        yield Beside(platform, bot, process, metrics_port)
    finally:
        process.kill()  # its program ends with it
        process.wait(10)


def test_a_stop_waits_for_what_is_under_way_takes_nothing_more_and_only_then_ends_the_program(
    platform: Platform, web: str, tmp_path: Path
) -> None:
    with beside(platform, web, tmp_path) as it:
        it.send(1, "/start promo")
        wait_until(lambda: replies(platform, it.bot) == [("501", "/start promo promo 1")], seconds=60)
        it.send(2, "fail")
        wait_until(lambda: it.metric('worker_sidecar_updates_total{outcome="failed"}') == 1)
        it.send(3, "slow")
        wait_until(lambda: it.metric("worker_sidecar_active_requests") == 1)
        assert it.status() == 200
        it.process.send_signal(signal.SIGTERM)
        wait_until(lambda: it.status() == 503)
        accept_all(platform, it.bot, [message(4, 504, "slow")])  # ends the poll that is under way
        handle_all(platform)
        wait_until(lambda: it.metric("worker_sidecar_draining") == 1)
        it.send(5, "late")
        under_way = it.metric("worker_sidecar_active_requests")
        assert not (tmp_path / "ended").exists()
        (tmp_path / "go").touch()
        assert it.process.wait(60) == 0
        assert (tmp_path / "ended").exists()
        answered = dict(replies(platform, it.bot))
        assert answered["503"] == "slow  1"
        assert [chat in answered for chat in ("502", "504", "505")] == [False, under_way == 2, False]
        assert it.holders() == [GIVEN_BACK]  # the one that failed, and nobody has the late one
        assert it.lag() == 5 - len(answered)


def test_what_a_crashing_program_had_comes_again_and_the_sidecar_ends_with_it(
    platform: Platform, web: str, tmp_path: Path
) -> None:
    with beside(platform, web, tmp_path) as it:
        it.send(1, "slow")
        wait_until(lambda: it.metric("worker_sidecar_active_requests") == 1, seconds=60)
        it.send(2, "crash")
        it.send(3, "crash")  # ends the poll that is under way, and perhaps finds nobody there
        assert it.process.wait(60) == 3
        assert set(it.holders()) <= {GIVEN_BACK}
        assert (it.lag(), replies(platform, it.bot)) == (3, [])


def test_a_program_may_answer_as_it_would_telegram_or_with_nothing() -> None:
    call = {"method": "sendMessage", "params": {"chat_id": 1, "text": "x"}}
    for said, calls in (
        (b"", []),
        (b"OK", []),
        (b"{}", []),
        (b"true", []),
        (b'{"method": "sendMessage", "chat_id": 1, "text": "x"}', [call]),
        (b'{"method": "sendMessage", "params": {"chat_id": 1, "text": "x"}}', [call]),
        (b'{"calls": [{"method": "sendMessage", "params": {"chat_id": 1, "text": "x"}}]}', [call]),
    ):
        assert calls_in(said) == calls
    for odd in (b'{"methods": 1}', b'{"calls": {}}', b'{"method": 5}'):
        with pytest.raises(ValueError, match="neither"):
            calls_in(odd)
