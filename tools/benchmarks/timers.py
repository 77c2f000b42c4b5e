"""A hundred thousand people wait for a follow-up: how late it is sent, and what Redis pays for the waiting.

`python -m tools.benchmarks.timers [--waiting 100000] [--due 3000] [--seconds 60]`

The whole installation as `make run` starts it, at the sandbox, with bots that play a flow. So many people stand in it, of whom
some are due one after the other while it is measured; a follow-up counts when the sandbox has it. Telegram's sending limits are set
out of the way: how long a bot has to wait for them is theirs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, select

from models import BotMode, Flow, FlowRun, FlowVersion, Timer
from plugins.flows.document import FlowDocument
from plugins.flows.run import FOLLOW_UP, RunStatus
from services.core.times import utc_now
from services.fleet.bots.choices import PluginChoice
from services.fleet.bots.registry import register_bot
from services.fleet.flows.users import PLUGIN
from services.platform.accounts.accounts import command_principal, create_account
from services.platform.platform import Platform
from tools.benchmarks.figures import Figure, machine_load, print_table
from tools.benchmarks.installation import Installation, installation
from tools.servers.sandbox import Sandbox, wait_until

BOTS = 10
AT_ONCE = 5000  # rows of one transaction: the worker writes as well
HEAD_START_SECONDS = 20.0  # from the last row to the first that is due
PATIENCE_SECONDS = 60.0
SETTINGS = {
    "PACING_BOT_PER_SECOND": "10000",
    "USER_RATE_PER_MINUTE": "0",
    "QUOTA_BOTS": "0",
    "WEBHOOKS_PER_MINUTE": "6000",
}
ENTERED = datetime(2026, 1, 1, tzinfo=UTC)
STEPS: list[dict[str, Any]] = [
    {"key": "hello", "messages": [{"text": "Hi"}], "follow_ups": [{"after": 600, "step": "nudge"}]},
    {"key": "nudge", "messages": [{"text": "{id}"}]},
]


def make_bots(house: Installation, sandbox: Sandbox) -> tuple[int, list[int]]:
    """The flow and the bots that play it, by their numbers here."""
    account = create_account(house.platform, "bench@example.com", "a-long-password", True, actor="benchmark")
    document = FlowDocument.model_validate({"start": "hello", "steps": STEPS}).model_dump(mode="json")
    with house.platform.database.transaction() as session:
        flow = Flow(account_id=account.id, key="main", name="Main", draft={}, draft_by="benchmark")
        session.add(flow)
        session.flush()
        session.add(FlowVersion(flow_id=flow.id, number=1, document=document, published_by="benchmark"))
        flow.published, number = 1, flow.id
    plays = (PluginChoice(PLUGIN, config={"flow": "main"}),)
    bots = [
        register_bot(
            house.platform,
            command_principal(account),
            sandbox.create_bot(strict=False)["token"],
            mode=BotMode.WEBHOOK,
            plugins=plays,
        ).id
        for _ in range(BOTS)
    ]
    return number, bots


def let_wait(platform: Platform, flow: int, bots: list[int], options: argparse.Namespace) -> dict[int, float]:
    """Rows of everybody who waits; when each of those is due who is due soon, by person, in epoch seconds."""
    begins = utc_now() + timedelta(seconds=HEAD_START_SECONDS + options.waiting / 2000)
    due: dict[int, float] = {}
    for start in range(0, options.waiting, AT_ONCE):
        people = range(start, min(start + AT_ONCE, options.waiting))
        moments = {1000 + n: _due_at(n, begins, options) for n in people}
        due |= {person: at.timestamp() for person, at in moments.items() if person < 1000 + options.due}
        with platform.database.transaction() as session:
            session.execute(insert(FlowRun), list(_runs(flow, bots, moments)))
            session.execute(insert(Timer), list(_timers(bots, moments)))
    return due


def _due_at(number: int, begins: datetime, options: argparse.Namespace) -> datetime:
    if number >= options.due:
        return begins + timedelta(days=1)
    return begins + timedelta(seconds=options.seconds * number / options.due)


def _runs(flow: int, bots: list[int], moments: dict[int, datetime]) -> Iterator[dict[str, Any]]:
    for person in moments:
        yield {
            "bot_id": bots[person % len(bots)],
            "telegram_id": person,
            "flow_id": flow,
            "version": 1,
            "step": "hello",
            "status": RunStatus.WAITING,
            "entered_at": ENTERED,
            "started_at": ENTERED,
        }


def _timers(bots: list[int], moments: dict[int, datetime]) -> Iterator[dict[str, Any]]:
    note = {"step": "hello", "entered": ENTERED.isoformat(), "version": 1, "number": 0}
    for person, at in moments.items():
        bot_id = bots[person % len(bots)]
        place = {"bot_id": bot_id, "chat_id": person, "telegram_id": person}
        yield {**place, "plugin": PLUGIN, "key": f"{FOLLOW_UP}:0", "due_at": at, "ring_at": at, "note": note}


def lateness(sandbox: Sandbox, due: dict[int, float]) -> list[float]:
    """Seconds from the moment at which each was due to its arrival at the sandbox, sorted. TimeoutError when one is missing."""
    last = max(due.values()) - time.time()
    time.sleep(max(0.0, last))
    wait_until(lambda: len(_arrived(sandbox)) >= len(due), seconds=PATIENCE_SECONDS)
    arrived = _arrived(sandbox)
    return sorted(at - due[person] for person, at in arrived.items())


def _arrived(sandbox: Sandbox) -> dict[int, float]:
    found: dict[int, float] = {}
    for call in sandbox.sent(method="sendMessage"):
        person = int(call["text"])
        assert person not in found, f"{person} got two"
        found[person] = float(call["time"])
    return found


def measure(house: Installation, options: argparse.Namespace) -> list[Figure]:
    """The figures of one installation."""
    sandbox, platform = Sandbox(house.telegram.url), house.platform
    flow, bots = make_bots(house, sandbox)
    before = int(platform.redis.info("memory")["used_memory"])
    due, load = let_wait(platform, flow, bots, options), machine_load()
    with platform.database.reading() as session:
        waiting = session.scalar(select(func.count()).select_from(Timer)) or 0
    kept = int(platform.redis.info("memory")["used_memory"]) - before
    late = lateness(sandbox, due)
    peak = int(platform.redis.info("memory")["used_memory_peak"]) - before
    p50, p99 = late[len(late) // 2], late[int(len(late) * 0.99)]
    rate = options.due / options.seconds
    detail = (
        f"{waiting:,} waiting; {len(late):,} due at {rate:.0f}/s: p50 {p50:.3f} s, most {late[-1]:.3f} s; "
        f"Redis at its peak {peak / 2**20:.1f} MB more than before"
    )
    return [
        Figure("follow-up: due to sent, p99", p99, "s", 2, 0.5, load=load, detail=detail),
        Figure("Redis for those who wait", max(0, kept) / 2**20, "MB", 60, 30, load=load),
    ]


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("waiting", 100_000), ("due", 3000), ("seconds", 60)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="flotilla-bench-") as name,
        installation(Path(name), **SETTINGS) as house,
    ):
        figures = measure(house, options)
    print_table(figures)
    return int(any(figure.verdict == "MISSED" for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
