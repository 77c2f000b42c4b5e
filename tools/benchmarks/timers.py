"""A hundred thousand people wait for a follow-up: how late it is sent, and what Redis pays for the waiting.

`python -m tools.benchmarks.timers [--waiting 100000] [--due 600] [--seconds 60]`

A worker and a clock with their own Valkey and SQLite, at the sandbox, with bots that play a flow. So many people stand in it, of whom
some are due one after the other while it is measured; a follow-up counts when the sandbox has it. Telegram's sending limits are set
out of the way: how long a bot has to wait for them is theirs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, select

from models import BotMode, Flow, FlowRun, FlowVersion, Timer
from plugins.flows.document import FlowDocument
from plugins.flows.run import FOLLOW_UP, RunStatus
from services.core.environment import load_settings
from services.core.times import utc_now
from services.fleet.bots.choices import PluginChoice
from services.fleet.bots.registry import register_bot
from services.fleet.flows.users import PLUGIN
from services.platform import schema
from services.platform.accounts.accounts import command_principal, create_account
from services.platform.platform import Platform
from services.queueing.heartbeats import processes
from tools.benchmarks.figures import Figure, machine_load, print_table
from tools.benchmarks.servers import process, valkey
from tools.benchmarks.servers import sandbox as running_sandbox
from tools.servers.sandbox import Sandbox, wait_until

BOTS = 10
WARM_UP_SECONDS = 15.0
STRANGERS = 10**9  # ids of people who are not due while it is measured
AT_ONCE = 5000  # rows of one transaction: the worker writes as well
HEAD_START_SECONDS = 20.0  # from the last row to the first that is due
PATIENCE_SECONDS = 60.0
READY_SECONDS = 300.0  # a busy machine takes its time
SETTINGS = {
    "PACING_BOT_PER_SECOND": "10000",
    "USER_RATE_PER_MINUTE": "0",
    "QUOTA_BOTS": "0",
}
ENTERED = datetime(2026, 1, 1, tzinfo=UTC)
STEPS: list[dict[str, Any]] = [
    {"key": "hello", "messages": [{"text": "Hi"}], "follow_ups": [{"after": 600, "step": "nudge"}]},
    {"key": "nudge", "messages": [{"text": "{id}"}]},
]


@contextmanager
def workers(folder: Path) -> Iterator[tuple[Platform, Sandbox]]:
    """The processes that a timer passes, and the Telegram that they speak to."""
    with valkey(folder) as redis_url, running_sandbox() as telegram:
        environ = {
            "DATA_DIR": str(folder / "data"),
            "DATABASE_URL": f"sqlite:///{folder / 'timers.db'}",
            "REDIS_URL": redis_url,
            "TELEGRAM_API_URL": telegram.url,
            "SECRET_KEY": "benchmark",
            "ENCRYPTION_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
            **SETTINGS,
        }
        platform = Platform(load_settings(environ))
        schema.upgrade(platform)
        log = folder / "processes.log"
        with (
            process([sys.executable, "-m", "jobs.worker"], environ, log),
            process([sys.executable, "-m", "jobs.clock"], environ, log),
        ):
            wait_until(lambda: len(processes(platform)) == 2, seconds=READY_SECONDS)
            yield platform, Sandbox(telegram.url)
        platform.database.dispose()


@dataclass(frozen=True)
class Scene:
    """The flow, the bots that play it by their numbers here and names there, and those who are due while it is measured."""

    flow: int
    bots: list[int]
    people: list[int]


def prepare(platform: Platform, sandbox: Sandbox, due: int) -> Scene:
    """A flow, bots, and people at the sandbox who have started one of them each."""
    account = create_account(platform, "bench@example.com", "a-long-password", True, actor="benchmark")
    document = FlowDocument.model_validate({"start": "hello", "steps": STEPS}).model_dump(mode="json")
    with platform.database.transaction() as session:
        flow = Flow(account_id=account.id, key="main", name="Main", draft={}, draft_by="benchmark")
        session.add(flow)
        session.flush()
        session.add(FlowVersion(flow_id=flow.id, number=1, document=document, published_by="benchmark"))
        flow.published, number = 1, flow.id
    plays = (PluginChoice(PLUGIN, config={"flow": "main"}),)
    made = [sandbox.create_bot(strict=False) for _ in range(BOTS)]
    caller = command_principal(account)
    bots = [
        register_bot(platform, caller, each["token"], mode=BotMode.POLLING, plugins=plays).id for each in made
    ]
    users = sandbox.post("/users", {"count": due})["users"]
    people = [int(user["id"]) for user in users]
    for place, person in enumerate(people):
        sandbox.start(person, made[place % BOTS]["username"])
    return Scene(number, bots, people)


def let_wait(platform: Platform, scene: Scene, options: argparse.Namespace) -> dict[int, float]:
    """Rows of everybody who waits; when each of those is due who is due soon, by person, in epoch seconds."""
    begins = utc_now() + timedelta(seconds=HEAD_START_SECONDS + options.waiting / 2000)
    others = range(STRANGERS, STRANGERS + options.waiting - len(scene.people))
    moments = {person: begins + timedelta(days=1) for person in others}
    for number, person in enumerate(scene.people):
        ahead = WARM_UP_SECONDS if number < BOTS else 0.0  # one for each bot: its plugins are set up for it
        moments[person] = begins + timedelta(seconds=options.seconds * number / options.due - ahead)
    bots = {person: scene.bots[place % BOTS] for place, person in enumerate((*scene.people, *others))}
    people = list(moments)
    for start in range(0, len(people), AT_ONCE):
        some = people[start : start + AT_ONCE]
        with platform.database.transaction() as session:
            session.execute(insert(FlowRun), [_run(scene.flow, bots[person], person) for person in some])
            session.execute(insert(Timer), [_timer(bots[person], person, moments[person]) for person in some])
    return {person: moments[person].timestamp() for person in scene.people[BOTS:]}


def _run(flow: int, bot_id: int, person: int) -> dict[str, Any]:
    return {
        "bot_id": bot_id,
        "telegram_id": person,
        "flow_id": flow,
        "version": 1,
        "step": "hello",
        "status": RunStatus.WAITING,
        "entered_at": ENTERED,
        "started_at": ENTERED,
    }


def _timer(bot_id: int, person: int, at: datetime) -> dict[str, Any]:
    note = {"step": "hello", "entered": ENTERED.isoformat(), "version": 1, "number": 0}
    place = {"bot_id": bot_id, "chat_id": person, "telegram_id": person, "plugin": PLUGIN}
    return {**place, "key": f"{FOLLOW_UP}:0", "due_at": at, "ring_at": at, "note": note}


def lateness(sandbox: Sandbox, due: dict[int, float]) -> list[float]:
    """Seconds from the moment at which each was due to its arrival at the sandbox, sorted. TimeoutError when one is missing."""
    last = max(due.values()) - time.time()
    time.sleep(max(0.0, last))
    wait_until(lambda: _arrived(sandbox).keys() >= due.keys(), seconds=PATIENCE_SECONDS)
    arrived = _arrived(sandbox)
    return sorted(at - due[person] for person, at in arrived.items() if person in due)


def _arrived(sandbox: Sandbox) -> dict[int, float]:
    found: dict[int, float] = {}
    for call in sandbox.sent(method="sendMessage"):
        person = int(call["text"])
        assert person not in found, f"{person} got two"
        found[person] = float(call["time"])
    return found


def measure(platform: Platform, sandbox: Sandbox, options: argparse.Namespace) -> list[Figure]:
    """The figures of one installation."""
    scene = prepare(platform, sandbox, options.due + BOTS)
    before = int(platform.redis.info("memory")["used_memory"])
    due, load = let_wait(platform, scene, options), machine_load()
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
    for name, default in (("waiting", 100_000), ("due", 600), ("seconds", 60)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="flotilla-bench-") as name,
        workers(Path(name)) as (platform, sandbox),
    ):
        figures = measure(platform, sandbox, options)
    print_table(figures)
    return int(any(figure.verdict == "MISSED" for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
