"""An installation of a former release, made as an owner makes one: by its commands and its API."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from sqlalchemy import text

from launch.ports import free_port
from launch.valkey import configure, memory_limit
from services.core.environment import load_settings
from services.platform.platform import Platform
from services.platform.redis.engine import find_engine
from tools.chaos.installation import UNLIMITED, Place, database_in, listens, sandbox, until
from tools.chaos.plan import Plan
from tools.chaos.processes import KEPT, Keeper
from tools.chaos.telegram import Telegram
from tools.chaos.upgrade import balancer
from tools.chaos.upgrade.balancer import Gate
from tools.chaos.upgrade.clicks import click_id, visit
from tools.chaos.upgrade.former import Release

PLUGIN = Path(__file__).with_name("counting.py")
EMAIL, PASSWORD, SLUG = "owner@example.org", "a-long-password-1", "spring"
HOSTS = {"former": "127.0.0.1", "next": "127.0.0.2"}
PROGRAMS = ("worker", "web", "clock", "poller", "programs")
COMMANDS = {
    "web": ["-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"],
    **{name: ["-m", f"jobs.{name}"] for name in PROGRAMS if name != "web"},
}


@dataclass(frozen=True, kw_only=True)
class Upgraded(Place):
    """An installation whose programs are there twice: `web-former` and `web-next` and so on."""

    former: Release
    next: Release
    environ: dict[str, str]
    port: int  # of the balancer
    web_port: int  # of the web processes, on HOSTS
    gates: dict[str, Gate]  # of `former` and `next`

    @property
    def has_programs(self) -> bool:
        """Whether the former release has the process of owners' programs."""
        return self.former.has_programs

    def is_ready(self, word: str) -> bool:
        """Whether that release's web process says that it can serve in full. OSError when it does not answer."""
        url = f"http://{HOSTS[word]}:{self.web_port}/health/ready"
        try:
            with build_opener(ProxyHandler({})).open(url, timeout=5) as answer:
                return bool(answer.status == 200)
        except HTTPError:
            return False

    def run(self, release: Release, *arguments: str) -> str:
        """`flask --app wsgi …` of a release; what it said. Raises RuntimeError when it failed."""
        return _flask(release, self.environ, *arguments).stdout.strip()

    def migrate(self) -> list[str]:
        """Bring the schema to the next release; all that was said meanwhile."""
        done = _flask(self.next, self.environ, "db", "upgrade")
        return [*done.stdout.splitlines(), *done.stderr.splitlines()]


@contextmanager
def upgraded(folder: Path, plan: Plan, former: Release, after: Release) -> Iterator[Upgraded]:
    """The former release, serving; everything ends with the block."""
    server = configure(folder, find_engine(), memory_limit(0))
    telegram_port, port = free_port(), free_port()
    web_port, gate_port = free_port(), free_port()
    with ExitStack() as stack:
        url, _ = stack.enter_context(database_in(folder, folder, plan.database))
        environ = _environ(folder, url, server.url, telegram_port, port)
        commands = {"valkey": server.command, "telegram": sandbox(telegram_port, plan)}
        web = dict.fromkeys(HOSTS.values(), web_port)
        commands["balancer"] = balancer.command(folder / "balancer", port, web, gate_port)
        gates = {word: Gate(host, gate_port) for word, host in HOSTS.items()}
        for gate in gates.values():
            stack.callback(gate.close)
        for word, release in (("former", former), ("next", after)):
            commands |= {
                f"{name}-{word}": _program(release, name, HOSTS[word], web_port) for name in PROGRAMS
            }
        masters = ("web", "worker-next")  # the former release's worker is one process
        keeper = Keeper(commands, environ, folder / "processes.log", masters)
        stack.callback(keeper.close)
        keeper.start("valkey")
        keeper.start("telegram")
        keeper.start("balancer")
        platform = Platform(load_settings(environ))
        stack.callback(platform.database.dispose)
        until(platform.redis.ping, "Valkey does not answer")
        until(lambda: listens(telegram_port), "the sandbox does not answer")
        place = Upgraded(
            folder=folder,
            keeper=keeper,
            platform=platform,
            telegram=Telegram(f"http://127.0.0.1:{telegram_port}"),
            bots={},
            former=former,
            next=after,
            environ=environ,
            port=port,
            web_port=web_port,
            gates=gates,
        )
        yield _found(place, plan)


def _environ(folder: Path, database: str, redis: str, telegram_port: int, port: int) -> dict[str, str]:
    plugins = folder / "plugins"
    plugins.mkdir()
    shutil.copy(PLUGIN, plugins / PLUGIN.name)
    (folder / "bots").mkdir()
    return {
        "APP_ENV": "test",
        "DATA_DIR": str(folder),
        "PLUGINS_DIR": str(plugins),
        "CONFIG_DIR": str(folder / "bots"),
        "DATABASE_URL": database,
        "REDIS_URL": redis,
        "TELEGRAM_API_URL": f"http://127.0.0.1:{telegram_port}",
        "WEBHOOK_BASE_URL": f"http://127.0.0.1:{port}",
        "TRUSTED_PROXIES": "1",
        "SECRET_KEY": "upgrade",
        "ENCRYPTION_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        "LOG_LEVEL": "WARNING",
        "LOG_FORMAT": "text",
        "POOL_RATE_LIMIT_PER_MINUTE": "0",
        **UNLIMITED,
    }


def _program(release: Release, name: str, host: str, port: int) -> list[str]:
    """The Procfile's command line, in the release's folder."""
    place = ["env", "-C", str(release.folder)]
    if name == "web":
        place += [f"BIND={host}", f"PORT={port}"]
    return [*place, release.python, *COMMANDS[name]]


def _flask(release: Release, environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    done = subprocess.run(
        [release.python, "-m", "flask", "--app", "wsgi", *arguments],
        cwd=release.folder,
        env={**kept, "FLASK_SKIP_DOTENV": "1", **environ},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"flask {' '.join(arguments[:2])}: {done.stderr.strip()}")
    return done


def _found(place: Upgraded, plan: Plan) -> Upgraded:
    """An account, a key, bots that answer, and a pool with a link to them."""
    place.run(place.former, "db", "upgrade")
    place.run(place.former, "accounts", "create", EMAIL, "--password", PASSWORD, "--admin")
    key = place.run(place.former, "keys", "create", EMAIL)
    for name in PROGRAMS:
        if name != "programs" or place.has_programs:
            place.keeper.start(f"{name}-former")
    place.keeper.watch()
    until(lambda: place.is_ready("former"), "the former release's web process is not ready")
    until(lambda: listens(place.port), "the balancer does not answer")
    _make_fleet(partial(_ask, place.port, key), place.telegram, plan)
    # No model: the columns are the former release's.
    with place.platform.database.engine.connect() as connection:
        rows = connection.execute(text("SELECT username, id FROM bots"))
        bots = {str(username): int(number) for username, number in rows}
    until(lambda: _are_set_up(place, plan), "the bots were not set up")
    until(lambda: _redirects(place.port), "the link leads to no bot")
    return replace(place, bots=bots)


def _make_fleet(ask: Any, telegram: Telegram, plan: Plan) -> None:
    pool = ask("/redirect-pools", {"name": "Spring", "slug": SLUG, "max_bots": plan.bots})["id"]
    for index, identity in enumerate(telegram.post("/bots", count=plan.bots)["bots"]):
        mode = "polling" if index < plan.polling_bots else "webhook"
        bot = {"token": identity["token"], "mode": mode, "plugins": [{"name": "counting"}]}
        ask(f"/redirect-pools/{pool}/bots", {"bot_id": ask("/bots", bot)["id"]})


def _are_set_up(place: Upgraded, plan: Plan) -> bool:
    bots = place.telegram.get("/bots")["bots"]
    return sum(bool(bot["webhook_url"]) for bot in bots) == plan.bots - plan.polling_bots


def _redirects(port: int) -> bool:
    return bool(click_id(visit(port, f"/go/{SLUG}")[1]))


def _ask(port: int, key: str, path: str, body: dict[str, Any]) -> Any:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    request = Request(f"http://127.0.0.1:{port}/api/v1{path}", json.dumps(body).encode(), headers)
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=30) as answer:
            return json.load(answer)
    except HTTPError as error:
        raise RuntimeError(f"{path}: {error.status} {error.read(500)!r}") from error
