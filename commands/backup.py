"""`flask backup`: making, listing, trying out and restoring backups."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from flask.cli import AppGroup

from commands.failures import handle_errors
from commands.progress import Bar
from services.core.times import iso
from web.platform import platform

if TYPE_CHECKING:
    from services.operations.backup.stores import Store

# What they work with is imported where it is needed: web processes, which only carry the names, do without its 15 MB.
group = AppGroup("backup", help="Backups: make, list, try out, restore.")


@group.command("key")
def key() -> None:
    """Print a fresh key for BACKUP_KEY. Without the key nobody opens a backup, you neither."""
    from services.operations.backup.keys import new_key  # noqa: PLC0415

    click.echo(new_key())


@group.command("create")
@click.option("--quiet", is_flag=True, help="Print nothing but the name.")
@handle_errors
def create(quiet: bool) -> None:
    """Make a backup now, and delete those that need not be kept."""
    from services.operations.backup.creating import create_backup  # noqa: PLC0415

    with Bar("Backup", hidden=quiet) as bar:
        made = create_backup(platform(), bar)
    click.echo(made.backup.name)
    if not quiet:
        click.echo(
            f"{_mb(made.plain_bytes)} in {made.seconds:.1f} s, {_mb(made.backup.size)} encrypted", err=True
        )


@group.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@handle_errors
def list_(as_json: bool) -> None:
    """List the whole backups, newest first."""
    from services.operations.backup.stores import open_store  # noqa: PLC0415

    found = open_store(platform().settings).backups()
    if as_json:
        rows = [{"name": one.name, "made_at": iso(one.made_at), "bytes": one.size} for one in found]
        click.echo(json.dumps(rows, indent=2))
        return
    for one in found:
        click.echo(f"{one.name}  {one.made_at:%Y-%m-%d %H:%M} UTC  {_mb(one.size)}")
    if not found:
        click.echo("There is no backup yet; make one with `flask backup create`.")


@group.command("verify")
@click.argument("name", required=False)
@handle_errors
def verify(name: str | None) -> None:
    """Restore the backup NAME (the newest without one) into an empty place, and let a click and a chat happen there."""
    from services.operations.backup.verifying import verify_backup  # noqa: PLC0415

    with Bar("Unpacking") as bar:
        found = verify_backup(platform(), name, bar.done)
    click.echo(f"{found.name}: {found.clicks} clicks, {found.bots} bots; a click and a chat went through.")


@group.command("restore")
@click.argument("source")
@click.option("--replace", is_flag=True, help="Give up the installation that is here.")
@handle_errors
def restore(source: str, replace: bool) -> None:
    """Make this installation the one of the backup SOURCE: a name of the list, or the path of a file.

    Stop all processes first.
    """
    from services.operations.backup.restoring import restore_backup  # noqa: PLC0415
    from services.operations.backup.stores import open_store  # noqa: PLC0415

    with _opened(open_store(platform().settings), source) as file, Bar("Unpacking") as bar:
        restored = restore_backup(platform(), file, replace=replace, progress=bar.done)
    files = sum(restored.files.values())
    click.echo(
        f"Restored the backup of {restored.made_at}: {restored.redis_keys} keys of Redis, {files} files."
    )
    click.echo("Start the processes now.")


def _opened(store: Store, source: str) -> AbstractContextManager[Any]:
    from services.operations.backup.stores import NAME, local_file  # noqa: PLC0415

    if NAME.fullmatch(source) and not Path(source).exists():
        opened: AbstractContextManager[Any] = store.opened(source)
        return opened
    return local_file(Path(source))


def _mb(size: int) -> str:
    return f"{size / 2**20:.1f} MB"
