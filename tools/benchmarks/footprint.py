"""Memory and CPU of every process of an installation: `python -m tools.benchmarks.footprint [--bots 100 1000] [--seconds 60]`.

PostgreSQL, Valkey and all processes of the Procfile as deployed, the sandbox instead of Telegram (not counted). Nine tenths of the
bots have a webhook, the others are polled. Every bot gets a message and answers it, every pool gets clicks, the clock's sweeps go on;
then memory is read, and CPU over the time of the traffic. The sizes in docs/kubernetes/installation.md come from here.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import urllib3
from sqlalchemy import func, select

from launch.ports import free_port
from models import Bot, BotMode, BotPlugin, BotStatus
from services.core.environment import load_settings
from services.fleet.bots.webhook_secret import webhook_secret
from services.platform import schema
from services.platform.platform import Platform
from tools.benchmarks.driving import driving
from tools.benchmarks.figures import Figure, machine_load, print_table
from tools.benchmarks.fleet import make_fleet
from tools.benchmarks.load import Load, Order
from tools.benchmarks.pipeline_systems import counted_valkey
from tools.benchmarks.servers import cpu_seconds, process, sandbox
from tools.servers.postgres import running_postgres
from tools.servers.process_tree import family
from tools.servers.sandbox import Sandbox, wait_until

BOTS_PER_POOL: Final = 5
POLLED_SHARE: Final = 0.1
CLICKS_PER_SECOND: Final = 20
UPDATES_PER_SECOND: Final = 20
PEOPLE: Final = 100
READY_SECONDS: Final = 900.0  # for the reconciler to look at each bot, five a second
SETTLE_SECONDS: Final = 60.0  # for the last answers to leave
COMMANDS: Final = {
    "worker": ("-m", "jobs.worker"),
    "clock": ("-m", "jobs.clock"),
    "poller": ("-m", "jobs.poller"),
    "programs": ("-m", "jobs.programs"),
}
STORES: Final = ("valkey", "postgresql")
LIMITS_MB: Final = (1500.0, 1000.0)  # all processes with 1,000 bots: must, aim


@dataclass(frozen=True)
class Size:
    """What one process and its descendants took: MB (2^20 bytes) resident and proportional, thousandths of a core."""

    rss_mb: float
    pss_mb: float
    cpu_milli: float


@dataclass(frozen=True)
class Footprint:
    """The sizes by process, what the traffic was, and the machine's load average before."""

    bots: int
    sizes: dict[str, Size]
    clicks: Load
    updates: int
    answers: int
    load: float

    def total(self) -> Size:
        """All processes together, the stores too."""
        parts = self.sizes.values()
        return Size(
            sum(each.rss_mb for each in parts),
            sum(each.pss_mb for each in parts),
            sum(each.cpu_milli for each in parts),
        )

    def figure(self) -> Figure:
        """The row of the table: proportional memory, which counts shared pages once."""
        ours = sum(size.pss_mb for name, size in self.sizes.items() if name not in STORES)
        detail = f"our own processes {ours:.0f} MB; clicks {self.clicks.statuses}, updates {self.updates}, answers {self.answers}"
        what = f"memory of all processes with {self.bots:,} bots"
        return Figure(what, round(self.total().pss_mb, 1), "MB", *LIMITS_MB, detail=detail, load=self.load)


def run(folder: Path, bots: int, seconds: float) -> Footprint:
    """Start an installation with so many bots, let traffic pass for so long, look, stop it."""
    folder.mkdir(mode=0o755)
    load = machine_load()
    with _installation(folder, bots) as (platform, telegram, port, roots):
        before = {pid: cpu_seconds(pid) for root in roots.values() for pid in family(root)}
        began = time.monotonic()
        slugs = tuple(f"red{number}" for number in range(1, _pools(bots) + 1))
        with driving(Order(port, seconds, connections=8, rate=CLICKS_PER_SECOND, slugs=slugs)) as driver:
            updates = _talk(platform, telegram, seconds)
            clicks = driver.result()
        passed = time.monotonic() - began
        sizes = {name: _size(pid, before, passed) for name, pid in roots.items()}
        wait_until(lambda: telegram.calls("sendMessage") >= updates, seconds=SETTLE_SECONDS)
        return Footprint(bots, sizes, clicks, updates, telegram.calls("sendMessage"), load)


@contextmanager
def _installation(folder: Path, bots: int) -> Iterator[tuple[Platform, Sandbox, int, dict[str, int]]]:
    """The platform, Telegram, the web port, and the process id of each part by name."""
    with ExitStack() as stack:
        server = stack.enter_context(running_postgres(folder))
        redis_url, redis_pid = stack.enter_context(counted_valkey(folder))
        telegram = Sandbox(stack.enter_context(sandbox()).url)
        port, log = free_port(), folder / "processes.log"
        environ = _environ(folder, server.url, redis_url, telegram.url, port)
        platform = Platform(load_settings(environ))
        stack.callback(platform.database.dispose)
        schema.upgrade(platform)
        _fill(platform, telegram, bots)
        web = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
        roots = {"web": stack.enter_context(process(web, environ, log, port))}
        for name, arguments in COMMANDS.items():
            roots[name] = stack.enter_context(process([sys.executable, *arguments], environ, log))
        _set_webhooks(platform, telegram, environ["WEBHOOK_BASE_URL"])
        wait_until(lambda: _running(platform) == bots, seconds=READY_SECONDS)
        yield platform, telegram, port, {**roots, "valkey": redis_pid, "postgresql": server.pid}


def _environ(folder: Path, database: str, redis: str, telegram: str, port: int) -> dict[str, str]:
    return {
        "DATA_DIR": str(folder / "instance"),
        "DATABASE_URL": database,
        "REDIS_URL": redis,
        "PORT": str(port),
        "TELEGRAM_API_URL": telegram,
        "TELEGRAM_LINK_URL": telegram,
        "WEBHOOK_BASE_URL": f"http://127.0.0.1:{port}",
        "WEBHOOKS_PER_MINUTE": "100000",
        "SECRET_KEY": "benchmark",
        "ENCRYPTION_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    }


def _pools(bots: int) -> int:
    return max(1, bots // BOTS_PER_POOL)


def _fill(platform: Platform, telegram: Sandbox, bots: int) -> None:
    identities = telegram.post("/bots", {"count": bots})["bots"]
    make_fleet(platform, bots=bots, pools=_pools(bots), identities=identities)
    polled = max(1, round(bots * POLLED_SHARE))
    with platform.database.transaction() as session:
        for bot in session.scalars(select(Bot).order_by(Bot.id.desc()).limit(polled)):
            bot.mode = BotMode.POLLING
        for bot in session.scalars(select(Bot)):
            bot.plugins.append(BotPlugin(position=0, name="start", config={}))


def _set_webhooks(platform: Platform, telegram: Sandbox, base: str) -> None:
    """Have Telegram know the webhooks, which the reconciler would bring there over minutes, as new tokens must not look like a flood."""
    with platform.database.reading() as session:
        bots = list(session.scalars(select(Bot).where(Bot.mode == BotMode.WEBHOOK)))
    http = urllib3.PoolManager(retries=False, timeout=20)
    for bot in bots:
        token = platform.vault.unseal(bot.sealed_token, owner=f"bot:{bot.id}")
        told = {
            "url": f"{base}/webhook/{bot.path_id}",
            "secret_token": webhook_secret(platform.vault, bot.path_id),
        }
        http.request("POST", f"{telegram.url}/bot{token}/setWebhook", json=told)


def _talk(platform: Platform, telegram: Sandbox, seconds: float) -> int:
    """Have people press Start at each bot in turn, at a steady rate; how often."""
    with platform.database.reading() as session:
        names = list(session.scalars(select(Bot.username).order_by(Bot.id)))
    people = [int(telegram.create_user(language_code="pt-br")["id"]) for _ in range(PEOPLE)]
    began, count = time.monotonic(), round(seconds * UPDATES_PER_SECOND)
    for number in range(count):
        time.sleep(max(0.0, began + number / UPDATES_PER_SECOND - time.monotonic()))
        telegram.start(people[number // len(names) % PEOPLE], names[number % len(names)])
    return count


def _running(platform: Platform) -> int:
    with platform.database.reading() as session:
        return session.scalar(select(func.count()).where(Bot.status == BotStatus.RUNNING)) or 0


def _size(root: int, before: dict[int, float], passed: float) -> Size:
    """The size of a process and its descendants, and the CPU time of those that are there since it was noted `before`."""
    rss, pss, cpu = 0, 0, 0.0
    for pid in family(root):
        cpu += cpu_seconds(pid) - before.get(pid, 0.0)
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            rss += int(line.split()[1]) if line.startswith("Rss:") else 0
            pss += int(line.split()[1]) if line.startswith("Pss:") else 0
    return Size(rss / 1024, pss / 1024, cpu / passed * 1000)


def print_sizes(found: Footprint) -> None:
    """One line per process."""
    print(f"\n{found.bots:,} bots, load average {found.load}")
    print(f"{'':12} {'resident MB':>12} {'share MB':>12} {'mCPU':>8}")
    for name, size in {**found.sizes, "all": found.total()}.items():
        print(f"{name:12} {size.rss_mb:>12,.0f} {size.pss_mb:>12,.0f} {size.cpu_milli:>8,.0f}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure each number of bots and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bots", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--seconds", type=float, default=60.0, help="of traffic")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="flotilla-footprint-") as folder:
        Path(folder).chmod(0o755)
        found = [run(Path(folder) / str(bots), bots, options.seconds) for bots in options.bots]
    for each in found:
        print_sizes(each)
    print_table([each.figure() for each in found])


if __name__ == "__main__":
    main()
