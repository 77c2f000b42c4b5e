"""`flask keys`: making API keys at the server's command line."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from commands.failures import handle_errors
from services.platform.accounts.accounts import command_principal, get_account_by_email
from services.platform.accounts.api_keys import create_key
from services.platform.accounts.principal import Scope
from web.platform import platform

group = AppGroup("keys", help="API keys of accounts.")


@group.command("create")
@click.argument("email")
@click.option(
    "--scope", "scopes", multiple=True, help=f"One of {', '.join(Scope)}; repeatable; none means all."
)
@click.option("--name", default="", help="What the key is for.")
@click.option("--expires-days", type=int, help="Days until it expires; left out, it never does.")
@handle_errors
def create(email: str, scopes: tuple[str, ...], name: str, expires_days: int | None) -> None:
    """Make an API key for the account EMAIL and print it, alone, this once."""
    owner = command_principal(get_account_by_email(platform(), email))
    _, text = create_key(platform(), owner, scopes=scopes, name=name, expires_days=expires_days)
    click.echo(text)
