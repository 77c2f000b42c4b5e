"""`make demo`: the whole installation with the sandbox instead of Telegram, a sample fleet and visitors.

Each start begins anew, in a DATA_DIR of its own: the sandbox keeps nothing either.
"""

from __future__ import annotations

import json
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from launch.ports import free_port, is_free
from launch.programs import Program, gated
from launch.run import Plan, local_url
from models import BotMode, RedirectPool
from services.accounts.accounts import command_caller, create_account
from services.accounts.caller import Caller
from services.bots.choices import PluginChoice
from services.bots.registry import register_bot
from services.errors import ConfigurationError, Unavailable
from services.platform import Platform
from services.pools.fields import NewMember, NewPool
from services.pools.members import add_member
from services.pools.pools import create_pool

EMAIL, PASSWORD = "demo@example.com", "flotilla-demo"  # on loopback, over made-up data
SLUG = "red1"
BOTS, POLLING_BOTS = 6, 2
SEED = 7  # the same bots in every demo
VISITORS_PER_SECOND = 3
VISITORS_SECONDS = 10**7  # as long as the demo runs
MARKER = ".demo"
SANDBOX_SECONDS = 20.0
PLUGINS = ("start", "help", "echo", "error_handler")
# A demo must never reach a real database, Redis or bot, whatever the environment says.
NOT_IN_A_DEMO = ("DATABASE_URL", "DB_URL", "REDIS_URL", "APP_ENV", "PUBLIC_URL", "TRUSTED_PROXIES")


def demo_plan(environ: dict[str, str]) -> Plan:
    """The plan of the demo. Raises ConfigurationError when DATA_DIR holds anything but an earlier demo."""
    data_dir = Path(environ.get("DATA_DIR") or "demo-instance")
    if data_dir.exists() and any(data_dir.iterdir()) and not (data_dir / MARKER).exists():
        raise ConfigurationError(
            f"DATA_DIR: {data_dir} holds something that is no demo; the demo would erase it"
        )
    port = environ.get("PORT") or "8000"
    sandbox_port = _sandbox_port(port)
    sandbox = f"http://127.0.0.1:{sandbox_port}"
    flotilla = f"http://127.0.0.1:{port}"
    given = {name: value for name, value in environ.items() if name not in NOT_IN_A_DEMO}
    return Plan(
        environ={
            "LOG_FORMAT": "text",
            "LOG_LEVEL": "WARNING",
            "HEALTH_INTERVAL_SECONDS": "5",  # a spectator is less patient than the default of 15 s
            **given,
            "DATA_DIR": str(data_dir),
            "TELEGRAM_API_URL": sandbox,
            "TELEGRAM_LINK_URL": sandbox,
            "WEBHOOK_BASE_URL": flotilla,
        },
        prepare=_erase,
        programs=lambda gate: _programs(gate, sandbox_port, sandbox, flotilla),
        when_ready=lambda platform: _begin(platform, sandbox),
    )


def _sandbox_port(port: str) -> int:
    """The port after ours when it is free, so that the sandbox's page stays where it was."""
    following = int(port) + 1 if port.isdigit() else 0
    return following if following and is_free(following) else free_port()


def _erase(data_dir: Path) -> None:
    (data_dir / MARKER).touch()
    for entry in data_dir.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.name not in {MARKER, "launch.lock"}:
            entry.unlink()


def _programs(gate: Path, port: int, sandbox: str, flotilla: str) -> list[Program]:
    """The sandbox, and the visitors, who wait until the fleet stands."""
    serve = ["python", "-m", "sandbox", "--port", str(port), "--bots", str(BOTS), "--seed", str(SEED)]
    visit = ["python", "-m", "sandbox.visitors", "--go", f"{flotilla}/go/{SLUG}", "--sandbox", sandbox]
    story = ["--scenario", "demo", "--rate", str(VISITORS_PER_SECOND), "--seconds", str(VISITORS_SECONDS)]
    _fleet_gate(gate.parent).unlink(missing_ok=True)
    return [
        Program("sandbox", [*serve, "--public-url", flotilla]),
        gated("visitors", [*visit, *story], _fleet_gate(gate.parent)),
    ]


def _fleet_gate(folder: Path) -> Path:
    return folder / "fleet"


def _begin(platform: Platform, sandbox: str) -> list[str]:
    """Make the account and its fleet, let the visitors in; gives what to look at."""
    bots = _sandbox_bots(sandbox)
    caller = command_caller(create_account(platform, EMAIL, PASSWORD, is_admin=True, actor="demo"))
    pool = make_fleet(platform, caller, [bot["token"] for bot in bots])
    _fleet_gate(platform.settings.data_dir.resolve() / "supervisor").touch()
    url = local_url(platform.settings)
    return [
        f"  Sign in      {EMAIL}   {PASSWORD}",
        f"  Watch        {url}/panel/pools/{pool.id}   the live page of {SLUG}",
        f"  Play         {sandbox}/   tap /go/{SLUG} and chat with the bots by hand",
        "",
        f"  @{bots[-1]['username']} is dead from the start and comes back after 75 s;",
        f"  @{bots[0]['username']} is banned after 60 s. Watch the pool send nobody there.",
        "",
    ]


def make_fleet(platform: Platform, caller: Caller, tokens: list[str]) -> RedirectPool:
    """Register the bots, the last ones polling, and a pool with all of them."""
    plugins = [PluginChoice(name) for name in PLUGINS]
    pool = create_pool(platform, caller, NewPool(name="Red 1", slug=SLUG))
    for number, token in enumerate(tokens):
        mode = BotMode.POLLING if number >= len(tokens) - POLLING_BOTS else BotMode.WEBHOOK
        bot = register_bot(platform, caller, token, mode=mode, plugins=plugins)
        add_member(platform, caller, pool.id, NewMember(bot_id=bot.id))
    return pool


def _sandbox_bots(sandbox: str) -> list[dict[str, Any]]:
    opener = build_opener(ProxyHandler({}))
    deadline = time.monotonic() + SANDBOX_SECONDS
    while time.monotonic() < deadline:
        with suppress(URLError, OSError), opener.open(f"{sandbox}/sandbox/api/bots", timeout=5) as answer:
            bots: list[dict[str, Any]] = json.load(answer)["bots"]
            return bots
        time.sleep(0.1)
    raise Unavailable(f"The sandbox does not answer at {sandbox}")
