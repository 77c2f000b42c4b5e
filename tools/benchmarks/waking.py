"""Programs that sleep: `python -m tools.benchmarks.waking [--tries 20] [--bots 200]`.

The whole installation as `make run` starts it, at the sandbox, as root. A person writes to a bot whose program sleeps, and the
reply counts when the sandbox has it; then it is sent to sleep again. What sleeping bots cost is the programs process's own memory
beside what it had without them, and the commands that Redis was sent meanwhile.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from models import Bot, BotStatus
from services.fleet.workers.copies import CopiesState, all_copies, copies_of
from services.fleet.workers.registry import NewWorker, register_worker_bot
from services.platform.accounts.accounts import command_principal, create_account
from services.platform.accounts.principal import Principal
from services.platform.redis import work_keys
from services.queueing.heartbeats import processes
from tools.benchmarks.figures import Figure, machine_load, print_table
from tools.benchmarks.installation import Installation, installation
from tools.servers.sandbox import Sandbox, wait_until

IDLE_SECONDS = 1
QUIET_SECONDS = 20.0
PYTHON = "/usr/bin/python3"  # one that every user of the machine may run
PROGRAM = """
import json, os, urllib.request
API = os.environ["API_URL"] + "/api/v1/runtime"
HEADERS = {"Authorization": "Bearer " + os.environ["WORKER_TOKEN"], "Content-Type": "application/json"}
def ask(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(API + path, data, HEADERS, method=method), timeout=60) as answer:
        return json.loads(answer.read() or "null")
while True:
    for work in ask("GET", "/next?wait=20&limit=10")["items"]:
        message = work["update"]["message"]
        call = {"method": "sendMessage", "params": {"chat_id": message["chat"]["id"], "text": message["text"]}}
        ask("POST", "/leases/" + work["lease"] + "/response", {"calls": [call]})
"""


def wake_times(
    house: Installation, sandbox: Sandbox, admin: Principal, command: str, tries: int
) -> list[float]:
    """Seconds from a person's message to the reply of a program that slept, sorted."""
    bot, username = add_bot(house, sandbox, admin, command)
    person = int(sandbox.create_user(language_code="en")["id"])
    times: list[float] = []
    sandbox.start(person, username)
    wait_until(lambda: all_run(house))
    for number in range(tries):
        wait_until(lambda: sleeps(house, bot))
        began, text = time.time(), f"message {number}"
        sandbox.send(person, username, text)
        times.append(wait_until(partial(reply_of, sandbox, username, text))["time"] - began)
    return sorted(times)


def sleeps(house: Installation, bot: int) -> bool:
    """Whether its program was started and has ended again."""
    said = copies_of(house.platform.redis, bot)
    return said is not None and (said.state, said.current) == (CopiesState.ASLEEP, 0)


def reply_of(sandbox: Sandbox, username: str, text: str) -> dict[str, Any] | None:
    """The call that answers a message, once the sandbox has it."""
    sent = sandbox.sent(username, "sendMessage")
    return next((call for call in reversed(sent) if call["text"] == text), None)


def add_bot(house: Installation, sandbox: Sandbox, admin: Principal, command: str) -> tuple[int, str]:
    """A bot with a program that sleeps; its id and username."""
    made = sandbox.create_bot()
    bot, _, _ = register_worker_bot(house.platform, admin, made["token"], "", NewWorker(command=command))
    return bot.id, made["username"]


def all_run(house: Installation) -> bool:
    """Whether Telegram delivers for every bot."""
    with house.platform.database.reading() as session:
        return not session.scalar(
            select(func.count()).select_from(Bot).where(Bot.status != BotStatus.RUNNING)
        )


def memory(house: Installation) -> int:
    """Bytes that the programs process has for itself."""
    (name,) = (each.name for each in processes(house.platform) if each.service == "programs")
    rows = Path(f"/proc/{name.rpartition(':')[2]}/smaps_rollup").read_text().splitlines()
    return sum(int(row.split()[1]) * 1024 for row in rows if row.startswith("Private_"))


def commands_per_second(house: Installation) -> float:
    """Commands that Redis was sent in a while in which nobody writes."""
    redis = house.platform.redis
    before = int(redis.info("stats")["total_commands_processed"])
    time.sleep(QUIET_SECONDS)
    return (int(redis.info("stats")["total_commands_processed"]) - before) / QUIET_SECONDS


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tries", type=int, default=20)
    parser.add_argument("--bots", type=int, default=200)
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("programs are started by root alone")
    with tempfile.TemporaryDirectory(prefix="flotilla-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        program = folder / "worker.py"
        program.write_text(PROGRAM)
        program.chmod(0o644)
        settings = {
            "QUOTA_BOTS": "0",
            "WEBHOOKS_PER_MINUTE": "6000",
            "WORKER_IDLE_SECONDS": str(IDLE_SECONDS),
            "WORKER_DIR": str(folder / "programs"),
        }
        with installation(folder, **settings) as house:
            figures(house, f"{PYTHON} {program}", options.tries, options.bots)


def figures(house: Installation, command: str, tries: int, bots: int) -> None:
    """Measure one installation."""
    sandbox = Sandbox(house.telegram.url)
    account = create_account(house.platform, "bench@example.com", "a-long-password", True, actor="benchmark")
    admin = command_principal(account)
    wait_until(lambda: any(each.service == "programs" for each in processes(house.platform)))
    before, quiet = memory(house), commands_per_second(house)
    for _ in range(bots):
        add_bot(house, sandbox, admin, command)
    wait_until(
        lambda: house.platform.redis.hlen(work_keys.programs()) == bots and all_run(house), seconds=300
    )
    load = machine_load()
    asleep, grown = commands_per_second(house), max(0, memory(house) - before) / 1e6
    running = sum(copies.current for copies in all_copies(house.platform.redis).values())
    times = wake_times(house, sandbox, admin, command, tries)
    p95, spread = (
        times[math.ceil(len(times) * 0.95) - 1],
        f"p50 {times[len(times) // 2]:.3f}, longest {times[-1]:.3f} s",
    )
    print_table(
        (
            Figure("first message after zero -> reply, p95", p95, "s", 3, 1, detail=spread, load=load),
            Figure(f"{bots} sleeping bots: processes", running, "", 0, 0, load=load),
            Figure(f"{bots} sleeping bots: memory more", grown, "MB", 30, 10, load=load),
            Figure(f"{bots} sleeping bots: Redis commands/s more", asleep - quiet, "", 20, 5, load=load),
        )
    )


if __name__ == "__main__":
    main()
