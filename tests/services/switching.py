"""Turning switches on in a test, as the installation's first admin does at the command line."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from models import Account, Switch
from services.core.times import utc_now
from services.operations.switches import NewSwitch, set_switch
from services.platform.accounts.accounts import create_account
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.switchboard import SwitchName


def admin(platform: Platform) -> Principal:
    """An admin of the installation."""
    with platform.database.reading() as session:
        known = session.scalar(select(Account.id).where(Account.is_admin).limit(1))
    number = known or create_account(platform, "root@example.com", "a long password", True).id
    return Principal(number, "command", is_admin=True)


def switch_on(platform: Platform, name: SwitchName, value: Any = None, *, seconds: float = 0) -> None:
    """Turn a switch on for an hour, or for some `seconds`; this process knows it at once."""
    set_switch(platform, admin(platform), NewSwitch(name, "a test", value))
    if seconds:
        end_in(platform, name, seconds)


def end_in(platform: Platform, name: SwitchName, seconds: float) -> None:
    """Have a switch that is on end after some `seconds`, fewer than anybody may choose."""
    ends = utc_now() + timedelta(seconds=seconds)
    with platform.database.transaction() as session:
        session.execute(
            update(Switch).where(Switch.name == str(name), Switch.ended_at.is_(None)).values(ends_at=ends)
        )
    platform.switches.refresh()
