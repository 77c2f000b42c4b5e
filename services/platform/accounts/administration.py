"""What admins do with accounts: see them, make them, switch them off and on, give roles and links for a new password, also
without two-step sign-in.

Whoever is switched off is signed out and locked out, by password, session and API key; the account's bots and links go on:
visitors are somebody's paid traffic, and its owner's bots are stopped by stopping them.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models import Account, AccountSession, ApiKey, Bot, SecondFactor
from services.core.errors import Conflict, NotFound
from services.core.i18n import Text
from services.platform.accounts.accounts import add_account, clean_email
from services.platform.accounts.password_links import link_secret
from services.platform.accounts.passwords import hash_password
from services.platform.accounts.principal import Principal, audit
from services.platform.platform import Platform


@dataclass(frozen=True)
class AccountRow:
    """An account as admins see it; `last_use` is of a browser or an API key, None where none is known."""

    account: Account
    bots: int
    has_two_step: bool
    last_use: datetime | None


def list_account_rows(
    platform: Platform, caller: Principal, *, after: int = 0, limit: int = 100
) -> Sequence[AccountRow]:
    """Accounts with an id above `after`, oldest first. Forbidden `admin_only`."""
    caller.require_admin()
    bots = select(func.count()).where(Bot.account_id == Account.id).scalar_subquery()
    seen = select(func.max(AccountSession.last_seen_at)).where(AccountSession.account_id == Account.id)
    used = select(func.max(ApiKey.last_used_at)).where(ApiKey.account_id == Account.id)
    two_step = select(SecondFactor.enabled_at).where(SecondFactor.account_id == Account.id)
    query = (
        select(Account, bots, two_step.scalar_subquery(), seen.scalar_subquery(), used.scalar_subquery())
        .where(Account.id > after)
        .order_by(Account.id)
        .limit(limit)
    )
    with platform.database.reading() as session:
        return [
            AccountRow(account, count, on_since is not None, max((at for at in uses if at), default=None))
            for account, count, on_since, *uses in session.execute(query)
        ]


def create_invited(
    platform: Platform, caller: Principal, email: str, *, is_admin: bool = False
) -> tuple[Account, str]:
    """A new account, and the secret of the link by which its person chooses a password.

    NotFound for who is no admin, InvalidInput for a bad e-mail, Conflict `email_taken`.
    """
    _require_admin(caller)
    email, unknown = clean_email(email), hash_password(secrets.token_urlsafe(32))
    try:
        with platform.database.transaction() as session:
            account = add_account(session, email, unknown, is_admin, actor=caller.actor, ip=caller.ip)
    except IntegrityError as error:
        raise Conflict(
            Text("There is an account for {email} already", email=email), code="email_taken", field="email"
        ) from error
    return account, link_secret(platform, account)


def make_password_link(
    platform: Platform, caller: Principal, account_id: int, *, resets_two_step: bool = False
) -> tuple[Account, str]:
    """The account, and the secret of a link for a new password; the present one works until the link is used. With
    `resets_two_step` the link also takes two-step sign-in off, for who lost app and recovery codes.

    NotFound for who is no admin, Conflict `account_switched_off`, `two_step_off` when there is nothing to take off.
    """
    _require_admin(caller)
    with platform.database.transaction() as session:
        account = _locked(session, account_id)
        if not account.is_active:
            raise Conflict("The account is switched off; switch it on first", code="account_switched_off")
        factor = session.get(SecondFactor, account.id) if resets_two_step else None
        if resets_two_step and (factor is None or factor.enabled_at is None):
            raise Conflict("This account has no two-step sign-in", code="two_step_off")
        kind = "two_step_link_made" if factor else "password_link_made"
        audit(session, caller, kind, account_id=account.id)
        secret = link_secret(platform, account, factor)
    return account, secret


def switch_account(platform: Platform, caller: Principal, account_id: int, *, is_active: bool) -> Account:
    """Let the account in, or sign it out and lock it out. NotFound for who is no admin, Conflict `last_admin`."""
    _require_admin(caller)
    with platform.database.transaction() as session:
        account = _locked(session, account_id)
        if account.is_active == is_active:
            return account
        if not is_active:
            _keep_an_admin(session, account)
            session.execute(delete(AccountSession).where(AccountSession.account_id == account.id))
        account.is_active = is_active
        audit(
            session,
            caller,
            "account_switched_on" if is_active else "account_switched_off",
            account_id=account.id,
        )
    return account


def set_role(platform: Platform, caller: Principal, account_id: int, *, is_admin: bool) -> Account:
    """Make the account an admin's or an owner's. NotFound for who is no admin, Conflict `last_admin`."""
    _require_admin(caller)
    with platform.database.transaction() as session:
        account = _locked(session, account_id)
        if account.is_admin == is_admin:
            return account
        if not is_admin:
            _keep_an_admin(session, account)
        account.is_admin = is_admin
        audit(session, caller, "account_role_changed", account_id=account.id, is_admin=is_admin)
    return account


def _locked(session: Session, account_id: int) -> Account:
    """The account; two admins come one after the other, at this or any other."""
    admins = select(Account.id).where(Account.is_admin).order_by(Account.id).with_for_update(key_share=True)
    session.execute(admins)
    account = session.scalar(select(Account).where(Account.id == account_id).with_for_update(key_share=True))
    if account is None:
        raise _not_found()
    return account


def _keep_an_admin(session: Session, account: Account) -> None:
    others = select(Account.id).where(Account.is_admin, Account.is_active, Account.id != account.id)
    if account.is_admin and session.scalar(others.limit(1)) is None:
        raise Conflict("This is the last admin: give somebody else the role first", code="last_admin")


def _require_admin(caller: Principal) -> None:
    """To everybody else these accounts are not there."""
    if not caller.is_admin:
        raise _not_found()


def _not_found() -> NotFound:
    return NotFound("There is no such account", code="account_not_found")
