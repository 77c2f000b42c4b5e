"""Thousands of visitors behind one address (a mobile carrier's) and a limit far below, with over_limit=redirect."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from models import OverLimit
from services.core.environment import load_settings
from services.platform import schema
from services.platform.platform import Platform
from services.platform.redis import keys
from tools.benchmarks.driving import measure
from tools.benchmarks.figures import Figure
from tools.benchmarks.fleet import make_fleet
from tools.benchmarks.load import Load, Order
from tools.benchmarks.servers import gunicorn, valkey

LIMIT = 60  # requests a minute per client, the default
BOTS = 6
BURST_SECONDS = 10  # room for a burst: clients are counted by the minute of the clock


@dataclass(frozen=True)
class OneAddress:
    """Answers to the visitors; clicks written; answers of the same burst under over_limit=reject, for comparison."""

    redirecting: Load
    written: int
    rejecting: Load
    log: str  # the web process's, under over_limit=reject

    @property
    def refused(self) -> int:
        """Visitors that were not sent to a bot."""
        return self.redirecting.asked - self.redirecting.statuses.get("302", 0)

    def figures(self) -> list[Figure]:
        """The row of the table."""
        detail = (
            f"limit {LIMIT}/min: {self.redirecting.statuses}, {self.written:,} clicks written; the same with "
            f"over_limit=reject: {self.rejecting.statuses}"
        )
        what = f"{self.redirecting.asked:,} visitors behind one address, over_limit=redirect: refused"
        return [Figure(what, self.refused, "", 0, 0, detail=detail)]


def run(folder: Path, visitors: int = 5000) -> OneAddress:
    """Let them come as fast as they are answered, none of them with a cookie."""
    loads = []
    written = 0
    for over_limit in (OverLimit.REDIRECT, OverLimit.REJECT):
        place = folder / over_limit
        place.mkdir()
        with valkey(place) as redis_url:
            environ = {"DATA_DIR": str(place), "REDIS_URL": redis_url, "APP_ENV": "dev"}
            platform = Platform(load_settings(environ))
            schema.upgrade(platform)
            make_fleet(platform, bots=BOTS, limit=LIMIT, over_limit=over_limit)
            with gunicorn("gunicorn.conf.py", "wsgi:app", environ, place / "web.log") as web:
                _wait_for_room_in_the_minute()
                loads.append(measure(Order(web.port, 120, count=visitors)))
            written = written or platform.redis.xlen(keys.click_stream())
    return OneAddress(loads[0], written, loads[1], (place / "web.log").read_text())


def _wait_for_room_in_the_minute() -> None:
    left = 60 - time.time() % 60
    if left < BURST_SECONDS:
        time.sleep(left)
