"""The figures of the manager bot and of what it watches: `python -m tools.benchmarks.manager [--bots 200] [--commands 200]`.

The whole installation as `make run` starts it, at the sandbox: commands go in as people send them, and an answer counts when the
sandbox has it. /status of a thousand bots is asked of the desk itself, in this process, where its queries can be counted.
"""

from __future__ import annotations

import argparse
import http.client
import math
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from sqlalchemy import event, func, select

from models import Bot, BotMode, BotStatus
from plugins.context import BotFacts, Context, Lead
from services.core.environment import load_settings
from services.fleet.bots.reconcile import reconcile_bots
from services.fleet.bots.registry import register_bot
from services.fleet.pools.fields import NewMember, NewPool
from services.fleet.pools.members import add_member
from services.fleet.pools.pools import create_pool
from services.operations.manager.desk import ManagerDesk
from services.operations.manager.ensuring import ensure_manager
from services.platform import schema
from services.platform.accounts.accounts import command_principal, create_account
from services.platform.accounts.principal import Principal
from services.platform.accounts.telegram_links import link_person, new_link_code
from services.platform.platform import Platform
from tools.benchmarks.figures import Figure, machine_load, print_table
from tools.benchmarks.installation import Installation, api_key, installation
from tools.servers.sandbox import Sandbox, wait_until

TOKEN = "7000000001:" + "A" * 35
COMMANDS = ("/status", "/list", "/health", "/pools", "/pool red1", "/stats", "/whoami", "/help")
MANY = 1000
PERSON = 5
UNLIMITED = {
    "MANAGER_BOT_TOKEN": TOKEN,
    "QUOTA_BOTS": "0",
    "USER_RATE_PER_MINUTE": "0",
    "PACING_CHAT_PER_SECOND": "1000",
}


def answer_times(house: Installation, sandbox: Sandbox, caller: Principal, commands: int) -> list[float]:
    """Seconds from a command's sending to its answer at the sandbox, sorted, one command at a time."""
    user = int(sandbox.create_user(language_code="en")["id"])
    sandbox.start(user, "bench_manager_bot", new_link_code(house.platform, caller).code)
    times: list[float] = []
    _answer(sandbox, 1)
    for number in range(commands):
        began = time.time()
        sandbox.send(user, "bench_manager_bot", COMMANDS[number % len(COMMANDS)])
        times.append(_answer(sandbox, number + 2)["time"] - began)
    return sorted(times)


def status_of_many(folder: Path) -> tuple[float, int]:
    """Seconds for /status of a thousand bots, the slowest of twenty, and the queries of one."""
    folder.mkdir()
    settings = {
        "DATA_DIR": str(folder),
        "SECRET_KEY": "bench",
        "ENCRYPTION_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    }
    platform = Platform(load_settings(settings))
    schema.upgrade(platform)
    account = create_account(platform, "many@example.org", "a-long-password", actor="benchmark")
    link_person(platform, PERSON, "Ana", new_link_code(platform, command_principal(account)).code)
    with platform.database.transaction() as session:
        session.add_all(_row(account.id, number) for number in range(MANY))
    facts = BotFacts(1, "bench_manager_bot", "Manager", is_manager=True)
    fleet = ManagerDesk(platform)(Context(facts, "message", None, PERSON, Lead(PERSON, language="en")))
    statements: list[str] = []
    event.listen(
        platform.database.engine, "before_cursor_execute", lambda _c, _u, said, *_: statements.append(said)
    )
    times = []
    for _ in range(20):
        statements.clear()
        began = time.perf_counter()
        fleet.command("status", "")
        times.append(time.perf_counter() - began)
    platform.database.dispose()
    return max(times), sum(one.startswith("SELECT") for one in statements)


def pace_of_looks(house: Installation) -> tuple[float, int]:
    """A routine round of the webhook guard over the whole fleet: calls to Telegram a second, and how many."""
    moments: list[float] = []
    call = house.platform.telegram.call

    def noted(*arguments: Any, **options: Any) -> Any:
        moments.append(time.monotonic())
        return call(*arguments, **options)

    house.platform.telegram.call = noted  # type: ignore[method-assign]
    wait_until(lambda: reconcile_bots(house.platform, look_again=-1), seconds=120)
    house.platform.telegram.call = call  # type: ignore[method-assign]
    return (len(moments) - 1) / (max(moments) - min(moments)), len(moments)


def replaced(house: Installation, sandbox: Sandbox, caller: Principal, bot_id: int) -> float:
    """Seconds from the API's order of another identity to the first click that is sent to it."""
    key = api_key(house, caller)
    wait_until(lambda: _clicked(house), seconds=90)
    successor = sandbox.create_bot(username="successor_bot")["token"]
    began = time.monotonic()
    status, answer = house.ask(
        "PUT", f"/api/v1/bots/{bot_id}/token", key, {"token": successor, "new_identity": True}
    )
    if status != 200:
        raise RuntimeError(f"the token was not replaced: {status} {answer[:300]!r}")
    wait_until(lambda: "/successor_bot?" in _clicked(house))
    return time.monotonic() - began


def _clicked(house: Installation) -> str:
    """Where a click is sent; "" for nowhere."""
    connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=10)
    connection.request("GET", "/go/red1", headers={"User-Agent": "Mozilla/5.0 (Linux; Android 14)"})
    answer = connection.getresponse()
    connection.close()
    return answer.headers.get("Location", "")


def _answer(sandbox: Sandbox, number: int) -> dict[str, Any]:
    """The manager's message of that number, once the sandbox has it."""
    wait_until(lambda: len(sandbox.sent("bench_manager_bot", "sendMessage")) >= number, seconds=60)
    return sandbox.sent("bench_manager_bot", "sendMessage")[number - 1]


def _running(platform: Platform) -> int:
    with platform.database.reading() as session:
        query = select(func.count()).select_from(Bot).where(Bot.status == BotStatus.RUNNING)
        return session.scalar(query) or 0


def _row(account_id: int, number: int) -> Bot:
    return Bot(
        account_id=account_id,
        public_id=f"bot_{number:012x}",
        path_id=str(number),
        telegram_bot_id=number + 1,
        username=f"bench{number:04}_bot",
        name=f"Bench {number}",
        sealed_token="-",
        mode=BotMode.POLLING,
    )


def run(folder: Path, bots: int, commands: int) -> list[Figure]:
    """Measure everything, one after the other."""
    load = machine_load()
    slowest, queries = status_of_many(folder / "many")
    with installation(folder / "house", **UNLIMITED) as house:
        sandbox, platform = Sandbox(house.telegram.url), house.platform
        caller = command_principal(
            create_account(platform, "bench@example.org", "a-long-password", is_admin=True, actor="benchmark")
        )
        sandbox.create_bot(username="bench_manager_bot", token=TOKEN)
        ensure_manager(platform)
        rows = [
            register_bot(platform, caller, sandbox.create_bot()["token"], mode=BotMode.POLLING)
            for _ in range(bots)
        ]
        pool = create_pool(platform, caller, NewPool(name="Bench", slug="red1", rate_limit_per_minute=0))
        add_member(platform, caller, pool.id, NewMember(bot_id=rows[0].id))
        wait_until(lambda: _running(platform) > bots, seconds=300)
        times = answer_times(house, sandbox, caller, commands)
        took = replaced(house, sandbox, caller, rows[0].id)
        pace, looks = pace_of_looks(house)
    p95 = times[math.ceil(len(times) * 0.95) - 1] * 1000
    middle = times[len(times) // 2] * 1000
    return [
        Figure(f"command to answer with {bots} bots, p95", p95, "ms", 300, 150, load=load,
               detail=f"{len(times)} commands of {len(COMMANDS)} kinds; median {middle:.0f} ms"),
        Figure(f"/status of {MANY:,} bots, the slowest of 20", slowest, "s", 1, 0.1, load=load),
        Figure(f"/status of {MANY:,} bots, queries", queries, "", 4, 4, load=load,
               detail="who writes, the end of the trail, the page; the trail is written beside them"),
        Figure("calls of a webhook guard's round a second", pace, "", 5.1, 5.1, load=load, detail=f"{looks} calls"),
        Figure("another identity ordered to the first click sent to it", took, "s", 3, 1, load=load),
    ]  # fmt: skip


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bots", type=int, default=200)
    parser.add_argument("--commands", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="flotilla-bench-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        (Path(name) / "house").mkdir()
        figures = run(Path(name), options.bots, options.commands)
    print_table(figures)
    return int(any(figure.verdict == "MISSED" for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
