"""How long a backup and a restore take, and what /go pays meanwhile: `make bench-backup`.

A whole installation as `make run` starts it, with a million clicks and a thousand bots unless asked otherwise. `/go` is asked
at a steady rate (open loop), first alone, then while `flask backup create` runs as the worker starts it. Each figure is of one
run; the load average stands beside, as another program on the machine moves all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

from sqlalchemy import insert

from models import Bot, BotMode, Click
from services.core.times import utc_now
from services.operations.backup.schedule import giving_way
from services.operations.backup.stores import open_store
from services.platform.platform import Platform
from services.traffic.clicks.recount import recount
from tools.benchmarks.installation import Fleet, Installation, installation, seed
from tools.benchmarks.load import Order

BATCH = 5000
DAYS = 90  # over which the clicks are spread
MEMBERS = 20
RATE = 200.0  # requests for /go a second


def fill(platform: Platform, fleet: Fleet, clicks: int, bots: int) -> None:
    """So many clicks of the pool, rolled up, and so many bots in all."""
    account_id = fleet.caller.account_id
    now = utc_now()
    with platform.database.transaction() as session:
        session.execute(insert(Bot), [_bot(platform, account_id, number) for number in range(bots - MEMBERS)])
    ids = [bot["row_id"] for bot in fleet.bots]
    for start in range(0, clicks, BATCH):
        rows = [
            _click(
                fleet.pool_id,
                account_id,
                ids[number % len(ids)],
                now - timedelta(days=DAYS * number / clicks),
            )
            for number in range(start, min(start + BATCH, clicks))
        ]
        with platform.database.transaction() as session:
            session.execute(insert(Click), rows)
    recount(platform)


def _bot(platform: Platform, account_id: int, number: int) -> dict[str, object]:
    return {
        "account_id": account_id,
        "public_id": f"bot_{secrets.token_hex(6)}",
        "telegram_bot_id": 9_000_000_000 + number,
        "username": f"bench_{number}_bot",
        "sealed_token": platform.vault.seal(f"{9_000_000_000 + number}:{'x' * 35}", owner="bench"),
        "mode": BotMode.WEBHOOK,
        "path_id": secrets.token_hex(16),
        "desired_running": False,
    }


def _click(pool_id: int, account_id: int, bot_id: int, at: object) -> dict[str, object]:
    return {
        "id": secrets.token_urlsafe(9),
        "at": at,
        "pool_id": pool_id,
        "account_id": account_id,
        "bot_id": bot_id,
        "visitor": secrets.token_hex(8),
        "unique_hash": secrets.token_hex(16),
        "country": "BR",
        "device": "mobile",
        "language": "pt-BR",
        "referrer_host": "l.instagram.com",
        "params": {"utm_source": "fb", "utm_campaign": "x", "fbclid": secrets.token_hex(12)},
        "audience": "human",
        "over_limit": False,
        "counted": True,
        "reason": "round_robin/online",
        "candidates": "",
        "source": "fb",
    }


def start_load(port: int, seconds: float) -> subprocess.Popen[bytes]:
    """The driver in a process of its own."""
    order = json.dumps(asdict(Order(port, seconds, rate=RATE)))
    return subprocess.Popen([sys.executable, "-m", "tools.benchmarks.load", order], stdout=subprocess.PIPE)


def outcome(load: subprocess.Popen[bytes]) -> dict[str, object]:
    """What it saw."""
    out, _ = load.communicate()
    seen: dict[str, object] = json.loads(out)
    return {name: seen[name] for name in ("statuses", "p50", "p99", "worst", "asked")}


def command(environ: dict[str, str], *words: str, first: Sequence[str] = ()) -> tuple[float, str]:
    """`flask backup WORDS`: its seconds and its output."""
    began = time.monotonic()
    program = [*first, sys.executable, "-m", "flask", "--app", "wsgi", "backup", *words]
    done = subprocess.run(
        program, env={**os.environ, **environ}, stdout=subprocess.PIPE, text=True, check=True
    )
    return time.monotonic() - began, done.stdout.strip().splitlines()[-1]


def measure(house: Installation, seconds: float) -> str:
    """The backup under load; its name."""
    before = outcome_of_load(house, seconds)
    load = start_load(house.port, seconds + 600)
    time.sleep(1)
    took, name = command(house.environ, "create", "--quiet", first=giving_way())
    load.terminate()
    during = outcome(load)
    report("/go alone", before)
    report("/go during the backup", during)
    ratio = float(str(during["p99"])) / float(str(before["p99"]))
    size = open_store(house.platform.settings).backups()[0].size
    report(
        "backup",
        {"seconds": round(took, 1), "megabytes": round(size / 2**20, 1), "p99_ratio": round(ratio, 2)},
    )
    return name


def outcome_of_load(house: Installation, seconds: float) -> dict[str, object]:
    """/go alone, the first second left out by a run before."""
    outcome(start_load(house.port, 2))
    return outcome(start_load(house.port, seconds))


def report(title: str, figures: dict[str, object]) -> None:
    """A line, with the load average of the last minute."""
    print(f"{title}: {json.dumps(figures)} (load average {os.getloadavg()[0]:.1f})", flush=True)


def main(arguments: list[str]) -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clicks", type=int, default=1_000_000)
    parser.add_argument("--bots", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=15, help="of /go alone")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="flotilla-bench-") as text:
        folder = Path(text)
        own = {
            "PLUGINS_DIR": str(folder / "custom"),
            "CONFIG_DIR": str(folder / "bots"),
            "BACKUP_DAILY": "false",
        }
        with installation(folder, **own) as house:
            fill(house.platform, seed(house, MEMBERS), options.clicks, options.bots)
            name = measure(house, options.seconds)
            environ = house.environ
        there = {
            **environ,
            "DATA_DIR": str(folder / "there"),
            "BACKUP_DIR": str(folder / "instance" / "backups"),
            "BACKUP_KEY": (folder / "instance" / "backup.key").read_text().strip(),
        }
        took, _ = command(there, "restore", name)
        report("restore", {"seconds": round(took, 1)})


if __name__ == "__main__":
    main(sys.argv[1:])
