"""`flask workers`: a bot's own program on this machine, for whoever writes it: docs/developing-workers.md."""

from __future__ import annotations

import json
import shlex
import signal
import sys
import threading
import time
from pathlib import Path

import click
import urllib3
from flask.cli import AppGroup

from commands.failures import handle_errors
from commands.program_runner import run_program
from models import Bot
from services.core.errors import Unavailable
from services.core.i18n import Text
from services.fleet.workers.named import worker_named
from services.fleet.workers.programs import api_url, environment_of
from services.messaging.workers.trials import begin_trial, wait_for_answer
from services.queueing.work_queue import WorkQueue
from web.platform import platform

group = AppGroup("workers", help="Bots' own programs, while you develop: docs/developing-workers.md.")
SIDECAR = Path(__file__).parents[1] / "tools" / "worker_sidecar.py"
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
ASKED_LATELY_SECONDS = 60
WEB_SECONDS = 5.0


@group.command("listen")
@click.argument("bot")
@click.option("--forward-to", default="", metavar="URL", help="Post each update there; the answer is a call.")
@click.option(
    "--exec", "command", default="", metavar="COMMAND", help="Start this with the worker's variables."
)
@click.option("--watch", type=FOLDER, help="Start COMMAND again when a file in this folder changes.")
@handle_errors
def listen(bot: str, forward_to: str, command: str, watch: Path | None) -> None:
    """Feed a program on this machine with the updates of BOT: an id, bot_… or a username. Ctrl-C ends it."""
    if bool(forward_to) == bool(command) or (watch and not command):
        raise click.UsageError("Give --forward-to, or --exec with or without --watch.")
    found, worker = worker_named(platform(), bot)
    _check_web()
    _tell_of_others(found)
    environ = environment_of(platform(), found, worker)
    program = shlex.split(command) or [sys.executable, str(SIDECAR), "--forward-to", forward_to]
    click.echo(f"The updates of @{found.username} go to {command or forward_to}. Ctrl-C ends it.", err=True)
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    run_program(program, environ, watch, stopping, lambda text: click.echo(text, err=True))


@group.command("trigger")
@click.argument("bot")
@click.argument("text", nargs=-1, required=True)
@click.option("--wait", default=30.0, type=click.FloatRange(0, 600), help="Seconds to wait for the answer.")
@handle_errors
def trigger(bot: str, text: tuple[str, ...], wait: float) -> None:
    """Have nobody in particular write TEXT to BOT, and print what its program answers, which is not sent."""
    found, _ = worker_named(platform(), bot)
    trial, deadline = begin_trial(platform(), found.id, " ".join(text)), time.monotonic() + wait
    while (said := wait_for_answer(platform(), trial, deadline - time.monotonic())) is not None:
        if not said.error:
            for call in said.calls:
                click.echo(f"{call['method']} {json.dumps(call['params'], ensure_ascii=False)}")
            return
        click.echo(f"The program failed: {said.error}", err=True)
        if not said.again:
            sys.exit(1)
    raise Unavailable(
        Text(
            "Nothing was answered within {seconds} s: is a program of the bot running, and a worker process?",
            seconds=f"{wait:g}",
        ),
        code="trial_unanswered",
    )


def _check_web() -> None:
    """Raise Unavailable `web_unreachable` when a program would find nobody at the address that it is told."""
    address = api_url(platform().settings)
    try:
        urllib3.request("GET", f"{address}/health/live", retries=False, timeout=WEB_SECONDS)
    except urllib3.exceptions.HTTPError:
        reason = Text(
            "Nobody answers at {address}: is the installation running? WORKER_API_URL says where programs reach it",
            address=address,
        )
        raise Unavailable(reason, code="web_unreachable") from None


def _tell_of_others(bot: Bot) -> None:
    seen = WorkQueue(platform().redis, bot.id, bot.public_id).last_seen()
    if seen is not None and time.time() - seen < ASKED_LATELY_SECONDS:
        click.echo(
            "Another program asked for its updates a moment ago. Each update goes to one of you: end the others to get all.",
            err=True,
        )
