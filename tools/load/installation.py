"""The installation under load: the Procfile's web, worker and clock, PostgreSQL and Valkey beside, the sandbox as Telegram."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from launch.ports import free_port
from launch.valkey import configure, memory_limit
from models import BotMode
from services.core.environment import load_settings
from services.fleet.bots.choices import PluginChoice
from services.fleet.bots.registry import register_bot
from services.fleet.pools.fields import NewMember, NewPool
from services.fleet.pools.members import add_member
from services.fleet.pools.pools import create_pool
from services.platform import schema
from services.platform.accounts.accounts import command_principal, create_account
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis.engine import find_engine
from tools.chaos.installation import UNLIMITED, database_in, listens, until
from tools.chaos.processes import Keeper
from tools.chaos.telegram import Telegram
from tools.load.plan import LINKS, Plan

PROGRAMS = {
    "web": "gunicorn -c gunicorn.conf.py wsgi:app",
    "worker": "jobs.worker",
    "clock": "jobs.clock",
}
ECHO = (PluginChoice("start"), PluginChoice("echo", config={"echo_all": True}))
READY_SECONDS = 120.0


@dataclass(frozen=True)
class Installation:
    """What is loaded. `pools` are the ids of the two links' pools, in the order of LINKS."""

    platform: Platform
    telegram: Telegram
    web: str
    pools: tuple[int, int]
    persons: int  # the first one's number


@contextmanager
def installation(folder: Path, plan: Plan) -> Iterator[Installation]:
    """Start it in `folder`, make bots, links and persons, wait until webhooks are set; end every process in the end."""
    data_dir = folder / "instance"
    data_dir.mkdir(parents=True, exist_ok=True)
    server = configure(data_dir, find_engine(), memory_limit(0))
    sandbox_port, port = free_port(), free_port()
    sandbox, web = f"http://127.0.0.1:{sandbox_port}", f"http://127.0.0.1:{port}"
    with ExitStack() as stack:
        database_url, _ = stack.enter_context(database_in(folder, data_dir, plan.database))
        environ = {
            **UNLIMITED,
            "APP_ENV": "test",
            "DATA_DIR": str(data_dir),
            "DATABASE_URL": database_url,
            "REDIS_URL": server.url,
            "TELEGRAM_API_URL": sandbox,
            "TELEGRAM_LINK_URL": sandbox,
            "WEBHOOK_BASE_URL": web,
            "PORT": str(port),
            "TRUSTED_PROXIES": "1",  # each visitor has an address of their own
            "SECRET_KEY": "load",
            "ENCRYPTION_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
            "LOG_LEVEL": "WARNING",
            "LOG_FORMAT": "text",
        }
        telegram_command = [*_python("tools.sandbox"), "--port", str(sandbox_port), "--bots", "0"]
        programs = {name: _python(line) for name, line in PROGRAMS.items()}
        commands = {"valkey": server.command, "telegram": telegram_command, **programs}
        keeper = Keeper(commands, environ, folder / "processes.log")
        stack.callback(keeper.close)
        keeper.start("valkey")
        keeper.start("telegram")
        platform = Platform(load_settings(environ))
        stack.callback(platform.database.dispose)
        until(platform.redis.ping, "Valkey does not answer")
        until(lambda: listens(sandbox_port), "the sandbox does not answer")
        schema.upgrade(platform)
        for name in PROGRAMS:
            keeper.start(name)
        telegram = Telegram(sandbox)
        pools = _pools(platform, telegram, plan)
        persons = telegram.post("/users", count=plan.visitors)["users"]
        until(lambda: listens(port), "the web process does not answer")
        until(lambda: _is_set_up(telegram), "the webhooks were not set", READY_SECONDS)
        yield Installation(platform, telegram, web, pools, int(persons[0]["id"]))


def _python(line: str) -> list[str]:
    return [sys.executable, "-m", *line.split()]


def _pools(platform: Platform, telegram: Telegram, plan: Plan) -> tuple[int, int]:
    account = create_account(platform, "load@example.org", "a-long-password", is_admin=True, actor="load")
    caller = command_principal(account)
    many, few = (_pool(platform, caller, telegram, *each) for each in zip(LINKS, plan.bots, strict=True))
    return many, few


def _pool(platform: Platform, caller: Principal, telegram: Telegram, slug: str, bots: int) -> int:
    pool = create_pool(
        platform, caller, NewPool(name=slug, slug=slug, rate_limit_per_minute=0, max_bots=bots)
    )
    for identity in telegram.post("/bots", count=bots)["bots"]:
        bot = register_bot(platform, caller, identity["token"], mode=BotMode.WEBHOOK, plugins=ECHO)
        add_member(platform, caller, pool.id, NewMember(bot_id=bot.id))
    return int(pool.id)


def _is_set_up(telegram: Telegram) -> bool:
    return all(bot["webhook_url"] for bot in telegram.get("/bots")["bots"])
