"""Sign-ins of browsers: begun with e-mail and password, and a code where the account wants one; kept by use, listed, revoked.

The cookie holds a secret of 256 random bits; the row holds its SHA-256, so a stolen database opens no session.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from models import Account, AccountSession, SecondFactor
from services.core.encryption import sha256_hex
from services.core.errors import Forbidden, NotFound, Unauthenticated, Unavailable
from services.core.settings import Settings
from services.core.times import utc_now
from services.platform.accounts.passwords import hash_password, needs_rehash, password_matches
from services.platform.accounts.principal import Principal, audit
from services.platform.accounts.quotas import lock_account
from services.platform.accounts.second_factor import is_enabled, verify_code
from services.platform.platform import Platform

logger = logging.getLogger(__name__)
MAX_SESSIONS = 100  # of an account; one more ends the one that was used least lately
TOUCH_SECONDS = 60  # a use is written at most once a minute


@dataclass(frozen=True)
class SignedIn:
    """A session in force: who, in which language, and which row; `prolonged` when this very use was written."""

    caller: Principal
    session_id: int
    email: str
    locale: str
    prolonged: bool = False
    has_second_factor: bool = False


@dataclass(frozen=True)
class CodeWanted:
    """The password was right; `finish_sign_in` wants a code of the account's second factor too."""

    account_id: int
    email: str


def authenticate(
    platform: Platform, email: str, password: str, ip: str, user_agent: str, *, remember: bool = False
) -> str | CodeWanted:
    """Sign in and return the new session's secret, or what is still wanted; with `remember` it outlives the browser.

    Unauthenticated `wrong_credentials` alike for a wrong password, an unknown e-mail and a switched-off account,
    after equal work. The caller limits attempts.
    """
    email = email.strip().lower()
    with platform.database.reading() as session:
        # PostgreSQL refuses a NUL in a text.
        account = session.scalar(select(Account).where(Account.email == email.replace("\0", "")))
    matches = password_matches(account.password_hash if account else None, password)
    if account is None or not matches or not account.is_active:
        logger.info("a sign-in failed", extra={"account_id": account.id if account else None, "ip": ip})
        raise Unauthenticated("E-mail or password is wrong", code="wrong_credentials")
    fresh_hash = hash_password(password) if needs_rehash(account.password_hash) else None
    with platform.database.transaction() as session:
        lock_account(session, account.id)  # so that no second factor is enabled meanwhile
        if fresh_hash is not None:
            same = (Account.id == account.id) & (Account.password_hash == account.password_hash)
            session.execute(update(Account).where(same).values(password_hash=fresh_hash))
        if is_enabled(session, account.id):
            return CodeWanted(account.id, account.email)
        return begin_session(session, platform.settings, account, ip, user_agent, remember=remember)


def finish_sign_in(
    platform: Platform, wanted: CodeWanted, code: str, ip: str, user_agent: str, *, remember: bool = False
) -> str:
    """Begin the session of a sign-in that a code completes, and return its secret.

    Forbidden `wrong_code` or `code_used`, Unauthenticated `sign_in_expired` for an account that was switched off or takes no
    code any more. The caller limits attempts.
    """
    with platform.database.transaction() as session:
        account = session.get(Account, wanted.account_id)
        if account is None or not account.is_active or not is_enabled(session, account.id):
            raise Unauthenticated("Sign in again", code="sign_in_expired")
        verify_code(session, platform.vault, _person(account, ip), code, now=utc_now())
        return begin_session(session, platform.settings, account, ip, user_agent, remember=remember)


def confirm_password(platform: Platform, caller: Principal, password: str) -> None:
    """Make sure that whoever sits at a signed-in browser knows the account's password.

    Forbidden `wrong_password`.
    """
    with platform.database.reading() as session:
        account = session.get_one(Account, caller.account_id)
    if not password_matches(account.password_hash, password):
        logger.info("a password was not confirmed", extra={"account_id": account.id, "ip": caller.ip})
        raise Forbidden("The password is wrong", code="wrong_password", field="password")
    with platform.database.transaction() as session:
        audit(session, caller, "password_confirmed")


def begin_session(
    session: Session,
    settings: Settings,
    account: Account,
    ip: str,
    user_agent: str,
    *,
    remember: bool = False,
) -> str:
    """Add a session for `account` to a transaction, with its audit entry, and return its secret."""
    secret, now = secrets.token_urlsafe(32), utc_now()
    session.execute(
        delete(AccountSession).where(
            AccountSession.account_id == account.id, AccountSession.expires_at <= now
        )
    )
    unused = select(AccountSession.id).where(AccountSession.account_id == account.id)
    oldest = unused.order_by(AccountSession.last_seen_at.desc(), AccountSession.id.desc()).offset(
        MAX_SESSIONS - 1
    )
    session.execute(delete(AccountSession).where(AccountSession.id.in_(session.scalars(oldest).all())))
    session.add(
        AccountSession(
            account_id=account.id,
            secret_hash=sha256_hex(secret),
            ip=ip,
            user_agent=user_agent[:255],
            is_remembered=remember,
            expires_at=_end(settings, now, remembered=remember),
        )
    )
    audit(session, _person(account, ip), "signed_in")
    return secret


def resume_session(platform: Platform, secret: str, ip: str) -> SignedIn | None:
    """Who the secret of a cookie belongs to; None when the session ended. Use prolongs it."""
    now = utc_now()
    with platform.database.reading() as session:
        found = session.execute(
            select(AccountSession, Account, SecondFactor.enabled_at.is_not(None))
            .join(Account, Account.id == AccountSession.account_id)
            .outerjoin(SecondFactor, SecondFactor.account_id == Account.id)
            .where(AccountSession.secret_hash == sha256_hex(secret))
        ).one_or_none()
    if found is None or found[0].expires_at <= now or not found[1].is_active:
        return None
    row, account, has_second_factor = found
    is_due = now - row.last_seen_at >= timedelta(seconds=TOUCH_SECONDS)
    if is_due:
        _prolong(platform, row, now)
    return SignedIn(_person(account, ip), row.id, account.email, account.locale, is_due, has_second_factor)


def end_session(platform: Platform, secret: str) -> None:
    """Sign out: the secret is worth nothing from now on. Unknown secrets are fine."""
    with platform.database.transaction() as session:
        row = session.scalar(select(AccountSession).where(AccountSession.secret_hash == sha256_hex(secret)))
        if row is not None:
            session.delete(row)
            audit(session, Principal(row.account_id, f"account:{row.account_id}", ip=row.ip), "signed_out")


def list_sessions(platform: Platform, caller: Principal) -> list[AccountSession]:
    """The caller's sessions in force, last used first."""
    with platform.database.reading() as session:
        return list(
            session.scalars(
                select(AccountSession)
                .where(AccountSession.account_id == caller.account_id, AccountSession.expires_at > utc_now())
                .order_by(AccountSession.last_seen_at.desc(), AccountSession.id.desc())
            )
        )


def revoke_session(platform: Platform, caller: Principal, session_id: int) -> None:
    """End one of the caller's sessions; NotFound for anybody else's."""
    with platform.database.transaction() as session:
        mine = session.scalars(select(AccountSession).where(AccountSession.account_id == caller.account_id))
        row = next((row for row in mine if row.id == session_id), None)  # the number may exceed any column
        if row is None:
            raise NotFound("There is no such session", code="session_not_found")
        session.delete(row)
        audit(session, caller, "session_revoked", session_id=session_id)


def _person(account: Account, ip: str) -> Principal:
    return Principal(account.id, f"account:{account.id}", account.is_admin, ip=ip)


def _prolong(platform: Platform, row: AccountSession, now: datetime) -> None:
    try:
        with platform.database.transaction() as session:
            session.execute(
                update(AccountSession)
                .where(AccountSession.id == row.id)
                .values(
                    last_seen_at=now, expires_at=_end(platform.settings, now, remembered=row.is_remembered)
                )
            )
    except Unavailable:
        logger.warning("a session's use was not written")  # worth no failed request: the next one tries again


def _end(settings: Settings, now: datetime, *, remembered: bool) -> datetime:
    hours = settings.remember_days * 24 if remembered else settings.session_hours
    return now + timedelta(hours=hours)
