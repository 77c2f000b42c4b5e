"""Memory of a web process that knows 1,000 bots in 200 pools and has served all of them.

Served means: clicks on every pool, an update by webhook for every bot, the status of every pool by the API.
"""

from __future__ import annotations

import http.client
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from models import Account, Bot
from services.core.environment import load_settings
from services.fleet.bots.webhook_secret import webhook_secret
from services.platform import schema
from services.platform.accounts.accounts import command_principal
from services.platform.accounts.api_keys import create_key
from services.platform.platform import Platform
from tools.benchmarks.driving import measure
from tools.benchmarks.figures import Figure
from tools.benchmarks.fleet import make_fleet
from tools.benchmarks.load import Order
from tools.benchmarks.servers import gunicorn, valkey

CLICKS_PER_POOL = 50


@dataclass(frozen=True)
class Memory:
    """Megabytes of the web worker (resident, and its share of what it shares), and answers by kind of request."""

    rss_mb: float
    pss_mb: float
    at_rest_mb: float
    clicks: dict[str, int]
    updates: dict[int, int]
    statuses: dict[int, int]

    def figures(self) -> list[Figure]:
        """The row of the table: the resident size, which counts shared pages in full."""
        detail = (
            f"PSS {self.pss_mb:.0f} MB; {self.at_rest_mb:.0f} MB before the traffic; clicks {self.clicks}, "
            f"webhook updates {self.updates}, API reads {self.statuses}"
        )
        what = "memory of a web process with 1,000 bots in 200 pools"
        return [Figure(what, round(self.rss_mb, 1), "MB", 150, 110, detail=detail)]


def run(folder: Path, bots: int = 1000, pools: int = 200) -> Memory:
    """Serve all of them, then look."""
    with valkey(folder) as redis_url:
        environ = {"DATA_DIR": str(folder), "REDIS_URL": redis_url, "APP_ENV": "dev"}
        platform = Platform(load_settings(environ))
        schema.upgrade(platform)
        pool_ids = make_fleet(platform, bots=bots, pools=pools)
        with gunicorn("gunicorn.conf.py", "wsgi:app", environ, folder / "web.log") as web:
            at_rest = _megabytes(web.workers()[0], "Rss")
            slugs = tuple(f"red{number}" for number in range(1, pools + 1))
            clicks = measure(Order(web.port, 120, count=pools * CLICKS_PER_POOL, slugs=slugs))
            updates = _post_updates(platform, web.port)
            statuses = _read_statuses(platform, web.port, pool_ids)
            worker = web.workers()[0]
            return Memory(
                _megabytes(worker, "Rss"),
                _megabytes(worker, "Pss"),
                at_rest,
                clicks.statuses,
                updates,
                statuses,
            )


def _post_updates(platform: Platform, port: int) -> dict[int, int]:
    """A message to every bot."""
    statuses: Counter[int] = Counter()
    with platform.database.reading() as session:
        paths = list(session.scalars(select(Bot.path_id).order_by(Bot.id)))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    for number, path in enumerate(paths, 1):
        secret = webhook_secret(platform.vault, path)
        headers = {"Content-Type": "application/json", "X-Telegram-Bot-Api-Secret-Token": secret}
        connection.request("POST", f"/webhook/{path}", json.dumps(_message(number)), headers)
        statuses[_status(connection)] += 1
    connection.close()
    return dict(statuses)


def _message(number: int) -> dict[str, object]:
    person = {"id": 1000 + number, "is_bot": False, "first_name": "Ana", "language_code": "pt-br"}
    chat = {"id": 1000 + number, "type": "private", "first_name": "Ana"}
    message = {"message_id": number, "date": 1_700_000_000, "from": person, "chat": chat, "text": "oi"}
    return {"update_id": number, "message": message}


def _read_statuses(platform: Platform, port: int, pool_ids: list[int]) -> dict[int, int]:
    """The status of every pool, as a dashboard reads it."""
    with platform.database.reading() as session:
        caller = command_principal(session.scalars(select(Account)).one())
    _, key = create_key(platform, caller)
    statuses: Counter[int] = Counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    for pool_id in pool_ids:
        path = f"/api/redirect-pools/{pool_id}/status"
        connection.request("GET", path, headers={"Authorization": f"Bearer {key}"})
        statuses[_status(connection)] += 1
    connection.close()
    return dict(statuses)


def _status(connection: http.client.HTTPConnection) -> int:
    answer = connection.getresponse()
    answer.read()
    return answer.status


def _megabytes(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise ValueError(name)
