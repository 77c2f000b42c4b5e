"""Kills the copies of a bot's program under load, with -9 and by turns, then counts what the played Telegram got.

Three copies on the Runtime API, each taking a few updates at a time. A killed one is started again at once; what it held comes
again when its lease has run out.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from models import DeadLetter
from services.fleet.bots.registry import register_bot
from services.fleet.workers.registry import NewWorker, give_worker
from services.platform.accounts.accounts import command_principal, create_account
from services.platform.platform import Platform
from tools.benchmarks.figures import Figure, machine_load
from tools.benchmarks.installation import installation
from tools.benchmarks.pipeline_systems import LIMITS_OFF
from tools.benchmarks.servers import start
from tools.chaos.telegram import Telegram
from tools.servers.sandbox import wait_until

COPIES = 3
CHATS = 400
AT_ONCE = 5  # updates that a copy takes at a time
FIRST_PERSON = 6_300_000_000
LEASE_SECONDS = 5  # the shortest: how long what a killed copy held stays with it
SECONDS_PER_KILL = 1.0
PORTIONS = 10  # a second
SETTLE_SECONDS = 30.0  # without anything sent


@dataclass(frozen=True)
class Counted:
    """What became of the texts: how many were never said back, came after a later one of their chat, or were said twice."""

    lost: int
    disordered: int
    extra: int


def count(written: Sequence[str], said: Sequence[str]) -> Counted:
    """Compare what was written, "<chat> <number>", with what was said back, in the order in which it was sent."""
    last: dict[str, int] = defaultdict(int)
    times, disordered = Counter(said), 0
    for text in dict.fromkeys(said):
        chat, _, number = text.partition(" ")
        disordered += int(number) < last[chat]
        last[chat] = max(last[chat], int(number))
    return Counted(len(set(written) - set(said)), disordered, sum(times.values()) - len(times))


class Copies:
    """The running copies of a program."""

    def __init__(self, environ: dict[str, str], log: Path) -> None:
        self._environ, self._log = environ, log
        self._running = [self._start() for _ in range(COPIES)]

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tools.benchmarks.echo_worker", "runtime", "2"]
        return start(command, {**self._environ, "MOST": str(AT_ONCE)}, self._log)

    def kill_one(self) -> None:
        """`kill -9`; another takes its place."""
        victim = self._running.pop(0)
        victim.kill()
        victim.wait()
        self._running.append(self._start())

    def stop(self) -> None:
        """End all."""
        for each in self._running:
            each.kill()
            each.wait()


def run(folder: Path, kills: int, rate: int) -> list[Figure]:
    """Write `rate` texts a second while copies die, and count."""
    (folder / "house").mkdir()
    load = machine_load()
    with installation(folder / "house", **LIMITS_OFF) as house:
        platform, telegram = house.platform, Telegram(house.telegram.url)
        caller = command_principal(create_account(platform, "bench@example.org", "a-long-password"))
        identity = telegram.post("/bots")["bots"][0]
        bot = register_bot(platform, caller, identity["token"])
        _, _, token = give_worker(platform, caller, bot.id, NewWorker(lease_seconds=LEASE_SECONDS))
        name = identity["username"]
        wait_until(lambda: telegram.get(f"/bots/{name}")["bot"]["webhook_url"], seconds=60)
        environ = {"API_URL": f"http://127.0.0.1:{house.port}", "WORKER_TOKEN": token}
        copies = Copies(environ, folder / "copies.log")
        try:
            written, seconds = storm(telegram, name, copies, kills, rate)
            come_to_rest(telegram, len(written))
        finally:
            copies.stop()
        found, given_up = count(written, said_by(telegram, name)), letters(house.platform)
    per = f"{len(written):,} updates in {seconds:.0f} s ({len(written) / seconds:.0f}/s), {CHATS} chats, {COPIES} copies; {given_up} dead letters"
    what = f"{kills} kill -9 of copies:"
    return [
        Figure(f"{what} updates lost", found.lost, "", 0, 0, detail=per, load=load),
        Figure(f"{what} out of order within a chat", found.disordered, "", 0, 0, load=load),
        Figure(f"{what} extra sends per kill", found.extra / kills, "", 1, 1, load=load),
    ]


def come_to_rest(telegram: Telegram, written: int) -> None:
    """Wait until as much was sent as was written, or nothing more is."""
    sent, deadline = -1, time.monotonic() + SETTLE_SECONDS
    while sent < written and time.monotonic() < deadline:
        before, sent = sent, sum(telegram.get("/stats")["calls"].get("sendMessage", {}).values())
        if sent > before:
            deadline = time.monotonic() + SETTLE_SECONDS
        time.sleep(0.5)
    time.sleep(2 * LEASE_SECONDS)  # whatever is sent twice


def letters(platform: Platform) -> int:
    """How many updates and sends were given up."""
    with platform.database.reading() as session:
        return session.scalar(select(func.count()).select_from(DeadLetter)) or 0


def storm(telegram: Telegram, bot: str, copies: Copies, kills: int, rate: int) -> tuple[list[str], float]:
    """What was written, and in how many seconds."""
    numbers: dict[int, int] = defaultdict(int)
    written: list[str] = []
    began, killed, portions = time.monotonic(), 0, int(kills * SECONDS_PER_KILL * PORTIONS)
    for portion in range(portions):
        updates = []
        for _ in range(rate // PORTIONS):
            chat = FIRST_PERSON + len(written) % CHATS
            numbers[chat] += 1
            written.append(f"{chat} {numbers[chat]}")
            updates.append(_update(chat, numbers[chat], written[-1]))
        telegram.post(f"/updates/{bot}", updates=updates)
        if killed < kills and portion >= killed * SECONDS_PER_KILL * PORTIONS:
            copies.kill_one()
            killed += 1
        due = began + (portion + random.random()) / PORTIONS
        time.sleep(max(0.0, due - time.monotonic()))
    return written, time.monotonic() - began


def said_by(telegram: Telegram, bot: str) -> list[str]:
    """What the bot sent, in order."""
    return [
        each["text"] for each in telegram.journal(0) if each["bot"] == bot and each["method"] == "sendMessage"
    ]


def _update(chat: int, number: int, text: str) -> dict[str, Any]:
    person = {"id": chat, "is_bot": False, "first_name": "Ana", "language_code": "pt-br"}
    room = {"id": chat, "type": "private", "first_name": "Ana"}
    return {
        "message": {
            "message_id": number,
            "date": int(time.time()),
            "from": person,
            "chat": room,
            "text": text,
        }
    }
