"""What broadcasts hold to: the ledger of a million, kills of workers, pausing, the brake, replies beside one.

    python -m tools.benchmarks.broadcast [--people 100000] [--bots 50] [--kills 100] [--ledger 1000000] [--only kills,…] [--steps]

Telegram is played by the sandbox; the workers and the clock are real processes, killed with -9 by turns.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from services.messaging.broadcasts.lifecycle import pause
from services.messaging.broadcasts.runner import wake_if_broadcasting
from services.messaging.timers.ringing import wake_for_timers
from services.messaging.updates.intake import Intake
from services.messaging.updates.reconcile import wake_waiting
from tools.benchmarks.broadcast_house import (
    FIRST_PERSON,
    BroadcastHouse,
    broadcast_house,
    chance,
    wait_for,
)
from tools.benchmarks.figures import Figure, machine_load, print_table
from tools.benchmarks.servers import ROOT, bare_environment

PATIENCE = 3600.0  # seconds for a broadcast
REPLIES = 300  # updates whose replies are timed, each way
MEMORY_MUST, MEMORY_AIM = 300, 150  # MB


@dataclass(frozen=True)
class Toll:
    """What `kills` cost: people without a row or with two, messages sent twice, people who got nothing and are said to have."""

    missing: int
    doubled: int
    extra: int
    unsent: int
    uncertain: int
    seconds: float
    kills: int


def storm(
    house: BroadcastHouse, people: int, kills: int, between: float, per_second: int, processes: int = 3
) -> Toll:
    """Send to everybody while processes die, and compare the ledger with what Telegram has taken.

    `between` is the mean of the seconds from kill to kill: longer than a process takes to start, else nobody ever sends.
    """
    house.run(processes)
    began, broadcast, made = time.monotonic(), house.send(per_second=per_second), 0
    while made < kills and house.status(broadcast) != "done":
        time.sleep(chance(0.5 * between, 1.5 * between))
        house.kill_one()
        made += 1
    wait_for(house, broadcast, "done", PATIENCE)
    rows = house.rows(broadcast)
    sent = Counter(int(each["chat_id"]) for each in house.sent())
    named = Counter(status for _, status in rows)
    told = {person for person, status in rows if status == "sent"}
    return Toll(
        missing=people - len({person for person, _ in rows}),
        doubled=len(rows) - len({person for person, _ in rows}),
        extra=sent.total() - len(sent),
        unsent=len(told - sent.keys()),
        uncertain=named["uncertain"],
        seconds=time.monotonic() - began,
        kills=made,
    )


@contextmanager
def clock(house: BroadcastHouse) -> Iterator[None]:
    """Ring twice a second, as the clock process does."""
    over = threading.Event()

    def ring() -> None:
        while not over.wait(0.5):
            wake_waiting(house.platform)
            wake_if_broadcasting(house.platform)
            wake_for_timers(house.platform)

    thread = threading.Thread(target=ring, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(5)


def killed(folder: Path, people: int, bots: int, kills: int, between: float, of_step: bool) -> list[Figure]:
    """Kills of workers in the middle of a broadcast."""
    load = machine_load()
    with broadcast_house(folder, people, bots, of_step=of_step) as house, clock(house):
        lasting = kills * between  # as long as the kills take, so that each meets it
        toll = storm(house, people, kills, between, max(1, min(25, math.ceil(people / bots / lasting))))
    detail = f"{people:,} people, {bots} bots, {toll.seconds:.0f} s; {toll.uncertain} uncertain, {toll.unsent} called sent that were not"
    what = f"{toll.kills} kill -9 of workers:"
    return [
        Figure(f"{what} people without a row", toll.missing, "", 0, 0, detail=detail, load=load),
        Figure(f"{what} people with two rows", toll.doubled, "", 0, 0, load=load),
        Figure(f"{what} called sent that were not", toll.unsent, "", 0, 0, load=load),
        Figure(f"{what} extra sends per kill", toll.extra / max(1, toll.kills), "", 1, 0.2, load=load),
    ]


def stopped(folder: Path, people: int, bots: int, of_step: bool) -> list[Figure]:
    """A pause in the middle: when the last message left after it."""
    load = machine_load()
    with broadcast_house(folder, people, bots, of_step=of_step) as house, clock(house):
        house.run(1)
        broadcast = house.send()
        wait_for(house, broadcast, "running", 120)
        while len(house.sent()) < people // 5:
            time.sleep(0.2)
        at = time.time()
        pause(house.platform, house.caller, broadcast.id)
        time.sleep(8)
        sent = house.sent()
    last = max(float(each["time"]) for each in sent)
    detail = f"{len(sent):,} of {people:,} were sent"
    return [
        Figure(
            "pause: seconds until nothing leaves", max(0.0, last - at), "s", 5, 2, detail=detail, load=load
        )
    ]


def braked(folder: Path, people: int, bots: int, of_step: bool) -> list[Figure]:
    """From one moment on everybody has blocked the bots: how many are reached once the limit is passed."""
    load, limit, window = machine_load(), 10, 200
    with broadcast_house(folder, people, bots, of_step=of_step) as house, clock(house):
        house.run(1)
        broadcast = house.send(brake_percent=limit)
        while len(house.sent()) < min(2000, people // 5):
            time.sleep(0.1)
        house.telegram.post(
            "/faults",
            kind="status",
            status=403,
            method="sendMessage",
            description="Forbidden: bot was blocked by the user",
        )
        wait_for(house, broadcast, "braked", 120)
        time.sleep(3)
        blocked = Counter(status for _, status in house.rows(broadcast))["blocked"]
    beyond = max(0, blocked - limit * window // 100)
    detail = f"{blocked} blocked when it stood; the limit of {limit} % of {window} was passed with the {limit * window // 100 + 1}st"
    return [
        Figure(
            "brake: audience reached past the limit",
            100 * beyond / people,
            "%",
            1,
            0.1,
            detail=detail,
            load=load,
        )
    ]


def replied(folder: Path, people: int, bots: int, of_step: bool) -> list[Figure]:
    """The 95th percentile from an update to its reply, alone and beside a broadcast."""
    load = machine_load()
    with broadcast_house(folder, people, bots, of_step=of_step) as house, clock(house):
        _echo(house)
        house.run(1)
        house.telegram.post(f"/updates/{house.bots[0]['username']}", updates=[])
        _times(house, "warm", 50)
        alone = _times(house, "alone", REPLIES)
        broadcast = house.send()
        while not house.sent() or house.status(broadcast) != "running":
            time.sleep(0.2)
        beside = _times(house, "beside", REPLIES)
        still = house.status(broadcast)
    detail = f"{alone * 1000:.0f} ms alone, {beside * 1000:.0f} ms beside a broadcast of {bots} bots, which was {still} at the end"
    return [
        Figure(
            "replies' p95 beside a broadcast over alone",
            beside / alone,
            "",
            1.5,
            1.1,
            detail=detail,
            load=load,
        )
    ]


def _echo(house: BroadcastHouse) -> None:
    from models import BotPlugin  # noqa: PLC0415 - of this figure alone

    with house.platform.database.transaction() as session:
        for bot in house.bots:
            session.add(BotPlugin(bot_id=bot["row_id"], position=0, name="echo", config={"echo_all": True}))


def _times(house: BroadcastHouse, word: str, number: int) -> float:
    intake, written = Intake(house.platform), {}
    for n in range(number):
        bot = house.bots[n % len(house.bots)]
        person = FIRST_PERSON + n % len(house.bots)
        text = f"{word} {n}"
        who = {"id": person, "is_bot": False, "first_name": "Ana"}
        room = {"id": person, "type": "private"}
        message = {"message_id": n + 1, "date": int(time.time()), "from": who, "chat": room, "text": text}
        written[text] = time.time()
        update_id = hash(word) % 10**6 * 1000 + n
        intake.accept(bot["row_id"], {"update_id": update_id, "message": message})
        time.sleep(0.05)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        said = {each["text"]: float(each["time"]) for each in house.sent() if each["text"] in written}
        if len(said) == number:
            break
        time.sleep(0.5)
    waits = sorted(said[text] - written[text] for text in said)
    return waits[int(len(waits) * 0.95)]


def prepared(folder: Path, people: int) -> list[Figure]:
    """The ledger of a million, and the memory of the process that writes it."""
    environ = {
        **bare_environment(),
        "DATA_DIR": str(folder),
        "SECRET_KEY": "benchmark",
        "ENCRYPTION_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    }
    command = [sys.executable, "-m", "tools.benchmarks.broadcast_ledger", str(people), "50"]
    subprocess.run([*command, "fill"], env=environ, cwd=ROOT, check=True)
    load = machine_load()
    answer = subprocess.run(command, env=environ, cwd=ROOT, check=True, capture_output=True, text=True)
    found = json.loads(answer.stdout.splitlines()[-1])
    detail = f"{found['slices']} slices, the longest {found['longest']:.2f} s, SQLite"
    return [
        Figure(f"ledger of {people:,}: seconds", found["seconds"], "s", 120, 30, detail=detail, load=load),
        Figure(
            f"ledger of {people:,}: memory of its process",
            found["megabytes"],
            "MB",
            MEMORY_MUST,
            MEMORY_AIM,
            load=load,
        ),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    for name, number in (
        ("people", 100_000),
        ("bots", 50),
        ("kills", 100),
        ("ledger", 1_000_000),
        ("some", 10_000),
    ):
        parser.add_argument(f"--{name}", type=int, default=number)
    parser.add_argument("--between", type=float, default=3.0, help="seconds from kill to kill")
    parser.add_argument("--steps", action="store_true", help="of a step of a flow instead of a message")
    parser.add_argument("--only", default="ledger,kills,stop,brake,replies")
    given = parser.parse_args()
    parts = {
        "ledger": lambda at: prepared(at, given.ledger),
        "kills": lambda at: killed(at, given.people, given.bots, given.kills, given.between, given.steps),
        "stop": lambda at: stopped(at, given.some, given.bots, given.steps),
        "brake": lambda at: braked(at, given.some, given.bots, given.steps),
        "replies": lambda at: replied(at, given.some, given.bots, given.steps),
    }
    figures: list[Figure] = []
    for name in given.only.split(","):
        with tempfile.TemporaryDirectory(prefix="flotilla-bench-") as folder:
            figures += parts[name](Path(folder))
    print_table(figures)


if __name__ == "__main__":
    main()
