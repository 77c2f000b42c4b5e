"""Accounts: making them, finding them, changing the password."""

from __future__ import annotations

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models import Account, AccountSession
from services.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from services.core.i18n import Text
from services.platform.accounts.api_keys import revoke_all_keys
from services.platform.accounts.passwords import hash_password, password_matches
from services.platform.accounts.principal import Principal, audit
from services.platform.accounts.quotas import lock_account
from services.platform.platform import Platform

# The library's own way of allowing them: an installation on a private network has people @flotilla.local.
SPECIAL_USE_DOMAIN_NAMES.clear()


def create_account(
    platform: Platform, email: str, password: str, is_admin: bool = False, *, actor: str = "command"
) -> Account:
    """A new account. InvalidInput for a bad e-mail or password, Conflict `email_taken` when it exists.

    `actor` stands in the audit trail: who made it.
    """
    email, password_hash = clean_email(email), hash_password(password)
    try:
        with platform.database.transaction() as session:
            return add_account(session, email, password_hash, is_admin, actor=actor)
    except IntegrityError as error:
        raise Conflict(
            Text("There is an account for {email} already", email=email), code="email_taken", field="email"
        ) from error


def add_account(
    session: Session, email: str, password_hash: str, is_admin: bool, *, actor: str, ip: str = ""
) -> Account:
    """Add the account and its audit entry to a transaction; a taken e-mail raises IntegrityError."""
    account = Account(email=email, password_hash=password_hash, is_admin=is_admin)
    session.add(account)
    session.flush()
    audit(session, Principal(account.id, actor, is_admin, ip=ip), "account_created", is_admin=is_admin)
    return account


def list_accounts(platform: Platform) -> list[Account]:
    """Every account in order of age; only for the command line and admins."""
    with platform.database.reading() as session:
        return list(session.scalars(select(Account).order_by(Account.id)))


def get_account_by_email(platform: Platform, email: str) -> Account:
    """The account of that e-mail; NotFound when there is none."""
    with platform.database.reading() as session:
        account = session.scalar(select(Account).where(Account.email == email.strip().lower()))
    if account is None:
        raise NotFound(Text("There is no account for {email}", email=email.strip()), code="account_not_found")
    return account


def first_admin(platform: Platform) -> Account:
    """The admin who was made first and may sign in; NotFound when there is none."""
    admins = select(Account).where(Account.is_admin, Account.is_active).order_by(Account.id).limit(1)
    with platform.database.reading() as session:
        account = session.scalar(admins)
    if account is None:
        raise NotFound(
            "There is no admin; make one: flask accounts create EMAIL --admin", code="account_not_found"
        )
    return account


def password_stamp(platform: Platform, email: str) -> str:
    """A text that changes with the password of `email` and tells nothing of it; "" when there is no such account."""
    with platform.database.reading() as session:
        known = session.scalar(
            select(Account.password_hash).where(
                Account.email == email.replace("\0", "")
            )  # which PostgreSQL refuses
        )
    return platform.vault.signature("password stamp", known).hex()[:16] if known else ""


def command_principal(account: Account) -> Principal:
    """Somebody at the server's command line acting for `account`."""
    return Principal(account_id=account.id, actor="command", is_admin=account.is_admin)


def change_password(
    platform: Platform, caller: Principal, session_id: int, present: str, new: str, *, end_keys: bool = False
) -> None:
    """Give the caller a new password and end all sessions but `session_id`, with `end_keys` all API keys too.

    Forbidden when `present` is wrong.
    """
    with platform.database.reading() as session:
        known = session.scalar(select(Account.password_hash).where(Account.id == caller.account_id))
    if not password_matches(known, present):
        raise Forbidden("The present password is wrong", code="wrong_password", field="present")
    new_hash = hash_password(new)
    with platform.database.transaction() as session:
        lock_account(session, caller.account_id)
        account = session.get_one(Account, caller.account_id)
        account.password_hash = new_hash
        session.execute(
            delete(AccountSession).where(
                AccountSession.account_id == caller.account_id, AccountSession.id != session_id
            )
        )
        audit(session, caller, "password_changed")
        if end_keys:
            revoke_all_keys(session, caller)


def reset_password(platform: Platform, email: str, password: str, *, end_keys: bool = False) -> Account:
    """At the server's command line: a new password for who forgot theirs; ends all the account's sessions, with `end_keys`
    all its API keys too.
    """
    account, new_hash = get_account_by_email(platform, email), hash_password(password)
    with platform.database.transaction() as session:
        lock_account(session, account.id)
        session.get_one(Account, account.id).password_hash = new_hash
        session.execute(delete(AccountSession).where(AccountSession.account_id == account.id))
        audit(session, command_principal(account), "password_reset")
        if end_keys:
            revoke_all_keys(session, command_principal(account))
    return account


def clean_email(email: str) -> str:
    """`email` normalized and in lower case; InvalidInput when it is none. Private domains are fine here."""
    try:
        checked = validate_email(email.strip(), check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError as error:
        raise InvalidInput(
            Text("This is not an e-mail address: {error}", error=str(error)), code="bad_email", field="email"
        ) from None
    return checked.normalized.lower()
