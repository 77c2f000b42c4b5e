"""`flask audit`: whether the trail of who did what is as it was written."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import IO

import click
from flask.cli import AppGroup
from pydantic import TypeAdapter, ValidationError

from commands.failures import handle_errors
from services.core.errors import InvalidInput
from services.platform.accounts.trail_check import End, check_trail
from web.platform import platform

group = AppGroup("audit", help="The trail of who did what.")


@group.command("verify")
@click.option("--ends", type=click.File(), help="Ends that `flask audit ends` printed before.")
@handle_errors
def verify(ends: IO[str] | None) -> None:
    """Check every account's trail; exit code 1 and the first broken entry when one was changed or is missing."""
    found = check_trail(platform(), _read(ends) if ends else None)
    for fault in found.broken:
        click.echo(f"account {fault.account_id}, entry {fault.sequence}: {fault.reason}", err=True)
    click.echo(f"{found.entries} entries of {len(found.ends)} whole trails, {len(found.broken)} broken")
    sys.exit(1 if found.broken else 0)


@group.command("ends")
@handle_errors
def print_ends() -> None:
    """Print where each trail ends, one JSON object a line, to be kept on another machine."""
    for end in check_trail(platform()).ends:
        click.echo(json.dumps(asdict(end)))


def _read(lines: IO[str]) -> dict[int, End]:
    adapter = TypeAdapter(End)
    try:
        known = [adapter.validate_json(line) for line in lines if line.strip()]
    except ValidationError as error:
        raise InvalidInput("The file is none that `flask audit ends` printed") from error
    return {end.account_id: end for end in known}
