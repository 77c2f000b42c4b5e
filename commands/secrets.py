"""`flask secrets`: the installation's encryption keys at the server's command line (docs/keys.md)."""

from __future__ import annotations

import sys

import click
from flask.cli import AppGroup

from commands.failures import handle_errors
from services.core.encryption import new_key
from services.operations.keys.ages import key_ages
from services.operations.keys.counting import Sealed, count_sealed
from services.operations.keys.resealing import Progress, reseal, start_resealing
from services.operations.keys.rotation import check_retirement, retire, rotate
from web.platform import platform

group = AppGroup("secrets", help="The keys that seal tokens and sign: replace them, re-seal, retire.")
IN_ENVIRONMENT = """ENCRYPTION_KEYS are set in the environment, so this changes nothing. In this order:
  1. write the new key BEHIND the present one: ENCRYPTION_KEYS=<present>,<new> ; restart every process
  2. when all run, put it in FRONT: ENCRYPTION_KEYS=<new>,<present> ; restart every process
  3. flask secrets reseal
  4. flask secrets retire ; it says when the old key may go: then ENCRYPTION_KEYS=<new> ; restart every process
A new key, shown this once:"""


@group.command("status")
@handle_errors
def status() -> None:
    """Say which keys are in force, how old they are, and how many rows of each column each seals."""
    ages = key_ages(platform())
    counts = count_sealed(platform())
    where = platform().settings.keys_file if platform().settings.keys_are_kept else "the environment"
    click.echo(f"Keys in {where}, newest first:")
    for index, age in enumerate(ages):
        rows = sum(count.rows[index] for count in counts)
        use = "seals" if index == 0 else "opens only"
        click.echo(f"  {age.fingerprint}  {age.days:6.1f} days  {use:<10}  {rows} rows")
    click.echo("Sealed rows by column:")
    for count in counts:
        click.echo(f"  {count.column.name:<40} {_by_key(count, [age.fingerprint for age in ages])}")


@group.command("rotate")
@handle_errors
def rotate_command() -> None:
    """Make a new key, have every process take it, and re-seal in the background; no restart is needed.

    Webhooks are set anew with secrets of the new key by the reconciler; the old secrets are taken meanwhile.
    """
    if not platform().settings.keys_are_kept:
        click.echo(IN_ENVIRONMENT)
        click.echo(new_key())
        return
    click.echo("Adding a key; every process takes it within seconds …")
    click.echo(f"Key {rotate(platform())} seals and signs from now on.")
    start_resealing(platform())
    click.echo("Re-sealing runs in the background: flask secrets status. Then: flask secrets retire")


@group.command("reseal")
@click.option("--dry-run", is_flag=True, help="Only say how many rows there are to do.")
@click.option("--background", is_flag=True, help="Leave it to a worker.")
@handle_errors
def reseal_command(dry_run: bool, background: bool) -> None:
    """Seal anew, under the newest key, every row that an older one sealed; goes on where a killed run stopped."""
    if background and not dry_run:
        start_resealing(platform())
        click.echo("A worker re-seals: flask secrets status")
        return
    on_terminal = sys.stderr.isatty()
    progress = reseal(platform(), _show if on_terminal else lambda _: None, dry_run=dry_run)
    if on_terminal:
        click.echo(err=True)  # behind the line that was written over and over
    would = "would be" if dry_run else "were"
    click.echo(f"{progress.seen} rows looked at, {progress.resealed} {would} sealed anew.")
    if progress.overtaken:
        click.echo(f"{progress.overtaken} were written by others meanwhile.")
    if progress.lost:
        raise click.ClickException(
            f"{progress.lost} rows are opened by none of the keys; list the key that sealed them, or they are lost"
        )


@group.command("retire")
@click.option(
    "--now", is_flag=True, help="Do not wait for what lives in Redis and in chats: a key that leaked."
)
@handle_errors
def retire_command(now: bool) -> None:
    """Take the old keys away, when nothing needs them any more; else say what does, and end with code 1."""
    if not platform().settings.keys_are_kept:
        _say_if_free(now)
        return
    done = retire(platform(), now=now)
    click.echo(f"Retired: {', '.join(done.gone) or 'none, there was one key only'}. Left: {done.left}.")


def _say_if_free(now: bool) -> None:
    check_retirement(platform(), now=now)
    old = platform().vault.fingerprints[1:]
    click.echo(
        f"Nothing needs {', '.join(old)} any more: take it out of ENCRYPTION_KEYS and restart every process."
        if old
        else "There is one key only."
    )


def _by_key(count: Sealed, names: list[str]) -> str:
    parts = [f"{name}: {count.rows[index]}" for index, name in enumerate(names) if count.rows[index]]
    parts += [f"no listed key: {count.lost}"] if count.lost else []
    return ", ".join(parts) or "-"


def _show(progress: Progress) -> None:
    click.echo(f"\r{progress.seen} rows looked at, {progress.resealed} sealed anew", nl=False, err=True)
