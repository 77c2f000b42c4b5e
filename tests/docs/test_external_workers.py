"""The programs in docs/external-workers.md drive a bot as they stand there."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from app import create_app
from models import Bot
from services.fleet.workers.registry import NewWorker, give_worker
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tests.services.messaging.draining import handle_all, replies
from tools.servers.fleet import accept_all, add_bot, message
from tools.servers.sandbox import wait_until

PAGE = (Path(__file__).parents[2] / "docs" / "external-workers.md").read_text()
PROGRAMS = {
    "python": ("python3", "-c"),
    "javascript": ("node", "-e"),
    "bash": ("bash", "-c"),
}
NEEDS = {"bash": ("curl", "jq")}
LONGEST = 20  # lines


def program(language: str) -> str:
    """The loop in that language; of several pieces the one that takes work for ever."""
    pieces = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    (found,) = [
        piece for piece in pieces if "/next?wait=20" in piece and ("while" in piece or "for (;;)" in piece)
    ]
    return str(found)


@pytest.fixture
def address(platform: Platform) -> Iterator[str]:
    """A web process, over a real socket."""
    server = make_server("127.0.0.1", 0, create_app(platform), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(10)


@pytest.fixture
def bot(platform: Platform) -> Bot:
    return add_bot(platform, {"id": 7001, "username": "worker_bot", "token": "7001:" + "A" * 35})


def test_each_program_answers_two_people_in_order_and_is_short(
    platform: Platform, bot: Bot, address: str
) -> None:
    owner = Principal(bot.account_id, f"account:{bot.account_id}")
    _, _, token = give_worker(platform, owner, bot.id, NewWorker())
    environment = {"PATH": os.environ["PATH"], "API_URL": address, "WORKER_TOKEN": token}
    tried = 0
    for number, (language, command) in enumerate(PROGRAMS.items()):
        assert len([line for line in program(language).splitlines() if line.strip()]) <= LONGEST
        if not all(map(shutil.which, (command[0], *NEEDS.get(language, ())))):
            continue
        tried += 1
        first, person = number * 10 + 1, 501 + number
        running = subprocess.Popen([*command, program(language)], env=environment, start_new_session=True)
        try:
            accept_all(platform, bot, [message(first + at, person, f"{language} {at}") for at in range(3)])
            handle_all(platform)
            wait_until(lambda: len(replies(platform, bot)) == 3 * tried)  # noqa: B023  # called in this turn
        finally:
            os.killpg(running.pid, signal.SIGKILL)  # the shell's curl too
            running.wait(10)
        said = [text for _, text in replies(platform, bot)[-3:]]
        assert said == [f"You said: {language} {at}" for at in range(3)]
    assert tried
