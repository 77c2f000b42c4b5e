"""The bots in examples/workers drive a bot as they stand there, through trouble as well."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from app import create_app
from models import Bot
from services.fleet.workers.registry import NewWorker, give_worker
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import work_keys
from services.queueing.work_queue import WorkQueue
from tests.services.messaging.draining import handle_all, replies
from tools.servers.fleet import accept_all, add_bot, message
from tools.servers.sandbox import wait_until

EXAMPLES = Path(__file__).parents[2] / "examples" / "workers"
COMMANDS = {
    "bot.py": ("python3",),
    "bot.js": ("node",),
    "bot.go": ("go", "build"),
    "bot.php": ("php",),
    "bot.sh": ("bash",),
}
NEEDS = {"bot.sh": ("curl", "jq")}
LONGEST = 40  # lines
LOST, TOO_FAST = "502 Bad Gateway", "429 Too Many Requests"
WORDS = ["Hello Ana! You came by: promo", "You said: again", "You pressed it"]


class Trouble:
    """A web process behind a bad proxy: of each program it refuses the first request and loses the first answer."""

    def __init__(self, app: Callable[..., Any]) -> None:
        self._app = app
        self.statuses: dict[str, Counter[str]] = {}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        seen = self.statuses.setdefault(environ["HTTP_AUTHORIZATION"], Counter())
        if not seen[TOO_FAST]:
            seen[TOO_FAST] += 1
            start_response(TOO_FAST, [("Content-Length", "0"), ("Retry-After", "0")])
            return [b""]
        is_answer = environ["PATH_INFO"].endswith("/response")

        def started(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            if is_answer and not seen[LOST]:
                status, headers = LOST, [("Content-Length", "0")]
            seen[status if is_answer else "asked"] += 1
            return start_response(status, headers, *more)

        return self._app(environ, started)


@pytest.fixture
def web(platform: Platform) -> Iterator[tuple[str, Trouble]]:
    """A web process, over a real socket; its address, and what it said."""
    trouble = Trouble(create_app(platform))
    server = make_server("127.0.0.1", 0, trouble, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", trouble
    server.shutdown()
    thread.join(10)


def known_here() -> list[str]:
    """The examples whose language is on this machine."""
    return [name for name in COMMANDS if all(map(shutil.which, (COMMANDS[name][0], *NEEDS.get(name, ()))))]


def started(name: str, folder: Path, environ: dict[str, str]) -> subprocess.Popen[bytes]:
    """The example as a process; what is to be compiled is compiled first."""
    command = [*COMMANDS[name], str(EXAMPLES / name)]
    if name == "bot.go":
        binary = str(folder / "bot")
        subprocess.run([*COMMANDS[name], "-o", binary, str(EXAMPLES / name)], check=True)
        command = [binary]
    return subprocess.Popen(command, env=environ)


def tap(update_id: int, person: int) -> dict[str, Any]:
    """A person presses the button under the greeting."""
    told = message(update_id, person, "x")["message"]
    sender = told["from"]
    told = {**told, "from": {"id": 7001, "is_bot": True, "first_name": "Bot"}}
    press = {"id": str(update_id), "from": sender, "chat_instance": "1", "data": "pressed", "message": told}
    return {"update_id": update_id, "callback_query": press}


def pending(platform: Platform, bot: Bot) -> int:
    """How many of the bot's updates are given out and not answered."""
    found: Any = platform.redis.xpending(work_keys.incoming(bot.public_id), work_keys.group(bot.public_id))
    return int(found["pending"])


def test_an_example_is_short_and_every_one_is_told_of() -> None:
    told = (EXAMPLES / "README.md").read_text()
    assert {file.name for file in EXAMPLES.glob("bot.*")} == set(COMMANDS)
    for name in COMMANDS:
        assert name in told
        assert len([line for line in (EXAMPLES / name).read_text().splitlines() if line.strip()]) <= LONGEST


def test_each_example_answers_in_order_once_through_a_bad_proxy_and_ends_when_told_to(
    platform: Platform, web: tuple[str, Trouble], tmp_path: Path
) -> None:
    address, trouble = web
    running: list[tuple[str, Bot, str, subprocess.Popen[bytes]]] = []
    try:
        for number, name in enumerate(known_here()):
            identity = {
                "id": 7001 + number,
                "username": f"w{number}_bot",
                "token": f"{7001 + number}:" + "A" * 35,
            }
            bot = add_bot(platform, identity)
            owner = Principal(bot.account_id, f"account:{bot.account_id}")
            token = give_worker(platform, owner, bot.id, NewWorker())[2]
            environ = {**os.environ, "API_URL": address, "WORKER_TOKEN": token}
            running.append((name, bot, token, started(name, tmp_path, environ)))
            said = [message(1, 501, "/start promo"), message(2, 501, "again"), tap(3, 501)]
            accept_all(platform, bot, [*said, message(4, 502, "/start")])
        handle_all(platform)
        for name, bot, token, program in running:
            wait_until(lambda: not WorkQueue(platform.redis, bot.id, bot.public_id).lag(), seconds=60)  # noqa: B023
            program.send_signal(signal.SIGTERM)
            answers = replies(platform, bot)
            assert [text for chat, text in answers if chat == "501" and text] == WORDS, name
            assert [text for chat, text in answers if chat == "502"] == [
                "Hello Ana! You came by: yourself"
            ], name
            statuses = trouble.statuses["Bearer " + token]
            assert (statuses[TOO_FAST], statuses[LOST], statuses["409 CONFLICT"]) == (1, 1, 1), name
        for _, bot, _, _ in running:  # so that nobody has to wait for the end of a poll
            accept_all(platform, bot, [message(5, 503, "late")])
        handle_all(platform)
        for name, bot, _, program in running:
            assert program.wait(60) == 0, name
            late = [text for chat, text in replies(platform, bot) if chat == "503"]
            assert len(late) + WorkQueue(platform.redis, bot.id, bot.public_id).lag() == 1, name
            assert not pending(platform, bot), name
    finally:
        for *_, program in running:
            program.kill()
            program.wait(10)
    assert running
