"""The installation of a long run: the Procfile's programs, the database and Valkey beside, the sandbox as Telegram."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from launch.ports import free_port
from launch.valkey import configure, memory_limit
from models import Bot, BotMode, BotStatus
from services.core.environment import load_settings
from services.fleet.bots.choices import PluginChoice
from services.fleet.bots.registry import register_bot
from services.fleet.pools.fields import NewMember, NewPool
from services.fleet.pools.members import add_member
from services.fleet.pools.pools import create_pool
from services.messaging.inbox.deciding import keep_messages
from services.platform import schema
from services.platform.accounts.accounts import command_principal, create_account
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis.engine import find_engine
from tools.chaos.installation import Restartable, database_in, listens, until
from tools.chaos.processes import Keeper
from tools.chaos.telegram import Telegram
from tools.servers.postgres import Postgres
from tools.soak.plan import Plan

PROGRAMS = {
    "web": "gunicorn -c gunicorn.conf.py wsgi:app",
    "worker": "jobs.worker",
    "clock": "tools.soak.clock",
    "poller": "jobs.poller",
    "programs": "jobs.programs",
}
PLUGINS = (PluginChoice("start"), PluginChoice("form"), PluginChoice("echo", config={"echo_all": True}))
READY_SECONDS = 600.0  # the reconciler looks at each bot, some five a second
REWRITE_BYTES = 2**20  # of the append-only file of Valkey, which otherwise is first made anew at 16 MB


@dataclass(frozen=True)
class Member:
    """A bot and the pool of its link."""

    bot_id: int
    slug: str
    pool_id: int
    mode: BotMode


@dataclass(frozen=True, kw_only=True)
class Installation:
    """What is watched."""

    folder: Path
    data_dir: Path
    engine: str  # the name of Valkey's folder
    keeper: Keeper
    platform: Platform
    telegram: Telegram
    caller: Principal
    web: str
    members: list[Member]  # at first
    persons: int  # the first one's number
    database: Restartable | None
    programs: tuple[str, ...]

    @property
    def slugs(self) -> list[str]:
        """Of all links."""
        return list(dict.fromkeys(each.slug for each in self.members))

    @property
    def log(self) -> Path:
        """What all programs said."""
        return self.folder / "processes.log"

    @property
    def roots(self) -> dict[str, int]:
        """The process id of each program and server by name."""
        found = {name: self.keeper.pid(name) for name in ("valkey", "telegram", *self.programs)}
        if isinstance(self.database, Postgres):
            found["postgresql"] = self.database.pid
        return found


@contextmanager
def installation(folder: Path, plan: Plan) -> Iterator[Installation]:
    """Start it in `folder`, make bots, links and persons, wait until all bots run; end every process in the end."""
    data_dir = folder / "instance"
    data_dir.mkdir(parents=True, exist_ok=True)
    server = configure(data_dir, find_engine(), memory_limit(0))
    sandbox_port, port = free_port(), free_port()
    sandbox, web = f"http://127.0.0.1:{sandbox_port}", f"http://127.0.0.1:{port}"
    with ExitStack() as stack:
        database_url, database = stack.enter_context(database_in(folder, data_dir, plan.database))
        environ = {
            **_scaled(plan),
            "DATA_DIR": str(data_dir),
            "DATABASE_URL": database_url,
            "REDIS_URL": server.url,
            "TELEGRAM_API_URL": sandbox,
            "TELEGRAM_LINK_URL": sandbox,
            "WEBHOOK_BASE_URL": web,
            "PORT": str(port),
        }
        keeper = Keeper(_commands(server.command, sandbox_port), environ, folder / "processes.log")
        stack.callback(keeper.close)
        keeper.start("valkey")
        keeper.start("telegram")
        platform = Platform(load_settings(environ))
        stack.callback(platform.database.dispose)
        until(platform.redis.ping, "Valkey does not answer")
        platform.redis.config_set("auto-aof-rewrite-min-size", REWRITE_BYTES)
        until(lambda: listens(sandbox_port), "the sandbox does not answer")
        schema.upgrade(platform)
        for name in plan.programs:
            keeper.start(name)
        telegram = Telegram(sandbox)
        account = create_account(platform, "soak@example.org", "a-long-password", is_admin=True, actor="soak")
        caller = command_principal(account)
        members = _pools(platform, caller, telegram, plan)
        persons = telegram.post("/users", count=plan.visitors)["users"]
        until(lambda: listens(port), "the web process does not answer")
        bots = plan.polling_bots + plan.webhook_bots
        until(lambda: _running(platform) == bots, "the bots do not run", READY_SECONDS)
        yield Installation(
            folder=folder,
            data_dir=data_dir,
            engine=server.engine.name,
            keeper=keeper,
            platform=platform,
            telegram=telegram,
            caller=caller,
            web=web,
            members=members,
            persons=int(persons[0]["id"]),
            database=database,
            programs=plan.programs,
        )


def _scaled(plan: Plan) -> dict[str, str]:
    """Settings; those that say how long something lives are shortened to what retention keeps in this run."""
    kept = str(max(60, int(plan.kept_seconds)))  # the shortest that the settings allow
    return {
        "APP_ENV": "test",
        "SOAK_FACTOR": str(plan.factor),
        "CONVERSATION_TTL_SECONDS": kept,
        "CALLBACK_MENU_SECONDS": kept,
        "CALLBACK_CONFIRM_SECONDS": "60",
        "LEADS_RETENTION_DAYS": "1",  # at all; how long is up to the run
        "WEBHOOKS_PER_MINUTE": "1000",
        "BACKUP_DAILY": "false",
        "POOL_RATE_LIMIT_PER_MINUTE": "0",
        "TRUSTED_PROXIES": "1",  # each visitor has an address of their own
        "SECRET_KEY": "soak",
        "ENCRYPTION_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    }


def _commands(valkey: list[str], sandbox_port: int) -> dict[str, list[str]]:
    telegram = f"tools.sandbox --port {sandbox_port} --bots 0"
    return {
        "valkey": valkey,
        **{name: _python(line) for name, line in {"telegram": telegram, **PROGRAMS}.items()},
    }


def _python(line: str) -> list[str]:
    return [sys.executable, "-m", *line.split()]


def _pools(platform: Platform, caller: Principal, telegram: Telegram, plan: Plan) -> list[Member]:
    """The bots of all links: of one those with webhooks, of the others those that are polled."""
    polled = [(f"polled-{number}", bots, BotMode.POLLING) for number, bots in enumerate(plan.pools, start=1)]
    found: list[Member] = []
    for slug, bots, mode in [("posted", plan.webhook_bots, BotMode.WEBHOOK), *polled]:
        pool = create_pool(platform, caller, NewPool(name=slug, slug=slug, max_bots=bots))
        found += [new_bot(platform, caller, telegram, slug, int(pool.id), mode) for _ in range(bots)]
    return found


def new_bot(
    platform: Platform, caller: Principal, telegram: Telegram, slug: str, pool_id: int, mode: BotMode
) -> Member:
    """Make a bot at Telegram, register it, put it into a pool; those with webhooks keep messages."""
    (identity,) = telegram.post("/bots", count=1)["bots"]
    bot = register_bot(platform, caller, identity["token"], mode=mode, plugins=PLUGINS)
    add_member(platform, caller, pool_id, NewMember(bot_id=bot.id))
    if mode is BotMode.WEBHOOK:
        keep_messages(platform, caller, bot.id, True)
    return Member(bot.id, slug, pool_id, mode)


def _running(platform: Platform) -> int:
    with platform.database.reading() as session:
        return session.scalar(select(func.count()).where(Bot.status == BotStatus.RUNNING)) or 0
