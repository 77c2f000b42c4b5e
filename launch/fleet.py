"""The demo's account, bots and pool."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from launch.console import local_url
from launch.interrupts import pause
from models import BotMode, RedirectPool
from services.core.errors import Unavailable
from services.fleet.bots.choices import PluginChoice
from services.fleet.bots.registry import register_bot
from services.fleet.pools.fields import NewMember, NewPool
from services.fleet.pools.members import add_member
from services.fleet.pools.pools import create_pool
from services.platform.accounts.accounts import command_principal, create_account
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform

EMAIL, PASSWORD = "demo@example.com", "flotilla-demo"  # on loopback, over made-up data
POLLING_BOTS = 2
SANDBOX_SECONDS = 20.0
PLUGINS = (
    PluginChoice("start"),
    PluginChoice("help"),
    PluginChoice("echo", config={"echo_all": True}),  # so that a chat by hand is answered
    PluginChoice("error_handler"),
)


def begin(platform: Platform, sandbox: str, slug: str, gate: Path) -> list[str]:
    """Make the account and its fleet, let the visitors in; gives what to look at."""
    bots = _sandbox_bots(sandbox)
    caller = command_principal(create_account(platform, EMAIL, PASSWORD, is_admin=True, actor="demo"))
    pool = make_fleet(platform, caller, slug, [bot["token"] for bot in bots])
    gate.touch()
    url = local_url(platform.settings)
    return [
        f"  Sign in      {EMAIL}   {PASSWORD}",
        f"  Watch        {url}/panel/pools/{pool.id}   the live page of {slug}",
        f"  Play         {sandbox}/   tap /go/{slug} and chat with the bots by hand",
        "",
        f"  @{bots[0]['username']} is banned after a minute: watch the pool send nobody there any more.",
        f"  @{bots[-1]['username']} is dead from the start, and taken back after about two minutes.",
        "",
    ]


def make_fleet(platform: Platform, caller: Principal, slug: str, tokens: list[str]) -> RedirectPool:
    """Register the bots, the last ones polling, and a pool with all of them."""
    # All visitors come from this machine's address: the limit per client would refuse them.
    pool = create_pool(platform, caller, NewPool(name="Red 1", slug=slug, rate_limit_per_minute=0))
    for number, token in enumerate(tokens):
        mode = BotMode.POLLING if number >= len(tokens) - POLLING_BOTS else BotMode.WEBHOOK
        bot = register_bot(platform, caller, token, mode=mode, plugins=PLUGINS)
        add_member(platform, caller, pool.id, NewMember(bot_id=bot.id))
    return pool


def _sandbox_bots(sandbox: str) -> list[dict[str, Any]]:
    opener = build_opener(ProxyHandler({}))
    deadline = time.monotonic() + SANDBOX_SECONDS
    while time.monotonic() < deadline:
        with suppress(URLError, OSError), opener.open(f"{sandbox}/sandbox/api/bots", timeout=5) as answer:
            bots: list[dict[str, Any]] = json.load(answer)["bots"]
            return bots
        pause(0.1)
    raise Unavailable(f"The sandbox does not answer at {sandbox}")
