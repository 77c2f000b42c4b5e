"""The demo's account with its fleet: two pools with an experiment between them, a reserve, and who is told of trouble."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

from launch.console import local_url
from launch.interrupts import pause
from models import Bot, BotMode, BotStatus, DestinationKind, Experiment, RedirectPool
from services.alerts.notifications.fields import NewDestination
from services.alerts.notifications.linking import PREFIX
from services.alerts.notifications.registry import create_destination
from services.core.errors import Unavailable
from services.fleet.bots.choices import PluginChoice
from services.fleet.bots.registry import get_bot, register_bot
from services.fleet.experiments.experiments import create_experiment, start_experiment
from services.fleet.experiments.fields import ArmFields, NewExperiment
from services.fleet.pools.fields import NewMember, NewPool
from services.fleet.pools.members import add_member
from services.fleet.pools.pools import create_pool
from services.platform.accounts.accounts import command_principal, create_account
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform

EMAIL, PASSWORD = "demo@example.com", "flotilla-demo"  # on loopback, over made-up data
SANDBOX_SECONDS = 20.0
RUNNING_SECONDS = 60.0  # bounds a worker or poller that does not come up
RESERVE = -1  # the priority that serves when a wave of bans calls it
ANSWERS = (
    ("Como funciona?", "Você escolhe um plano, paga por Pix e entra no grupo <b>na hora</b>. 🚀"),
    ("Quanto custa?", "Mensal <b>R$ 29</b> · trimestral <b>R$ 69</b> · vitalício <b>R$ 149</b>"),
    ("Falar com uma pessoa", "Escreva aqui, {first_name}: alguém responde em poucos minutos."),
)


@dataclass(frozen=True)
class Team:
    """A pool to be made: its link, its bots in order (those of `polling` poll), the one in reserve, their first words."""

    name: str
    slug: str
    bots: tuple[str, ...]
    greeting: str
    reserve: str = ""
    polling: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cast:
    """Who plays: the team whose link is clicked, the one that shares its visitors, the bot that raises the alarm."""

    red: Team
    blue: Team
    alarm: str


def begin(platform: Platform, sandbox: str, cast: Cast, gate: Path) -> list[str]:
    """Make the account and its fleet, let the visitors in; gives what to look at."""
    _wait_for(sandbox)
    caller = command_principal(create_account(platform, EMAIL, PASSWORD, is_admin=True, actor="demo"))
    red, blue = (make_pool(platform, caller, sandbox, team) for team in (cast.red, cast.blue))
    experiment = split(platform, caller, red, blue)
    on_duty = raise_alarms(platform, caller, sandbox, cast.alarm)
    gate.touch()
    url = local_url(platform.settings)
    return [
        f"  Sign in      {EMAIL}   {PASSWORD}",
        f"  Watch        {url}/panel/pools/{red.id}   the live page of {red.slug}",
        f"  Compare      {url}/panel/experiments/{experiment.id}   its visitors, split between two pools",
        f"  Alerts       {sandbox}/chat/{cast.alarm}?as={on_duty}   what the person on duty is told",
        f"  Play         {sandbox}/   tap /go/{red.slug} and chat with the bots by hand",
    ]


def make_pool(platform: Platform, caller: Principal, sandbox: str, team: Team) -> RedirectPool:
    """A team's bots, made at the sandbox and registered, and a pool with all of them."""
    # No limit per client: whoever taps by hand may tap as often as they like.
    pool = create_pool(platform, caller, NewPool(name=team.name, slug=team.slug, rate_limit_per_minute=0))
    menu = {
        "command": "start",
        "text": team.greeting,
        "columns": 1,
        "closable": False,
        "buttons": [{"label": label, "text": answer} for label, answer in ANSWERS],
    }
    plugins = (
        PluginChoice("menu", config=menu),
        PluginChoice("help"),
        PluginChoice("echo", config={"echo_all": True}),  # so that a chat by hand is answered
        PluginChoice("error_handler"),
    )
    for username in team.bots:
        mode = BotMode.POLLING if username in team.polling else BotMode.WEBHOOK
        bot = _register(platform, caller, sandbox, username, mode, plugins)
        priority = RESERVE if username == team.reserve else 0
        add_member(platform, caller, pool.id, NewMember(bot_id=bot.id, priority=priority))
    return pool


def split(platform: Platform, caller: Principal, red: RedirectPool, blue: RedirectPool) -> Experiment:
    """A running experiment that gives half of red's visitors to blue."""
    arms = (ArmFields(pool_id=red.id, percent=50), ArmFields(pool_id=blue.id, percent=50))
    wanted = NewExperiment(name=f"{red.name} × {blue.name}", pool_id=red.id, arms=arms)
    return start_experiment(platform, caller, create_experiment(platform, caller, wanted).id)


def raise_alarms(platform: Platform, caller: Principal, sandbox: str, username: str) -> int:
    """A chat with the bot `username` as destination of notifications; gives the id of the person whose chat it is."""
    bot = _register(platform, caller, sandbox, username, BotMode.POLLING, (PluginChoice("error_handler"),))
    made = create_destination(
        platform,
        caller,
        NewDestination(kind=DestinationKind.TELEGRAM, name="Plantão", bot_id=bot.id),
    )
    _wait_until_running(platform, caller, bot)
    person = int(_control(sandbox, "/users", {"first_name": "Plantão"})["user"]["id"])
    _control(sandbox, f"/chats/{person}/{username}/start", {"payload": PREFIX + made.link_code})
    return person


def _wait_until_running(platform: Platform, caller: Principal, bot: Bot) -> None:
    """Return once the bot is polled: what people send a new bot before that is dropped. Raises Unavailable."""
    deadline = time.monotonic() + RUNNING_SECONDS
    while get_bot(platform, caller, bot.id).status != BotStatus.RUNNING:
        if time.monotonic() > deadline:
            raise Unavailable(f"@{bot.username} does not begin to run; see the lines above.")
        pause(0.2)


def _register(
    platform: Platform,
    caller: Principal,
    sandbox: str,
    username: str,
    mode: BotMode,
    plugins: tuple[PluginChoice, ...],
) -> Bot:
    name = username.removesuffix("_bot").capitalize()
    made = _control(sandbox, "/bots", {"username": username, "first_name": name})
    return register_bot(platform, caller, made["bots"][0]["token"], mode=mode, plugins=plugins)


def _control(sandbox: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Ask the sandbox, or with `body` tell it. Raises OSError."""
    data = None if body is None else json.dumps(body).encode()
    request = Request(f"{sandbox}/sandbox/api{path}", data, {"Content-Type": "application/json"})  # noqa: S310
    with build_opener(ProxyHandler({})).open(request, timeout=5) as answer:
        return dict(json.load(answer))


def _wait_for(sandbox: str) -> None:
    deadline = time.monotonic() + SANDBOX_SECONDS
    while time.monotonic() < deadline:
        with suppress(URLError, OSError):
            _control(sandbox, "/stats")
            return
        pause(0.1)
    raise Unavailable(f"The sandbox does not answer at {sandbox}")
