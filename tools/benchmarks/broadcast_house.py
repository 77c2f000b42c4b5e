"""An installation for broadcasts: a Valkey, the played Telegram, bots with people, and processes that may be killed."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from models import Account, Bot, BotPlugin, Broadcast, BroadcastRecipient, Flow, FlowVersion, Lead
from services.core.environment import load_settings
from services.messaging.broadcasts.drafts import create_broadcast
from services.messaging.broadcasts.fields import NewBroadcast
from services.messaging.broadcasts.lifecycle import start as start_broadcast
from services.platform import schema
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tools.benchmarks.pipeline_systems import LIMITS_OFF
from tools.benchmarks.servers import sandbox, start, valkey
from tools.chaos.telegram import Telegram
from tools.servers.process_tree import kill_family

FIRST_PERSON = 6_400_000_000
MESSAGE = {"text": "Hi {first_name}"}
PORTION = 2000  # people of one call of the sandbox
WORKER = ("-m", "jobs.worker")
LIGHT_WORKER = ("-m", "tools.benchmarks.broadcast_worker")  # starts in a second
STEP_WORKER = (*LIGHT_WORKER, "steps")
CLOCK = ("-m", "jobs.clock")


@dataclass
class BroadcastHouse:
    """The installation; `processes` are those that send."""

    platform: Platform
    telegram: Telegram
    caller: Principal
    bots: list[dict[str, Any]]
    environ: dict[str, str]
    log: Path
    command: tuple[str, ...]
    variants: list[dict[str, Any]]
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def run(self, number: int) -> None:
        """Start so many of them."""
        for _ in range(number):
            self.processes.append(start([sys.executable, *self.command], self.environ, self.log))

    def kill_one(self) -> None:
        """`kill -9` of the oldest; another takes its place."""
        victim = self.processes.pop(0)
        kill_family(victim.pid)
        victim.wait()
        self.run(1)

    def end(self) -> None:
        """Kill all."""
        for each in self.processes:
            kill_family(each.pid)
            each.wait()
        self.processes.clear()

    def send(self, **more: object) -> Broadcast:
        """Start a broadcast to everybody."""
        plain = {"has_opt_out": False, "brake_percent": 0}
        given = {"name": "Bench", "variants": self.variants, **plain, **more}
        made = create_broadcast(self.platform, self.caller, NewBroadcast.model_validate(given))
        return start_broadcast(self.platform, self.caller, made.id)

    def status(self, broadcast: Broadcast) -> str:
        """Where it stands."""
        with self.platform.database.reading() as session:
            return session.scalars(select(Broadcast.status).where(Broadcast.id == broadcast.id)).one()

    def rows(self, broadcast: Broadcast) -> list[Any]:
        """(person, status) of its ledger."""
        row = BroadcastRecipient
        query = select(row.telegram_id, row.status).where(row.broadcast_id == broadcast.id)
        with self.platform.database.reading() as session:
            return list(session.execute(query))

    def sent(self) -> list[dict[str, Any]]:
        """What Telegram has taken, in order."""
        return [each for each in self.telegram.journal(0) if each["method"] == "sendMessage"]


@contextmanager
def broadcast_house(
    folder: Path, people: int, bots: int, command: tuple[str, ...] = WORKER, *, of_step: bool = False
) -> Iterator[BroadcastHouse]:
    """Start it with so many people, spread over so many bots, whom each of them knows; `of_step`: a flow's step is sent."""
    (folder / "valkey").mkdir(parents=True)
    with valkey(folder / "valkey") as redis_url, sandbox() as played:
        environ = {
            "DATA_DIR": str(folder),
            "REDIS_URL": redis_url,
            "TELEGRAM_API_URL": played.url,
            "SECRET_KEY": "benchmark",
            "ENCRYPTION_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
            **LIMITS_OFF,
        }
        platform = Platform(load_settings(environ))
        schema.upgrade(platform)
        telegram = Telegram(played.url)
        made = telegram.post("/bots", count=bots)["bots"]
        caller = _furnish(platform, made, people)
        for at, bot in enumerate(made):
            _open_chats(telegram, bot["username"], [FIRST_PERSON + n for n in range(at, people, bots)])
        variants = [_step(platform, caller, made)] if of_step else [{"message": MESSAGE}]
        house = BroadcastHouse(
            platform, telegram, caller, made, environ, folder / "house.log", command, variants
        )
        try:
            yield house
        finally:
            house.end()
            platform.database.dispose()


def _furnish(platform: Platform, identities: Sequence[dict[str, Any]], people: int) -> Principal:
    with platform.database.transaction() as session:
        account = Account(email="bench@example.org", password_hash="-")
        session.add(account)
        session.flush()
        for identity in identities:
            bot = Bot(
                account_id=account.id,
                public_id=f"bot_{identity['id']:012x}"[:16],
                telegram_bot_id=identity["id"],
                username=identity["username"],
                sealed_token="-",
                mode="webhook",
                path_id=f"{identity['id']:032x}",
            )
            session.add(bot)
            session.flush()
            bot.sealed_token = platform.vault.seal(identity["token"], owner=f"bot:{bot.id}")
            identity["row_id"] = bot.id
        rows = [
            {
                "account_id": account.id,
                "bot_id": identities[n % len(identities)]["row_id"],
                "telegram_id": FIRST_PERSON + n,
                "first_name": "Ana",
            }
            for n in range(people)
        ]
        session.execute(insert(Lead), rows)
        return Principal(account.id, "user:bench")


def _step(platform: Platform, caller: Principal, bots: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A published flow that all bots play, of whose step a broadcast is made: one message, and a follow-up in a day."""
    offer = {"key": "offer", "messages": [MESSAGE], "follow_ups": [{"after": 86_400, "step": "offer"}]}
    document = {"start": "offer", "steps": [offer]}
    with platform.database.transaction() as session:
        flow = Flow(
            account_id=caller.account_id, key="bench", name="Bench", draft={}, draft_by="bench", published=1
        )
        session.add(flow)
        session.flush()
        session.add(FlowVersion(flow_id=flow.id, number=1, document=document, published_by="bench", moves={}))
        session.add_all(
            BotPlugin(bot_id=bot["row_id"], position=0, name="flow", config={"flow": "bench"}) for bot in bots
        )
    return {"step": {"flow": "bench", "step": "offer"}}


def _open_chats(telegram: Telegram, bot: str, people: Sequence[int]) -> None:
    for at in range(0, len(people), PORTION):
        updates = [_hello(person) for person in people[at : at + PORTION]]
        telegram.post(f"/updates/{bot}", updates=updates)


def _hello(person: int) -> dict[str, Any]:
    who = {"id": person, "is_bot": False, "first_name": "Ana"}
    chat = {"id": person, "type": "private", "first_name": "Ana"}
    return {"message": {"message_id": 1, "date": int(time.time()), "from": who, "chat": chat, "text": "hi"}}


def wait_for(house: BroadcastHouse, broadcast: Broadcast, status: str, seconds: float) -> float:
    """Wait until it stands there; how many seconds that took. TimeoutError."""
    began = time.monotonic()
    while house.status(broadcast) != status:
        if time.monotonic() - began > seconds:
            raise TimeoutError(f"broadcast {broadcast.id} is not {status} after {seconds:.0f} s")
        time.sleep(0.1)
    return time.monotonic() - began


def chance(low: float, high: float) -> float:
    """Seconds by chance."""
    return random.uniform(low, high)
