"""The road from settings to a running installation, and back to an orderly end.

The heavy imports (`opening`, `schema`) and the migrations happen while supervisord and the embedded server start: a second less to wait.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from launch import datadir, interrupts, valkey
from launch.console import local_url, say
from launch.ports import check_port
from launch.programs import Program, procfile_programs, program_environment, server_program
from launch.supervision import Supervisor, write_configuration
from services.core.encryption import Vault
from services.core.environment import load_settings
from services.core.errors import Unavailable
from services.core.listening import check_bind
from services.core.secret_files import is_given
from services.core.settings import Settings
from services.platform.redis.engine import find_engine

if TYPE_CHECKING:
    from services.platform.platform import Platform

WATCH_SECONDS = 0.1
OWN_SECONDS = 10.0  # a server of one's own runs already


@dataclass(frozen=True)
class Plan:
    """What is started: with which environment, and what a launch does beside the usual."""

    environ: dict[str, str]
    prepare: Callable[[Path], object] = lambda data_dir: None  # once DATA_DIR is locked
    programs: Callable[[Path], list[Program]] = lambda gate: []  # beside those of the Procfile
    when_ready: Callable[[Platform], list[str]] = lambda platform: []  # gives lines for the console


def run(plan: Plan) -> bool:
    """Run the installation until a signal; False when it ended by itself. Raises FlotillaError when it cannot start."""
    interrupts.listen()
    try:
        interrupts.pause(0)  # somebody may have changed their mind already
        settings = load_settings(plan.environ)
        datadir.prepare(settings.data_dir)
        lock = datadir.lock(settings.data_dir)
        plan.prepare(settings.data_dir)
        _run_locked(plan, load_settings(plan.environ), lock)
    except interrupts.Interrupted:
        say("Stopped.")
        return True
    return False


def _run_locked(plan: Plan, settings: Settings, lock: int) -> None:
    """Start, watch, stop. Returns when the supervisor ended by itself. A start that fails leaves the word to its cause."""
    Vault(
        tuple(key.get_secret_value() for key in settings.encryption_keys)
    )  # malformed keys end the start here
    check_bind(settings)
    check_port(settings.listen_host, settings.port)
    folder = settings.data_dir.resolve() / "supervisor"
    gate = folder / "gate"
    gate.unlink(missing_ok=True)
    server = _embed_server(plan, settings)
    programs = [*procfile_programs(gate, settings.worker_concurrency), *plan.programs(gate)]
    configuration = write_configuration(folder, server_program(server) if server else None, programs)
    supervisor = Supervisor(configuration, program_environment(plan.environ, settings.data_dir), lock)
    try:
        _start(plan, supervisor, gate, server)
        while supervisor.is_alive():
            interrupts.pause(WATCH_SECONDS)
        say("The supervisor ended by itself; see the lines above.")
    except interrupts.Interrupted:
        say("Stopping …")
        raise
    finally:
        supervisor.stop()
        settings.embedded_redis_file.unlink(missing_ok=True)


def _embed_server(plan: Plan, settings: Settings) -> valkey.Server | None:
    """Configure the embedded server and leave its address in DATA_DIR, unless REDIS_URL names another."""
    settings.embedded_redis_file.unlink(missing_ok=True)
    if is_given(plan.environ, "REDIS_URL"):
        return None
    server = valkey.configure(
        settings.data_dir, find_engine(), valkey.memory_limit(settings.embedded_redis_mb)
    )
    datadir.write_private(settings.embedded_redis_file, server.url + "\n")
    return server


def _start(plan: Plan, supervisor: Supervisor, gate: Path, server: valkey.Server | None) -> None:
    from launch import startup  # noqa: PLC0415 - see above
    from services.platform import schema  # noqa: PLC0415
    from services.platform.numbering import keep_ahead  # noqa: PLC0415

    def alive() -> bool:
        _check_starts(supervisor, server)
        return supervisor.is_alive()

    platform = startup.platform_of(plan.environ)
    schema.upgrade(platform)
    patience = valkey.READY_SECONDS if server else OWN_SECONDS
    valkey.wait_until_ready(platform.settings, alive, patience)
    keep_ahead(platform)
    gate.touch()
    if startup.wait_for_web(local_url(platform.settings), alive):
        supervisor.all_run()
        startup.announce(platform, plan.when_ready(platform))
    elif supervisor.is_alive():
        raise Unavailable("The web process does not answer; see the lines above.")
    platform.database.dispose()


def _check_starts(supervisor: Supervisor, server: valkey.Server | None) -> None:
    """Raise Unavailable when a program ended before everything ran: it would end again and again, saying why each time."""
    name = supervisor.restarted()
    if server is not None and name == server.engine.name:
        raise Unavailable(f"The embedded {name} does not start: {server.last_words()}")
    if name:
        raise Unavailable(f"{name} does not start; see the lines above.")
