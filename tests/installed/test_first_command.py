"""The README's first commands on a clean clone, then what a newcomer does next, over HTTP."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from launch.ports import free_port
from tests.installed.commands import Clone, Command, kill, leaks, newcomer, processes_in, wait_for
from tests.installed.web import Person, Web, all_run, clicked, make_fleet
from tests.launch.installation import READY
from tools.servers.sandbox import Sandbox

pytestmark = pytest.mark.timeout(400)
READY_SECONDS = 240.0  # bounds a hanging start, packages included; how long it took is printed
CLICK_SECONDS = 60.0  # a new bot waits for its first good check, every 15 s
ANSWER_SECONDS = 30.0
CTRL_C_SECONDS = 15.0
EMAIL, PASSWORD = "you@example.com", "a-first-password"


def test_make_run_serves_a_newcomer_from_the_clone_to_ctrl_c(
    clone: Clone, sandbox: Sandbox, tmp_path: Path, measured: list[str]
) -> None:
    bot = sandbox.create_bot()
    with making(clone, "run", tmp_path, TELEGRAM_API_URL=sandbox.url) as (run, web):
        measured.append(f"clone -> ready: {_since_the_clone_began(clone)}")
        answer = web.submit("/setup", code=_shown(run, r"setup code: (\S+)"), email=EMAIL, password=PASSWORD)
        assert answer.status == 302, f"POST /setup: {answer}"
        make_fleet(web, "first", {bot["token"]: ""}, page="/panel")
        wait_for(lambda: all_run(web), CLICK_SECONDS, "all bots running", run)
        link = wait_for(lambda: clicked(web, "first"), CLICK_SECONDS, "a click sent to a bot", run)
        person = Person(sandbox, link)
        assert person.bot == bot["username"]
        wait_for(person.answered, ANSWER_SECONDS, f"an answer of @{person.bot} to /start", run)
        measured.append(f"make run, Ctrl-C -> gone: {_ctrl_c(run, clone):.1f} s")


def test_make_demo_shows_its_fleet_at_work(clone: Clone, tmp_path: Path, measured: list[str]) -> None:
    with making(clone, "demo", tmp_path) as (demo, web):
        answer = web.submit(
            "/login",
            email=_shown(demo, r"Sign in +(\S+)"),
            password=_shown(demo, r"Sign in +\S+ +(\S+)"),
        )
        assert answer.status == 302, f"POST /login: {answer}"
        page = web.get(_shown(demo, r"Watch +http://[^/]+(\S+)"))
        assert (page.status, "red1" in page.text) == (200, True), f"the pool's page: {page}"
        doomed = _shown(demo, r"@(\S+) is banned after a minute")

        def sent_to_a_bot_that_stays() -> str:
            link = clicked(web, "red1")
            return "" if doomed in link else link

        link = wait_for(sent_to_a_bot_that_stays, CLICK_SECONDS, "a click sent to a bot", demo)
        person = Person(Sandbox(_shown(demo, r"Play +(\S+)/ ")), link)
        wait_for(person.answered, ANSWER_SECONDS, f"an answer of @{person.bot} to /start", demo)
        measured.append(f"make demo, Ctrl-C -> gone: {_ctrl_c(demo, clone):.1f} s")


@contextmanager
def making(clone: Clone, target: str, logs: Path, **environ: str) -> Iterator[tuple[Command, Web]]:
    """A running `make run` or `make demo` that is ready, and a browser at it."""
    port = free_port()
    environ = {**newcomer(), "PORT": str(port), **environ}
    command = Command(["make", target], clone.folder, environ, logs / f"make-{target}.log")
    try:
        wait_for(lambda: READY in command.output(), READY_SECONDS, f"make {target} ready", command)
        assert leaks(clone.folder) == []
        yield command, Web(f"http://127.0.0.1:{port}")
    finally:
        kill(clone.folder, command)


def _ctrl_c(command: Command, clone: Clone) -> float:
    """The seconds it takes to end in order, with nothing left."""
    pressed = time.monotonic()
    command.send(signal.SIGINT)
    # make is told as well: it waits for the launcher, then ends by the signal itself.
    assert command.wait(CTRL_C_SECONDS) in (0, -signal.SIGINT), command.tail()
    seconds = time.monotonic() - pressed
    assert processes_in(clone.folder) == {}, command.tail()
    assert command.output().rstrip().endswith("Stopped."), command.tail()
    assert "Traceback" not in command.output(), command.output()
    return seconds


def _shown(command: Command, pattern: str) -> str:
    """What the console tells a person."""
    found = re.search(pattern, command.output())
    assert found, f"the console does not show {pattern}\n{command.tail()}"
    return found[1]


def _since_the_clone_began(clone: Clone) -> str:
    packages = (clone.folder / ".venv/.run").stat().st_mtime - clone.begun
    return f"{time.time() - clone.begun:.1f} s (clone and packages {packages:.1f} s)"
