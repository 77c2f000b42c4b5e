"""`flask accounts`: making and listing accounts at the server's command line."""

from __future__ import annotations

import secrets
import sys

import click
from flask.cli import AppGroup

from commands.failures import handle_errors
from services.core.times import iso
from services.platform.accounts.accounts import create_account, list_accounts, reset_password
from services.platform.accounts.enrolment import reset_two_step
from web.platform import platform

group = AppGroup("accounts", help="Accounts: people who sign in.")


@group.command("create")
@click.argument("email")
@click.option(
    "--password", help="At least 10 characters; asked for when left out, or made without a terminal."
)
@click.option("--admin", is_flag=True, help="May see and change everything.")
@handle_errors
def create(email: str, password: str | None, admin: bool) -> None:
    """Make an account for EMAIL."""
    chosen, made = _asked_or_made(password)
    account = create_account(platform(), email, chosen, admin)
    click.echo(f"{account.email}: account {account.id} created{' (admin)' if admin else ''}")
    if made:
        click.echo(f"password: {chosen}")


@group.command("password")
@click.argument("email")
@click.option(
    "--password", help="At least 10 characters; asked for when left out, or made without a terminal."
)
@click.option("--end-keys", is_flag=True, help="Also revoke all API keys of the account.")
@handle_errors
def set_password(email: str, password: str | None, end_keys: bool) -> None:
    """Give EMAIL a new password and sign the account out everywhere."""
    chosen, made = _asked_or_made(password)
    account = reset_password(platform(), email, chosen, end_keys=end_keys)
    click.echo(f"{account.email}: the password is set")
    if made:
        click.echo(f"password: {chosen}")


@group.command("reset-two-step")
@click.argument("email")
@handle_errors
def reset(email: str) -> None:
    """Take two-step sign-in off EMAIL, who lost app and recovery codes, and sign the account out everywhere."""
    account = reset_two_step(platform(), email)
    click.echo(f"{account.email}: two-step sign-in is off")


@group.command("list")
@handle_errors
def listing() -> None:
    """Print all accounts, one a line: id, e-mail, role, since when."""
    for account in list_accounts(platform()):
        role = "admin" if account.is_admin else "owner"
        state = "" if account.is_active else "\tswitched off"
        click.echo(f"{account.id}\t{account.email}\t{role}\t{iso(account.created_at)}{state}")


def _asked_or_made(given: str | None) -> tuple[str, bool]:
    """The password, and whether it was made here and must be told."""
    if given is not None:
        return given, False
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)), False
    return secrets.token_urlsafe(15), True
