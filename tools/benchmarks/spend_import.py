"""A million lines of costs imported, a tenth of them corrected later: whether all sums agree, how long it takes, how much memory.

    python -m tools.benchmarks.spend_import [lines] [--postgresql]

What was written into the tables is added up here by itself, in whole hundredths, and compared with the database and the report.
"""

from __future__ import annotations

import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select

from models import Account, ImportStatus, Spend
from services.core.environment import load_settings
from services.platform import schema
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.reporting.analytics.period import period
from services.reporting.returns.report import ReturnsBy
from services.reporting.returns.reporting import returns
from services.traffic.spend import importing
from services.traffic.spend.fields import Layout
from services.traffic.spend.imports import add_part, begin_import, get_import
from tools.servers.postgres import running_postgres
from tools.servers.valkey import running_valkey

LINES = 1_000_000
DAYS, CAMPAIGNS = 100, 100  # the rest of the lines are ads
PART = 250_000  # characters, as the page brings them
FIRST = date(2026, 7, 1)
LAYOUT = Layout(
    day="Day", campaign="Campaign", ad="Ad", amount="Cost", always_source="fb", always_currency="BRL"
)
HEADER = "Day,Campaign,Ad,Cost\n"
Key = tuple[int, int, int]  # day, campaign, ad


def main(lines: int, *, on_postgresql: bool) -> int:
    """Run both imports and print what was seen; 1 where a sum differs."""
    with tempfile.TemporaryDirectory(prefix="flotilla-bench-") as name, ExitStack() as stack:
        platform, owner = _installation(Path(name), stack, on_postgresql)
        chance, expected = random.Random(1), dict[Key, int]()
        keys = [(n % DAYS, n // DAYS % CAMPAIGNS, n // DAYS // CAMPAIGNS) for n in range(lines)]
        spent = [_bring(platform, owner, _table(keys, chance, expected), "costs.csv")]
        corrected = chance.sample(keys, lines // 10)
        spent.append(_bring(platform, owner, _table(corrected, chance, expected), "corrections.csv"))
        differences = _differences(platform, owner, expected)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{lines:,} lines in {spent[0]:.1f} s, {len(corrected):,} corrections in {spent[1]:.1f} s")
    print(f"memory {peak:.0f} MB at most, the list that is compared with among it")
    for what, hundredths in differences.items():
        print(f"difference {what}: {hundredths / 100:.2f}")
    return int(any(differences.values()))


def _installation(folder: Path, stack: ExitStack, on_postgresql: bool) -> tuple[Platform, Principal]:
    values = {
        "APP_ENV": "test",
        "DATA_DIR": str(folder),
        "SECRET_KEY": "a-secret-for-benchmarks",
        "REDIS_URL": stack.enter_context(running_valkey(folder)),
    }
    if on_postgresql:
        values["DATABASE_URL"] = stack.enter_context(running_postgres(folder)).url
    platform = Platform(load_settings(values))
    stack.callback(platform.database.dispose)
    schema.upgrade(platform)
    with platform.database.transaction() as session:
        session.add(Account(id=1, email="bench@example.org", password_hash="-"))
    return platform, Principal(1, "command:bench")


def _table(keys: list[Key], chance: random.Random, expected: dict[Key, int]) -> Iterator[str]:
    """The lines of a table, whose amounts in hundredths go into `expected`."""
    yield HEADER
    for day, campaign, ad in keys:
        hundredths = chance.randrange(10**6)
        expected[day, campaign, ad] = hundredths
        yield f"{FIRST + timedelta(days=day)},c{campaign},a{ad},{hundredths // 100}.{hundredths % 100:02d}\n"


def _bring(platform: Platform, owner: Principal, table: Iterator[str], name: str) -> float:
    begin, number, waiting = time.monotonic(), 0, ""
    one = None
    for line in table:
        waiting += line
        if len(waiting) >= PART:
            if one is None:
                one = begin_import(platform, owner, name, LAYOUT, waiting, is_last=False)
            else:
                add_part(platform, owner, one.id, number, waiting, is_last=False)
            number, waiting = number + 1, ""
    if one is None:
        one = begin_import(platform, owner, name, LAYOUT, waiting, is_last=True)
    else:
        add_part(platform, owner, one.id, number, waiting, is_last=True)
    while get_import(platform, owner, one.id).status in importing.UNDER_WAY:
        importing.go_on(platform, one.id)
    found = get_import(platform, owner, one.id)
    if found.status != ImportStatus.DONE:
        raise SystemExit(f"{name} ended as {found.status}: {found.problems[:3]}")
    return time.monotonic() - begin


def _differences(platform: Platform, owner: Principal, expected: dict[Key, int]) -> dict[str, int]:
    """In hundredths: of the table, of each row of it together, of the report by campaign and by day."""
    with platform.database.reading() as session:
        whole = session.scalar(select(func.sum(Spend.amount_micros))) or 0
        rows = session.execute(select(Spend.day, Spend.campaign, Spend.ad, Spend.amount_micros))
        apart = sum(
            abs(micros // 10_000 - expected[(day - FIRST).days, int(campaign[1:]), int(ad[1:])])
            for day, campaign, ad, micros in rows.yield_per(10_000)
        )
    wanted = sum(expected.values())
    last = FIRST + timedelta(days=DAYS - 1)
    about = period(FIRST.isoformat(), last.isoformat(), "UTC", datetime.now(UTC))
    found = {"of the sum": int(whole) // 10_000 - wanted, "of all rows": apart}
    for by in (ReturnsBy.CAMPAIGN, ReturnsBy.DAY, ReturnsBy.BOT):
        total = returns(platform, owner, about, by).totals.cost_micros
        found[f"of the report by {by}"] = total // 10_000 - wanted
    return found


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    sys.exit(main(numbers[0] if numbers else LINES, on_postgresql="--postgresql" in sys.argv))
