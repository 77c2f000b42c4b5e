"""`flask switches`: the runbook's switches at the server's command line."""

from __future__ import annotations

from typing import Any

import click
from flask.cli import AppGroup

from commands.failures import handle_errors
from services.core.errors import InvalidInput
from services.core.i18n import translate
from services.operations.switches import (
    DEFAULT_MINUTES,
    NewSwitch,
    SwitchView,
    clear_switch,
    list_switches,
    set_switch,
    switch_name,
)
from services.platform.accounts.accounts import command_principal, first_admin, get_account_by_email
from services.platform.accounts.principal import Principal
from services.platform.switchboard import SwitchName
from web.platform import platform

group = AppGroup(
    "switches", help="Switches for attacks and overload, which end by themselves (docs/runbook.md)."
)
NAMES = click.Choice([str(name) for name in SwitchName])  # of a plain enumeration click takes other names
UNITS = {"m": 1, "h": 60, "d": 24 * 60}
as_admin = click.option(
    "--as", "email", help="The admin whose activity it is written into; the first one without it."
)


class Duration(click.ParamType):  # type: ignore[type-arg]  # generic for the checker alone
    """ "15m", "1h" or "2d" as minutes."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The minutes; a plain number is minutes."""
        if isinstance(value, int):
            return value
        number, unit = (value[:-1], value[-1:]) if value[-1:] in UNITS else (value, "m")
        if not number.isdecimal() or len(number) > 6:
            self.fail("say how long as 15m, 1h or 2d", param, ctx)
        return int(number) * UNITS[unit]


@group.command("list")
@as_admin
@handle_errors
def listing(email: str | None) -> None:
    """Print all switches, one a line: name, off, or since when, until when, by whom and why."""
    for view in list_switches(platform(), _caller(email)):
        click.echo(_line(view))


@group.command("set")
@click.argument("name", type=NAMES)
@click.option(
    "--value", help="Factor, seconds, message, or the people's numbers, comma-separated; usual without it."
)
@click.option(
    "--for", "minutes", type=Duration(), default=DEFAULT_MINUTES, show_default="1h", help="15m, 1h, 2d."
)
@click.option("--reason", required=True, help="Why; admins read it.")
@as_admin
@handle_errors
def set_command(name: str, value: str | None, minutes: int, reason: str, email: str | None) -> None:
    """Turn a switch on, for an hour unless `--for` says otherwise."""
    wanted = switch_name(name)
    click.echo(
        _line(
            set_switch(platform(), _caller(email), NewSwitch(wanted, reason, _value(wanted, value), minutes))
        )
    )


@group.command("clear")
@click.argument("name", type=NAMES)
@as_admin
@handle_errors
def clear_command(name: str, email: str | None) -> None:
    """Turn a switch off before its time."""
    click.echo(_line(clear_switch(platform(), _caller(email), name)))


def _caller(email: str | None) -> Principal:
    account = get_account_by_email(platform(), email) if email else first_admin(platform())
    return command_principal(account)


def _value(name: SwitchName, text: str | None) -> Any:
    if text is None or name is SwitchName.MAINTENANCE:
        return text
    try:
        if name is SwitchName.ALLOW_LIST:
            return [int(part) for part in text.split(",") if part.strip()]
        return float(text)
    except ValueError as error:
        raise InvalidInput(
            "The value must be a number, or numbers separated by commas", field="value"
        ) from error


def _line(view: SwitchView) -> str:
    if not view["is_on"]:
        return f"{view['name']}\toff"
    words, by = (translate(text, "en") if text else "" for text in (view["in_words"], view["by"]))
    return f"{view['name']}\ton until {view['ends_at']}\t{words}\t{by}\t{view['reason']}"
