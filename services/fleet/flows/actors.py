"""Who is behind a draft or a version, as far as the reader may know it."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Account
from services.core.i18n import Text
from services.platform.accounts.principal import Principal


def actor_name(session: Session, caller: Principal, account_id: int, actor: str) -> Text:
    """An actor's name for the caller: people of the flow's account and they themselves by e-mail, programs by their key."""
    kind, _, name = actor.partition(":")
    if kind == "key":
        return Text("API key {key}", key=name)
    if kind == "command":
        return Text("Command line")
    own = (str(account_id), str(caller.account_id))
    email = session.scalar(select(Account.email).where(Account.id == int(name))) if name in own else None
    return Text("An administrator") if email is None else Text.verbatim(email)
