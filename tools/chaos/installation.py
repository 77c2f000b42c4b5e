"""A real installation under attack: the Procfile's programs, inbound and outbound workers apart, proxies on the lines."""

from __future__ import annotations

import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from redis import RedisError

import tools.chaos.plugin  # noqa: F401 - it declares itself
from launch.ports import free_port
from launch.valkey import configure, memory_limit
from models import Bot, BotMode, UncertainPolicy
from services.core.environment import load_settings
from services.fleet.bots.choices import PluginChoice
from services.fleet.bots.registry import register_bot, update_bot
from services.platform import schema
from services.platform.accounts.accounts import command_principal, create_account
from services.platform.platform import Platform
from services.platform.redis.engine import find_engine
from tools.chaos.plan import Plan
from tools.chaos.processes import Keeper
from tools.chaos.proxy import Proxy
from tools.chaos.telegram import Telegram

PROGRAMS = ("web", "inbound", "outbound", "clock", "poller")
START_SECONDS = 60.0
# The limits of Telegram and of the application are not what is attacked: they would only make the run longer.
UNLIMITED = {
    "PACING_BOT_PER_SECOND": "100000",
    "PACING_CHAT_PER_SECOND": "100000",
    "PACING_CHAT_BURST": "100000",
    "RATE_LIMITS_JSON": '{"default": {"limit": 10000, "window": 1}}',
    "USER_RATE_PER_MINUTE": "1000000",
    "USER_RATE_BURST": "10000",
    "WEBHOOKS_PER_MINUTE": "1000",
}


class Restartable(Protocol):
    """A server that can be stopped by a signal and started again."""

    def start(self) -> None: ...

    def stop(self, number: signal.Signals = ...) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Place:
    """An installation that is watched. `platform` and `telegram` reach Valkey and the sandbox past all proxies."""

    folder: Path
    keeper: Keeper
    platform: Platform
    telegram: Telegram
    bots: dict[str, int]  # username -> id of its row
    careful: frozenset[str] = frozenset()  # usernames of those that send at most once

    @property
    def log(self) -> Path:
        """What all programs said."""
        return self.folder / "processes.log"


@dataclass(frozen=True, kw_only=True)
class Installation(Place):
    """One that is attacked, too."""

    redis_wire: Proxy
    api_wire: Proxy
    database_wire: Proxy | None  # to PostgreSQL
    database: Restartable | None  # PostgreSQL

    def wire(self, line: str) -> Proxy:
        """The line to `valkey`, `api` or `database`. KeyError for a database that is a file."""
        wires = {"valkey": self.redis_wire, "api": self.api_wire}
        if self.database_wire is not None:
            wires["database"] = self.database_wire
        return wires[line]


@contextmanager
def installation(folder: Path, plan: Plan) -> Iterator[Installation]:
    """Start everything in `folder`, wait until bots are reachable, end everything in the end."""
    server = configure(folder, find_engine(), memory_limit(0))
    sandbox_port, web_port = free_port(), free_port()
    redis_wire, api_wire = Proxy(server.port), Proxy(sandbox_port)
    with ExitStack() as stack:
        stack.callback(redis_wire.close)
        stack.callback(api_wire.close)
        database_url, database = stack.enter_context(database_in(folder, folder, plan.database))
        direct = _environ(folder, database_url, server.url, sandbox_port, web_port)
        database_wire = Proxy(port_of(database_url)) if database else None
        if database_wire is not None:
            stack.callback(database_wire.close)
        attacked = {
            **direct,
            "DATABASE_URL": through(database_wire, database_url),
            "REDIS_URL": through(redis_wire, server.url),
            "TELEGRAM_API_URL": f"http://127.0.0.1:{api_wire.port}",
        }
        commands = {"valkey": server.command, "telegram": sandbox(sandbox_port, plan), **programs()}
        keeper = Keeper(commands, attacked, folder / "processes.log", ("web", "inbound", "outbound"))
        stack.callback(keeper.close)
        keeper.start("valkey")
        keeper.start("telegram")
        platform = Platform(load_settings(direct))
        stack.callback(platform.database.dispose)
        until(platform.redis.ping, "Valkey does not answer")
        until(lambda: listens(sandbox_port), "the sandbox does not answer")
        schema.upgrade(platform)
        telegram = Telegram(f"http://127.0.0.1:{sandbox_port}")
        bots = _bots(platform, telegram, plan)
        careful = frozenset(list(bots)[len(bots) - plan.at_most_once_bots :])
        for name in PROGRAMS:
            keeper.start(name)
        keeper.watch()
        place = Installation(
            folder=folder,
            keeper=keeper,
            platform=platform,
            telegram=telegram,
            bots=bots,
            careful=careful,
            redis_wire=redis_wire,
            api_wire=api_wire,
            database_wire=database_wire,
            database=database,
        )
        until(lambda: listens(web_port), "the web process does not answer")
        until(lambda: _is_set_up(place, plan), "the bots were not set up")
        yield place


def _environ(folder: Path, database: str, redis: str, telegram: int, web: int) -> dict[str, str]:
    """The settings of all programs, with the ports of Telegram's part and of the web process."""
    return {
        "APP_ENV": "test",
        "DATA_DIR": str(folder),
        "DATABASE_URL": database,
        "REDIS_URL": redis,
        "TELEGRAM_API_URL": f"http://127.0.0.1:{telegram}",
        "WEBHOOK_BASE_URL": f"http://127.0.0.1:{web}",
        "PORT": str(web),
        "SECRET_KEY": "chaos",
        "ENCRYPTION_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        "LOG_LEVEL": "WARNING",
        "LOG_FORMAT": "text",
        **UNLIMITED,
    }


def port_of(url: str) -> int:
    """The port that an address of ours always names."""
    port = urlsplit(url).port
    if port is None:
        raise ValueError(f"{url} names no port")
    return port


def through(wire: Proxy | None, url: str) -> str:
    """The same address by way of the wire, where there is one."""
    return url if wire is None else url.replace(f":{port_of(url)}/", f":{wire.port}/")


def until(condition: Callable[[], object], what: str, seconds: float = START_SECONDS) -> None:
    """Wait until `condition()`; RuntimeError when it does not come."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except (RedisError, OSError):
            pass  # whoever was asked is still down: that it comes back is what is waited for
        time.sleep(0.05)
    raise RuntimeError(what)


def programs() -> dict[str, list[str]]:
    """The command lines of all programs that may run, by name."""
    python = sys.executable
    web = [python, "-m", "gunicorn", "-c", "gunicorn.conf.py"]
    inbound = [python, "-m", "tools.chaos.worker", "updates"]
    outbound = [python, "-m", "tools.chaos.worker", "outbound", "default"]
    newer = ["env", "CHAOS_RELEASE=newer"]
    return {
        "web": [*web, "wsgi:app"],
        "inbound": inbound,
        "outbound": outbound,
        "clock": [python, "-m", "jobs.clock"],
        "poller": [python, "-m", "jobs.poller"],
        # A second worker, started when the first is stopped in its sleep.
        "inbound-standby": inbound,
        "outbound-standby": outbound,
        # The next release.
        "web-newer": [*web, "tools.chaos.newer_web:app"],
        "inbound-newer": [*newer, *inbound],
        "outbound-newer": [*newer, *outbound],
    }


def sandbox(port: int, plan: Plan) -> list[str]:
    """The command line of what plays Telegram."""
    options = f"--port {port} --bots 0 --seed {plan.seed} --retry-factor {plan.retry_factor} --latency {plan.latency}"
    return [sys.executable, "-m", "tools.sandbox", *options.split()]


@contextmanager
def database_in(folder: Path, data_dir: Path, kind: str) -> Iterator[tuple[str, Restartable | None]]:
    """A database's address, and the server where there is one, which lies in `folder`; a file lies in `data_dir`."""
    if kind == "sqlite":
        yield f"sqlite:///{data_dir / 'flotilla.db'}", None
        return
    from tools.servers.postgres import running_postgres  # noqa: PLC0415 - its binaries come with the tests

    with running_postgres(folder) as server:
        yield server.url, server


def _bots(platform: Platform, telegram: Telegram, plan: Plan) -> dict[str, int]:
    account = create_account(platform, "chaos@example.org", "a-long-password", is_admin=True, actor="chaos")
    caller = command_principal(account)
    found: dict[str, int] = {}
    identities: list[dict[str, Any]] = telegram.post("/bots", count=plan.bots)["bots"]
    for index, identity in enumerate(identities):
        mode = BotMode.POLLING if index < plan.polling_bots else BotMode.WEBHOOK
        choices = (PluginChoice("chaos"),)
        bot: Bot = register_bot(platform, caller, identity["token"], mode=mode, plugins=choices)
        if index >= plan.bots - plan.at_most_once_bots:
            update_bot(platform, caller, bot.id, uncertain_policy=UncertainPolicy.AT_MOST_ONCE)
        found[identity["username"]] = bot.id
    return found


def _is_set_up(place: Installation, plan: Plan) -> bool:
    bots = place.telegram.get("/bots")["bots"]
    return sum(bool(bot["webhook_url"]) for bot in bots) == plan.bots - plan.polling_bots


def listens(port: int) -> bool:
    """Whether something takes connections on a port of the loopback; OSError when not."""
    socket.create_connection(("127.0.0.1", port), 1).close()
    return True
