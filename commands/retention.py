"""`flask retention`: how much there is of each kind of data, and deleting what is too old."""

from __future__ import annotations

import json

import click
from flask.cli import AppGroup

from commands.failures import handle_errors
from services.core.times import utc_now
from services.operations.retention.deleting import delete_kinds, kinds_named
from services.operations.retention.report import KindView, make_report
from web.platform import platform

group = AppGroup("retention", help="How long data is kept: docs/retention.md.")


@group.command("report")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@handle_errors
def report(as_json: bool) -> None:
    """Count each kind of data: rows, how many of them are too old, the oldest, size."""
    made = make_report(platform())
    if as_json:
        click.echo(json.dumps(made, indent=2))
        return
    click.echo(f"{'kind':<17}{'days':>6}{'rows':>12}{'due':>12}{'size':>10}  oldest")
    for kind in made["kinds"]:
        click.echo(_line(kind))
    click.echo(f"The whole database: {made['database_size'] / 1e6:.1f} MB")


@group.command("run")
@click.argument("kinds", nargs=-1)
@click.option("--dry-run", is_flag=True, help="Only count.")
@handle_errors
def run(kinds: tuple[str, ...], dry_run: bool) -> None:
    """Delete what is too old of KINDS, of all kinds for none, until nothing is left of it."""
    chosen = kinds_named(kinds)
    if dry_run:
        for counted in make_report(platform(), chosen)["kinds"]:
            click.echo(f"{counted['kind']:<17}{counted['due']:>12} would be deleted")
        return
    for kind in chosen:
        for name, number in delete_kinds(platform(), [kind], now=utc_now()).items():
            click.echo(f"{name:<17}{number:>12} deleted")


def _line(kind: KindView) -> str:
    size = "" if kind["size"] is None else f"{kind['size'] / 1e6:.1f} MB"
    days = str(kind["days"] or "-")
    return (
        f"{kind['kind']:<17}{days:>6}{kind['number']:>12}{kind['due']:>12}{size:>10}  {kind['oldest'] or ''}"
    )
