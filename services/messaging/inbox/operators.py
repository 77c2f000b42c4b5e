"""Who acts in the inbox, by the name that colleagues know them by."""

from __future__ import annotations

from sqlalchemy.orm import Session

from models import Account
from services.platform.accounts.principal import Principal


def operator_name(session: Session, caller: Principal) -> str:
    """The e-mail of a signed-in person; of an API key or a command its own name."""
    kind, _, number = caller.actor.partition(":")
    if kind == "account" and number.isdecimal():
        account = session.get(Account, int(number))
        if account is not None:
            return account.email[:100]
    return caller.actor[:100]
