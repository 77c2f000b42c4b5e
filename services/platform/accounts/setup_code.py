"""The first account: opened with a one-time code that the server prints.

The code is derived from the installation's key, so every process knows it and nothing stores it. It is worth
something only while no account exists.
"""

from __future__ import annotations

import base64
import hmac

from sqlalchemy import exists, select, text
from sqlalchemy.orm import Session

from models import Account
from services.core.errors import Conflict, Forbidden
from services.platform.accounts.accounts import add_account, clean_email
from services.platform.accounts.passwords import hash_password
from services.platform.accounts.sessions import begin_session
from services.platform.platform import Platform

GROUP = 4
GROUPS = 4  # 16 letters of base32: 80 bits


def setup_code(platform: Platform) -> str | None:
    """The code that opens `/setup`; None once an account exists."""
    return None if has_account(platform) else _code(platform)


def has_account(platform: Platform) -> bool:
    """Whether anybody can sign in yet."""
    with platform.database.reading() as session:
        return _any_account(session)


def create_first_account(
    platform: Platform, code: str, email: str, password: str, ip: str, user_agent: str
) -> str:
    """Make the first account, an admin, and sign it in; returns the session's secret.

    Forbidden `setup_code_wrong` for another code, Conflict `already_set_up` once an account exists: of several
    at the same moment exactly one wins. The caller limits attempts.
    """
    if not hmac.compare_digest(_plain(code).encode(), _plain(_code(platform)).encode()):
        raise Forbidden(
            "The setup code is wrong; the server printed it at its start",
            code="setup_code_wrong",
            field="code",
        )
    email, password_hash = clean_email(email), hash_password(password)
    with platform.database.transaction() as session:
        if not platform.database.is_sqlite:  # SQLite's writers stand in line anyway
            session.execute(text("LOCK TABLE accounts IN SHARE ROW EXCLUSIVE MODE"))
        if _any_account(session):
            raise Conflict("This installation is set up already; sign in", code="already_set_up")
        account = add_account(session, email, password_hash, is_admin=True, actor="setup", ip=ip)
        return begin_session(session, platform.settings, account, ip, user_agent)


def _any_account(session: Session) -> bool:
    return bool(session.scalar(select(exists().where(Account.id.is_not(None)))))


def _code(platform: Platform) -> str:
    letters = base64.b32encode(platform.vault.signature("setup-code", "first account")).decode()
    return "-".join(letters[at * GROUP : (at + 1) * GROUP] for at in range(GROUPS))


def _plain(code: str) -> str:
    return "".join(letter for letter in code.upper() if letter.isalnum())
