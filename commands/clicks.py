"""`flask clicks`: comparing what was accepted with what was counted, and counting anew."""

from __future__ import annotations

import json
import sys

import click
from flask.cli import AppGroup

from commands.failures import handle_errors
from services.traffic.clicks.recount import recount as recount_clicks
from services.traffic.clicks.stream_audit import check_clicks, report
from web.platform import platform

group = AppGroup("clicks", help="Are all clicks there, and each once?")


@group.command("check")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@handle_errors
def check(as_json: bool) -> None:
    """Compare the click stream, the rows and the rollups; exit code 1 when clicks are missing."""
    found = check_clicks(platform())
    report(platform(), found)
    if as_json:
        click.echo(json.dumps(found.as_json(), indent=2))
    else:
        chain = found.chain
        accepted = (
            f"{chain.accepted} accepted, {chain.settled} settled, {chain.waiting} waiting" if chain else "-"
        )
        click.echo(f"stream: {accepted}")
        click.echo(
            f"tables: {found.clicks} clicks of {found.pools} pools, {len(found.mismatches)} mismatches"
        )
        click.echo(f"clicks lost: {found.lost}")
    sys.exit(1 if found.lost else 0)


@group.command("recount")
@handle_errors
def recount() -> None:
    """Make the rollups anew from the clicks that are kept. /go goes on meanwhile."""
    click.echo(f"{recount_clicks(platform())} clicks counted")
