"""The road from settings to a running installation, and back to an orderly end."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from launch import datadir, valkey
from launch.ports import try_listen
from launch.programs import Program, procfile_programs, program_environment, server_program
from launch.supervision import Supervisor, write_configuration
from services import schema
from services.accounts.setup_code import setup_code
from services.environment import load_settings
from services.errors import Unavailable
from services.platform import Platform
from services.redaction import redact_text
from services.secrets import Vault
from services.settings import Settings

READY_SECONDS = 60.0
POLL_SECONDS = 0.05
FAILED, WRONG_CONFIGURATION = 1, 2


class Interrupted(BaseException):
    """SIGINT or SIGTERM came."""


@dataclass(frozen=True)
class Plan:
    """What is started: with which environment, and what a launch does beside the usual."""

    environ: dict[str, str]
    prepare: Callable[[Path], object] = lambda data_dir: None  # once DATA_DIR is locked
    programs: Callable[[Path], list[Program]] = lambda gate: []  # beside those of the Procfile
    when_ready: Callable[[Platform], list[str]] = lambda platform: []  # gives lines for the console


def run(plan: Plan) -> int:
    """Run the installation until SIGINT or SIGTERM; gives the exit code. Raises FlotillaError before anything runs."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        settings = load_settings(plan.environ)
        datadir.prepare(settings.data_dir)
        lock = datadir.lock(settings.data_dir)
        plan.prepare(settings.data_dir)
        return _run_locked(plan, settings, lock)
    except Interrupted:
        return 0


def _run_locked(plan: Plan, settings: Settings, lock: int) -> int:
    Vault(
        tuple(key.get_secret_value() for key in settings.encryption_keys)
    )  # refuses malformed keys here and now
    check_port(settings)
    folder = settings.data_dir.resolve() / "supervisor"
    gate = folder / "gate"
    gate.unlink(missing_ok=True)
    settings.embedded_redis_file.unlink(missing_ok=True)
    server = None
    if not plan.environ.get("REDIS_URL"):
        server = valkey.configure(settings.data_dir, valkey.find_engine())
        datadir.write_private(settings.embedded_redis_file, server.url + "\n")
    programs = [*procfile_programs(gate), *plan.programs(gate)]
    path = write_configuration(folder, server_program(server) if server else None, programs)
    platform = Platform(load_settings(plan.environ))
    supervisor = Supervisor(path, program_environment(plan.environ, settings.data_dir), lock)
    try:
        _start(plan, platform, supervisor, gate)
        while supervisor.is_alive():
            time.sleep(POLL_SECONDS)
        say("The supervisor ended by itself; see the lines above.")
        return FAILED
    finally:
        _stop(supervisor, settings)


def _start(plan: Plan, platform: Platform, supervisor: Supervisor, gate: Path) -> None:
    valkey.wait_until_ready(platform.settings.redis_url, supervisor.is_alive)
    upgrade_schema(platform)
    gate.touch()
    if wait_for_web(platform.settings, supervisor):
        announce(platform, plan.when_ready(platform))
    elif supervisor.is_alive():
        say(f"The web process has not answered within {READY_SECONDS:.0f} s; see the lines above.")
    platform.database.dispose()


def _stop(supervisor: Supervisor, settings: Settings) -> None:
    """Stop everything; further signals are ignored, the end is near anyway."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    say("Stopping …")
    supervisor.stop()
    settings.embedded_redis_file.unlink(missing_ok=True)
    say("Stopped.")


def upgrade_schema(platform: Platform) -> None:
    """Run outstanding migrations. Raises Unavailable when the database does not answer or is newer than the code."""
    try:
        schema.upgrade(platform.database)
    except (SQLAlchemyError, CommandError) as error:
        reason = redact_text(str(error).partition("\n")[0])
        raise Unavailable(
            f"The database could not be upgraded: {reason}", code="database_unavailable"
        ) from None


def wait_for_web(settings: Settings, supervisor: Supervisor) -> bool:
    """Whether /health/live answered 200 within READY_SECONDS."""
    opener = build_opener(ProxyHandler({}))
    deadline = time.monotonic() + READY_SECONDS
    while supervisor.is_alive() and time.monotonic() < deadline:
        with suppress(URLError, OSError), opener.open(f"{local_url(settings)}/health/live", timeout=5):
            return True
        time.sleep(POLL_SECONDS)
    return False


def announce(platform: Platform, more: list[str]) -> None:
    """Say where the panel is and, while there is no account, the one-time setup code (T4)."""
    url = local_url(platform.settings)
    lines = ["", "Flotilla is running.", f"  Panel        {url}/panel"]
    code = setup_code(platform)
    if code:
        lines.append(f"  First start  {url}/setup   one-time setup code: {code}")
    say("\n".join([*lines, *more, "  Stop         Ctrl-C", ""]))


def local_url(settings: Settings) -> str:
    """The web process's address on this machine."""
    return f"http://127.0.0.1:{settings.port}"


def check_port(settings: Settings, patience: float = 2.0) -> None:
    """Raise Unavailable when PORT is taken; a web process that is just ending gets `patience` seconds."""
    deadline = time.monotonic() + patience
    while True:
        try:
            try_listen(settings.listen_host, settings.port)
            return
        except OSError as error:
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"PORT: {settings.port} cannot be listened on ({error.strerror}); give another, as in "
                    "`make run PORT=8080`"
                ) from None
        time.sleep(0.1)


def say(text: str) -> None:
    """Write to the console, whether or not anybody reads it."""
    with suppress(OSError):
        print(text, file=sys.stdout, flush=True)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise Interrupted
