"""`flask dead-letters`: looking at dead letters, replaying and discarding them at the server's command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import click
from flask.cli import AppGroup

from commands.failures import handle_errors
from models import DeadLetterState
from services.alerts.dead_letters.deciding import discard, replay
from services.alerts.dead_letters.listing import describe_whole, get_letter, list_letters
from services.alerts.dead_letters.selection import LetterFilter, Selection
from services.alerts.dead_letters.store import summary
from services.core.times import iso
from services.platform.accounts.accounts import command_principal, get_account_by_email
from services.platform.accounts.principal import Principal
from web.platform import platform

group = AppGroup("dead-letters", help="Updates, sends and jobs that were given up.")
KINDS = click.Choice(["intake", "update", "send", "job"])
Command = Callable[..., Any]


def filtered(command: Command) -> Command:
    """The options that say which letters are meant."""
    for option in (
        click.option("--uncertain/--certain", default=None, help="Sends that may have arrived, or the rest."),
        click.option("--fingerprint", default="", help="Of one cause."),
        click.option("--bot", "bot_id", type=int, help="Of the bot with this id."),
        click.option("--kind", type=KINDS, default=None),
    ):
        command = option(command)
    return command


@group.command("list")
@click.argument("email")
@filtered
@click.option("--state", type=click.Choice([*DeadLetterState]), default=None)
@click.option("--limit", default=50, type=click.IntRange(1, 200))
@handle_errors
def list_command(email: str, state: str | None, limit: int, **conditions: Any) -> None:
    """Print the dead letters of the account EMAIL, newest first."""
    letters = list_letters(platform(), _caller(email), _filter(conditions, state), limit=limit)
    for letter in letters:
        state = f"{letter.state}, uncertain" if letter.is_uncertain else letter.state
        click.echo(
            f"{letter.id:>8}  {iso(letter.at)}  {letter.kind:<6}  {state:<9}  {letter.fingerprint[:8]}"
            f"  {summary(letter.error)[:90]}"
        )
    if not letters:
        click.echo("No dead letters.")


@group.command("show")
@click.argument("email")
@click.argument("letter_id", type=int)
@handle_errors
def show(email: str, letter_id: int) -> None:
    """Print one dead letter with its attempts as JSON."""
    letter = get_letter(platform(), _caller(email), letter_id)
    click.echo(json.dumps(describe_whole(letter), indent=2, ensure_ascii=False, default=str))


@group.command("replay")
@click.argument("email")
@click.argument("ids", nargs=-1, type=int)
@filtered
@click.option("--all", "everything", is_flag=True, help="All open letters that match.")
@click.option("--dry-run", is_flag=True, help="Only count.")
@handle_errors
def replay_command(
    email: str, ids: tuple[int, ...], everything: bool, dry_run: bool, **conditions: Any
) -> None:
    """Send letters in again: those with IDS, or with --all those that match. Needs a running worker."""
    plan = replay(platform(), _caller(email), _selection(ids, everything, conditions), dry_run=dry_run)
    click.echo(f"{plan.replaying} {'would be' if dry_run else 'are'} replayed, oldest first.")
    if plan.uncertain_left_out:
        click.echo(
            f"{plan.uncertain_left_out} may have arrived and are left out; name their ids to replay them."
        )
    if plan.not_replayable:
        click.echo(f"{plan.not_replayable} cannot be replayed; discard them.")


@group.command("discard")
@click.argument("email")
@click.argument("ids", nargs=-1, type=int)
@filtered
@click.option("--all", "everything", is_flag=True, help="All open letters that match.")
@click.option("--reason", required=True, help="Why nothing is to be done about them.")
@click.option("--dry-run", is_flag=True, help="Only count.")
@handle_errors
def discard_command(
    email: str, ids: tuple[int, ...], everything: bool, reason: str, dry_run: bool, **conditions: Any
) -> None:
    """Resolve letters without doing anything: those with IDS, or with --all those that match."""
    selection = _selection(ids, everything, conditions)
    number = discard(platform(), _caller(email), selection, reason, dry_run=dry_run)
    click.echo(f"{number} {'would be' if dry_run else 'are'} discarded.")


def _selection(ids: tuple[int, ...], everything: bool, conditions: dict[str, Any]) -> Selection:
    given = any(value is not None and value != "" for value in conditions.values())
    if bool(ids) == everything or (ids and given):
        raise click.UsageError("Name ids, or use --all with or without conditions.")
    return Selection(ids) if ids else Selection(filter=_filter(conditions))


def _filter(conditions: dict[str, Any], state: str | None = None) -> LetterFilter:
    return LetterFilter(
        kind=conditions["kind"] or "",
        bot_id=conditions["bot_id"],
        fingerprint=conditions["fingerprint"],
        state=state or "",
        is_uncertain=conditions["uncertain"],
    )


def _caller(email: str) -> Principal:
    return command_principal(get_account_by_email(platform(), email))
