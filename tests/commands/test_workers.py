"""`flask workers`: a bot's own program on this machine, and trials of it."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import func, select
from werkzeug.serving import make_server

from app import create_app
from commands.program_runner import run_program
from models import Bot, BotWorker, Lead, Start
from services.core.errors import InvalidInput
from services.fleet.workers.registry import NewWorker, give_worker, revoke_token
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tests.services.messaging.draining import replies
from tools.servers.fleet import add_bot, environment, working
from tools.servers.sandbox import wait_until

ROOT = Path(__file__).resolve().parents[2]
# It answers with what it is told and what it was started with; "fail" fails for good.
PROGRAM = """
import json, os, urllib.request
print("started", VERSION, sorted({"SECRET_KEY", "DATA_DIR", "BOT_TOKEN"} & set(os.environ)), flush=True)
def ask(path, body=None):
    headers = {"Authorization": "Bearer " + os.environ["WORKER_TOKEN"], "Content-Type": "application/json"}
    url = os.environ["API_URL"] + "/api/v1/runtime" + path
    return urllib.request.urlopen(urllib.request.Request(url, body and json.dumps(body).encode(), headers)).read()
while True:
    for work in json.loads(ask("/next?wait=1"))["items"]:
        text = f"{os.environ['BOT_ID']} {work['start']} {work['update']['message']['text']}"
        if "fail" in text:
            ask(f"/leases/{work['lease']}/error", {"error": "no idea", "retry": False})
            continue
        params = {"chat_id": work["update"]["message"]["chat"]["id"], "text": text}
        ask(f"/leases/{work['lease']}/response", {"calls": [{"method": "sendMessage", "params": params}]})
"""


@pytest.fixture
def bot(platform: Platform) -> Bot:
    return add_bot(platform, {"id": 7001, "username": "worker_bot", "token": "7001:" + "A" * 35})


@pytest.fixture
def app(platform: Platform) -> Flask:
    return create_app(platform)


@pytest.fixture
def web(app: Flask) -> Iterator[str]:
    """A web process, over a real socket."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(10)


@pytest.fixture
def command(app: Flask) -> FlaskCliRunner:
    return app.test_cli_runner()


def give(platform: Platform, bot: Bot) -> Principal:
    """A worker for the bot; whose it is."""
    owner = Principal(bot.account_id, f"account:{bot.account_id}")
    give_worker(platform, owner, bot.id, NewWorker())
    return owner


def test_a_program_gets_trials_and_nothing_but_its_variables_and_is_started_again_when_it_changes(
    platform: Platform, bot: Bot, web: str, command: FlaskCliRunner, tmp_path: Path
) -> None:
    give(platform, bot)
    folder = tmp_path / "project"
    folder.mkdir()
    program, said = folder / "bot.py", tmp_path / "said"
    program.write_text(PROGRAM.replace("VERSION", "1"))
    run = shlex.join([sys.executable, str(program)])
    listen = ["workers", "listen", "@worker_bot", "--exec", run, "--watch", str(folder)]
    environ = {**environment(platform.settings), "WORKER_API_URL": web}
    with said.open("wb") as output:
        started = [sys.executable, "-m", "flask", "--app", "wsgi", *listen]
        running = subprocess.Popen(started, cwd=ROOT, env=environ, stdout=output, stderr=output)
    try:
        with working(platform):
            answered = command.invoke(args=["workers", "trigger", str(bot.id), "/start", "promo"])
            assert answered.exit_code == 0, answered.output + said.read_text()
            method, _, params = answered.output.partition(" ")
            assert (method, f'"text": "{bot.public_id} promo /start promo"' in params) == (
                "sendMessage",
                True,
            )
            program.write_text(PROGRAM.replace("VERSION", "2"))
            wait_until(lambda: "started 2 []" in said.read_text(), seconds=60)
            answered = command.invoke(args=["workers", "trigger", bot.public_id, "fail"])
            assert (answered.exit_code, "The program failed: no idea" in answered.output) == (1, True)
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 0
    finally:
        running.kill()  # its program ends with it
        running.wait(10)
    words = [line for line in said.read_text().splitlines() if "started" in line or "file has" in line]
    assert words == ["started 1 []", "A file has changed: starting it again …", "started 2 []"]
    with platform.database.reading() as session:
        rows = [session.scalar(select(func.count()).select_from(table)) for table in (Lead, Start)]
    assert (rows, replies(platform, bot)) == ([0, 0], [])


def test_what_cannot_be_is_said_in_a_line(platform: Platform, bot: Bot, command: FlaskCliRunner) -> None:
    def refusal(*arguments: str) -> str:
        result = command.invoke(args=["workers", *arguments])
        assert result.exit_code, result.output
        return result.output.splitlines()[-1]

    assert "There is no such bot" in refusal("trigger", "nobody_bot", "x")
    assert "@worker_bot is answered by plugins" in refusal("trigger", "worker_bot", "x")
    owner = give(platform, bot)
    assert "Give --forward-to, or --exec" in refusal("listen", "worker_bot")
    assert "Nobody answers at http://127.0.0.1:" in refusal("listen", "worker_bot", "--exec", "true")
    with pytest.raises(InvalidInput, match="no-such-program"):
        run_program(["no-such-program"], {}, None, threading.Event(), print)
    assert "Nothing was answered within 0.1 s" in refusal("trigger", "worker_bot", "x", "--wait", "0.1")
    revoke_token(platform, owner, bot.id)
    assert "token was revoked" in refusal("listen", "worker_bot", "--exec", "true")
    with platform.database.transaction() as session:
        session.get_one(Bot, bot.id).desired_running = False
        session.get_one(BotWorker, bot.id).token_hash = "-"
    assert "This bot is stopped" in refusal("trigger", str(bot.id), "x")
