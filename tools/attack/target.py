"""What is attacked: the Procfile's programs, the embedded Valkey, a database, the sandbox as Telegram, and two tenants."""

from __future__ import annotations

import secrets
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from werkzeug.routing import Rule

from launch.ports import free_port
from launch.programs import RELEASE, ROOT
from launch.valkey import configure, memory_limit
from services.core.environment import load_settings
from services.platform import schema
from services.platform.platform import Platform
from services.platform.redis.engine import find_engine
from tools.attack.client import Client
from tools.attack.result import POSTGRESQL
from tools.attack.tenant import FIRST_PERSON, PERSONS, BotOfTenant, Tenant, settle
from tools.chaos.installation import UNLIMITED, Restartable, database_in, listens, until
from tools.chaos.processes import Keeper
from tools.chaos.telegram import Telegram
from tools.servers.fleet import message

# What an attack measures would otherwise be stopped by limits that other tests hold.
SETTINGS = {
    **UNLIMITED,
    "API_RATE_PER_MINUTE": "0",
    "POOL_RATE_LIMIT_PER_MINUTE": "0",
    "COOLDOWN_SECONDS": "0",
    "IDEMPOTENCY_KEYS_PER_ACCOUNT": "100",
    "UPDATE_LANES": "1",  # whatever stops it stops everybody
    "INBOUND_WORKERS": "2",
    "OUTBOUND_WORKERS": "2",
    "HEALTH_INTERVAL_SECONDS": "2",
    "LOG_LEVEL": "INFO",
    "LOG_FORMAT": "json",
}


@dataclass(frozen=True)
class Secrets:
    """What the environment of the installation holds and nothing may show."""

    secret_key: str
    encryption_key: str
    metrics_token: str
    manager_bot_token: str
    smtp_password: str
    redis_password: str
    database_password: str  # empty where the database is a file

    @property
    def environ(self) -> dict[str, str]:
        """The variables, without the address of Redis."""
        return {
            "SECRET_KEY": self.secret_key,
            "ENCRYPTION_KEYS": self.encryption_key,
            "METRICS_TOKEN": self.metrics_token,
            "MANAGER_BOT_TOKEN": self.manager_bot_token,
            "SMTP_URL": f"smtp://mailer:{self.smtp_password}@127.0.0.1:9",
            "SMTP_FROM": "alerts@example.org",
        }


@dataclass(frozen=True)
class Target:
    """A running installation. `platform` and `telegram` reach its Valkey, database and sandbox from here."""

    folder: Path
    keeper: Keeper
    platform: Platform
    routes: tuple[Rule, ...]  # all that the web process has
    telegram: Telegram
    port: int
    kind: str  # of its database
    database: Restartable | None  # PostgreSQL
    secrets: Secrets
    environ: Mapping[str, str]
    ana: Tenant
    rui: Tenant

    def client(self, source: str = "127.0.0.1", **headers: str) -> Client:
        """A client without credentials."""
        return Client(self.port, source, **headers)

    def by_key(self, tenant: Tenant) -> Client:
        """A client with a tenant's API key."""
        return self.client(Authorization=f"Bearer {tenant.key}")

    def in_panel(self, tenant: Tenant) -> Client:
        """A browser in which a tenant is signed in."""
        browser = self.client()
        browser.submit("/login", email=tenant.email, password=tenant.password)
        return browser

    @property
    def data_dir(self) -> Path:
        """The installation's DATA_DIR."""
        return self.folder / "instance"

    @property
    def log(self) -> Path:
        """What all programs said."""
        return self.folder / "processes.log"

    @property
    def web_workers(self) -> list[int]:
        """The process ids of gunicorn's workers."""
        return self.keeper.children("web")


@contextmanager
def target(folder: Path, kind: str, **more: str) -> Iterator[Target]:
    """Start an installation in `folder` on a `kind` of database, wait until it serves two tenants, end it; `more` are settings."""
    from app import create_app  # noqa: PLC0415 - the most that is imported here, for a run that attacks something

    data_dir = folder / "instance"
    data_dir.mkdir(parents=True, exist_ok=True)
    server = configure(data_dir, find_engine(), memory_limit(0))
    sandbox_port, port = free_port(), free_port()
    with ExitStack() as stack:
        database_url, database = stack.enter_context(database_in(folder, data_dir, kind))
        known = _secrets(server.password, kind)
        # The server of these runs trusts everybody on the loopback: any password is right.
        database_url = database_url.replace("tests@", f"tests:{known.database_password}@")
        environ = {
            **SETTINGS,
            **known.environ,
            "APP_ENV": "test",
            "DATA_DIR": str(data_dir),
            "DATABASE_URL": database_url,
            "REDIS_URL": server.url,
            "TELEGRAM_API_URL": f"http://127.0.0.1:{sandbox_port}",
            "TELEGRAM_LINK_URL": f"http://127.0.0.1:{sandbox_port}",
            "WEBHOOK_BASE_URL": f"http://127.0.0.1:{port}",
            "PORT": str(port),
            **more,
        }
        sandbox = [
            sys.executable,
            *f"-m tools.sandbox --port {sandbox_port} --bots 0 --retry-factor 0.1".split(),
        ]
        commands = {"valkey": server.command, "telegram": sandbox, **programs()}
        keeper = Keeper(commands, environ, folder / "processes.log", ("web", "worker"))
        stack.callback(keeper.close)
        keeper.start("valkey")
        keeper.start("telegram")
        platform = Platform(load_settings(environ))
        stack.callback(platform.database.dispose)
        until(platform.redis.ping, "Valkey does not answer")
        until(lambda: listens(sandbox_port), "the sandbox does not answer")
        schema.upgrade(platform)
        for name in programs():
            keeper.start(name)
        telegram = Telegram(f"http://127.0.0.1:{sandbox_port}")
        until(lambda: Client(port).get("/health/live").status == 200, "the web process does not answer")
        ana, rui = (settle(platform, telegram, port, name) for name in ("ana", "rui"))
        for bot in (ana.bot, ana.poller, rui.bot, rui.poller):
            acquaint(telegram, bot)
        until(lambda: _serves(platform, port, (ana, rui)), "the bots were not set up")
        keeper.watch()
        routes = tuple(create_app(platform).url_map.iter_rules())
        yield Target(
            folder, keeper, platform, routes, telegram, port, kind, database, known, environ, ana, rui
        )


def programs() -> dict[str, list[str]]:
    """The processes of the Procfile with our interpreter, name -> command line."""
    lines = (line.partition(":") for line in (ROOT / "Procfile").read_text().splitlines() if line.strip())
    found = {name.strip(): shlex.split(command) for name, _, command in lines if name.strip() != RELEASE}
    return {
        name: [sys.executable, *(words[1:] if words[0] == "python" else ["-m", *words])]
        for name, words in found.items()
    }


def acquaint(telegram: Telegram, bot: BotOfTenant) -> None:
    """Have each of the attack's persons write to a bot, which may answer them from then on."""
    texts = [message(1, FIRST_PERSON + number, "oi") for number in range(PERSONS)]
    updates = [{key: value for key, value in each.items() if key != "update_id"} for each in texts]
    telegram.post(f"/updates/{bot.username}", updates=updates)


def _secrets(redis_password: str, kind: str) -> Secrets:
    return Secrets(
        secret_key=secrets.token_hex(32),
        encryption_key=secrets.token_urlsafe(32).ljust(44, "="),
        metrics_token=secrets.token_hex(16),
        manager_bot_token=f"{10**9 + secrets.randbelow(10**9)}:{secrets.token_urlsafe(26)}",
        smtp_password=secrets.token_hex(16),
        redis_password=redis_password,
        database_password=secrets.token_hex(16) if kind == POSTGRESQL else "",
    )


def _serves(platform: Platform, port: int, tenants: tuple[Tenant, Tenant]) -> bool:
    """Whether each tenant's webhook is set at Telegram and its link leads to a bot."""
    visitor = Client(port, User_Agent=PERSON)
    return all(
        tenant.webhook_is_set() and visitor.get(f"/go/{tenant.slug}").status == 302 for tenant in tenants
    )


PERSON = "Mozilla/5.0 (Linux; Android 14; SM-A546E) AppleWebKit/537.36 Chrome/130.0.0.0 Mobile Safari/537.36"
