"""`make demo`: the whole installation with the sandbox instead of Telegram, a sample fleet and visitors.

Each start begins anew, in a DATA_DIR of its own: the sandbox keeps nothing either.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from launch.ports import free_port, is_free
from launch.programs import Program, gated
from launch.run import Plan
from services.core.errors import ConfigurationError
from services.core.secret_files import file_names

if TYPE_CHECKING:
    from services.platform.platform import Platform

SLUG = "red1"
RED = ("aurora_bot", "bravo_bot", "cometa_bot", "delta_bot", "estrela_bot", "farol_bot")
BLUE = ("galeao_bot", "horizonte_bot", "ilha_bot")
BANNED, RESERVE, DEAD_AT_FIRST = RED[:2], RED[4], RED[5]
ALARM = "vigia_bot"
SEED = 7  # the same tokens in every demo
VISITORS_PER_SECOND = 4
VISITORS_SECONDS = 10**7  # as long as the demo runs
MARKER = ".demo"
# A demo must never reach a real database, Redis or bot, whatever the environment says.
NOT_IN_A_DEMO = (
    *("DATABASE_URL", "DB_URL", "REDIS_URL", "APP_ENV", "PUBLIC_URL", "BIND", "TRUSTED_PROXIES"),
    *("PROXY_ADDRESSES", "COUNTRY_HEADER", "MANAGER_BOT_TOKEN", "ADMIN_BOT_TOKEN", "SMTP_URL"),
)
STORY = (
    "",
    f"  @{BANNED[0]} is banned after a minute, @{BANNED[1]} half a minute later: the pool sends nobody there any more,",
    f"  the reserve @{RESERVE} steps in, the person on duty is told.",
    f"  @{DEAD_AT_FIRST} is dead from the start, and taken back after about two minutes.",
    "",
)


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
    left_out = {*NOT_IN_A_DEMO, *file_names(NOT_IN_A_DEMO)}
    given = {name: value for name, value in environ.items() if name not in left_out}
    return Plan(
        environ={
            "LOG_FORMAT": "text",
            "LOG_LEVEL": "WARNING",
            "HEALTH_INTERVAL_SECONDS": "5",  # a spectator is less patient than the default of 15 s
            **given,
            "TRUSTED_PROXIES": "1",  # the visitors play one that names their addresses and countries
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
    following = int(port) + 1 if port.isdecimal() else 0
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
    serve = ["python", "-m", "tools.sandbox", "--port", str(port), "--bots", "0", "--seed", str(SEED)]
    visit = ["python", "-m", "tools.sandbox.visitors", "--go", f"{flotilla}/go/{SLUG}", "--sandbox", sandbox]
    crowd = ["--rate", str(VISITORS_PER_SECOND), "--seconds", str(VISITORS_SECONDS), "--proxied", "--quiet"]
    story = ["--scenario", "demo", "--ban", *BANNED, "--revive", DEAD_AT_FIRST, "--keen", *BLUE]
    _fleet_gate(gate.parent).unlink(missing_ok=True)
    return [
        Program("sandbox", [*serve, "--public-url", flotilla]),
        gated("visitors", [*visit, *crowd, *story], _fleet_gate(gate.parent)),
    ]


def _fleet_gate(folder: Path) -> Path:
    return folder / "fleet"


def _begin(platform: Platform, sandbox: str) -> list[str]:
    from launch import fleet  # noqa: PLC0415 - like `startup`: after the programs were started

    cast = fleet.Cast(
        fleet.Team("Red 1", SLUG, RED, "Olá, {first_name}! 👋 O que você quer saber?", RESERVE, RED[-2:]),
        fleet.Team("Blue 1", "blue1", BLUE, "{first_name}, hoje tem <b>50 % de desconto</b>! 🎁"),
        ALARM,
    )
    gate = _fleet_gate(platform.settings.data_dir.resolve() / "supervisor")
    return [*fleet.begin(platform, sandbox, cast, gate), *STORY]
