"""`flask people`: what is kept of one person, exported or erased at the server's command line."""

from __future__ import annotations

from pathlib import Path

import click
from flask.cli import AppGroup

from commands.failures import handle_errors
from services.operations.personal_data.erasing import ErasedView, erase_person
from services.operations.personal_data.exporting import write_archive
from services.platform.accounts.accounts import command_principal, get_account_by_email
from web.platform import platform

group = AppGroup("people", help="What is kept of a person who talks with bots: docs/retention.md.")
ID = click.IntRange(1, 2**52)  # Telegram: ids have at most 52 significant bits


@group.command("export")
@click.argument("email")
@click.argument("telegram_id", type=ID)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@handle_errors
def export(email: str, telegram_id: int, file: Path) -> None:
    """Write all that the bots of the account EMAIL keep of TELEGRAM_ID into the new archive FILE."""
    caller = command_principal(get_account_by_email(platform(), email))
    try:
        with file.open("xb") as archive:
            file.chmod(0o600)
            write_archive(platform(), caller, telegram_id, archive)
    except FileExistsError:
        raise click.ClickException(f"{file} is there already; name a new file") from None
    except BaseException:
        file.unlink(missing_ok=True)
        raise
    click.echo(f"Written: {file}")


@group.command("erase")
@click.argument("email")
@click.argument("telegram_id", type=ID)
@click.option("--dry-run", is_flag=True, help="Only count.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@handle_errors
def erase(email: str, telegram_id: int, dry_run: bool, yes: bool) -> None:
    """Erase TELEGRAM_ID from all bots of the account EMAIL. Cannot be undone."""
    caller = command_principal(get_account_by_email(platform(), email))
    _tell(erase_person(platform(), caller, telegram_id, dry_run=True))
    if dry_run:
        return
    if not yes:
        click.confirm("Erase the person?", abort=True)
    erase_person(platform(), caller, telegram_id)
    click.echo("Erased.")


def _tell(found: ErasedView) -> None:
    for name, number in found.items():
        if name not in ("telegram_id", "dry_run"):
            click.echo(f"{name:<14}{number:>8}")
