"""A whole installation as `make run` starts it, in a folder of its own, with the sandbox instead of Telegram."""

from __future__ import annotations

import http.client
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launch.ports import free_port
from models import BotMode
from services.core.environment import load_settings
from services.fleet.bots.choices import PluginChoice
from services.fleet.bots.registry import register_bot
from services.fleet.pools.fields import NewMember, NewPool
from services.fleet.pools.members import add_member
from services.fleet.pools.pools import create_pool
from services.platform.accounts.accounts import command_principal, create_account
from services.platform.accounts.api_keys import create_key
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tools.benchmarks.servers import Sandbox, process, sandbox

READY_SECONDS = 60.0
ECHO = (PluginChoice("start"), PluginChoice("echo", config={"echo_all": True}))


@dataclass(frozen=True)
class Installation:
    """The installation: its web port, its platform as the command line would have it, the Telegram it talks to."""

    port: int
    environ: dict[str, str]
    platform: Platform
    telegram: Sandbox

    def ask(self, method: str, path: str, key: str = "", body: object = None) -> tuple[int, bytes]:
        """A request to the web process; status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        content = None
        if body is not None:
            content, headers["Content-Type"] = json.dumps(body), "application/json"
        try:
            connection.request(method, path, content, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


@contextmanager
def installation(folder: Path, **settings: str) -> Iterator[Installation]:
    """Start it, wait until it answers, stop it."""
    port, log = free_port(), folder / "house.log"
    with sandbox() as telegram:
        environ = {
            "DATA_DIR": str(folder / "instance"),
            "PORT": str(port),
            "TELEGRAM_API_URL": telegram.url,
            "TELEGRAM_LINK_URL": telegram.url,
            "WEBHOOK_BASE_URL": f"http://127.0.0.1:{port}",
            "SECRET_KEY": "benchmark",
            "ENCRYPTION_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
            **settings,
        }
        with process([sys.executable, "-m", "launch"], environ, log):
            _wait_until_live(port, log)
            platform = Platform(load_settings(environ))
            yield Installation(port, environ, platform, telegram)
            platform.database.dispose()


@dataclass(frozen=True)
class Fleet:
    """An account, its pool `red1`, and the bots in it as the sandbox shows them, each with its `row_id` here."""

    caller: Principal
    pool_id: int
    bots: list[dict[str, Any]]


def seed(house: Installation, bots: int, polling: int = 0) -> Fleet:
    """An account with so many bots, the last ones polling, in a pool."""
    platform = house.platform
    caller = command_principal(
        create_account(platform, "bench@example.org", "a-long-password", is_admin=True, actor="benchmark")
    )
    pool = create_pool(
        platform, caller, NewPool(name="Bench", slug="red1", rate_limit_per_minute=1_000_000, max_bots=100)
    )
    identities: list[dict[str, Any]] = house.telegram.post("/bots", count=bots)["bots"]
    for index, identity in enumerate(identities):
        mode = BotMode.POLLING if index >= bots - polling else BotMode.WEBHOOK
        bot = register_bot(platform, caller, identity["token"], mode=mode, plugins=ECHO)
        add_member(platform, caller, pool.id, NewMember(bot_id=bot.id))
        identity["row_id"] = bot.id
    return Fleet(caller, pool.id, identities)


def api_key(house: Installation, caller: Principal) -> str:
    """A key for the API."""
    return create_key(house.platform, caller)[1]


def _wait_until_live(port: int, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            connection.request("GET", "/health/live")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()
    raise RuntimeError(f"the installation did not start: {log.read_text(errors='replace')[-2000:]}")
