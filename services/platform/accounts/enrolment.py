"""Two-step sign-in put on and taken off: an authenticator app set up, recovery codes made, all of it reset.

A new app counts only once a code of it was typed, so nobody locks themselves out with an app that took the secret wrong.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from models import Account, AccountSession, RecoveryCode, SecondFactor
from services.core.encryption import sha256_hex
from services.core.errors import Conflict, NotFound
from services.core.times import utc_now
from services.platform.accounts.accounts import command_principal, get_account_by_email
from services.platform.accounts.principal import Principal, audit
from services.platform.accounts.quotas import lock_account
from services.platform.accounts.second_factor import owner, refused, unsealed, verify_code
from services.platform.accounts.totp import app_link, matching_step, new_secret
from services.platform.platform import Platform

RECOVERY_CODES = 10
CODE_BYTES = 10  # 80 bits: 16 letters of base32, in groups of four
GROUP = 4


@dataclass(frozen=True)
class TwoStep:
    """How far an account is: `enabled_at` None means off, with a `secret` and its `link` while an app is being set up."""

    enabled_at: datetime | None = None
    codes_left: int = 0
    secret: str = field(default="", repr=False)
    link: str = field(default="", repr=False)


def two_step_of(platform: Platform, caller: Principal) -> TwoStep:
    """The caller's two-step sign-in. The secret is told only while the app is being set up."""
    with platform.database.reading() as session:
        factor = session.get(SecondFactor, caller.account_id)
        if factor is None:
            return TwoStep()
        if factor.enabled_at is None:
            secret = unsealed(platform.vault, factor)
            email = session.get_one(Account, caller.account_id).email
            return TwoStep(secret=secret, link=app_link(secret, email))
        mine = RecoveryCode.account_id == caller.account_id
        left = session.scalar(select(func.count()).select_from(RecoveryCode).where(mine)) or 0
        return TwoStep(factor.enabled_at, left)


def begin_enrolment(platform: Platform, caller: Principal) -> None:
    """Make the secret of an app to be set up, in place of one that was not finished. Conflict `two_step_on`."""
    with platform.database.transaction() as session:
        lock_account(session, caller.account_id)
        factor = session.get(SecondFactor, caller.account_id, with_for_update=True)
        if factor is not None and factor.enabled_at is not None:
            raise Conflict("Two-step sign-in is on already", code="two_step_on")
        sealed = platform.vault.seal(new_secret(), owner=owner(caller.account_id))
        session.merge(SecondFactor(account_id=caller.account_id, sealed_secret=sealed, last_step=0))


def enable(platform: Platform, caller: Principal, session_id: int, code: str) -> list[str]:
    """Put two-step sign-in on with a code of the new app, end all sessions but `session_id`, and return the recovery codes,
    which are never to be had again.

    Forbidden `wrong_code`, Conflict `no_enrolment` when none was begun or it is finished.
    """
    now = utc_now()
    with platform.database.transaction() as session:
        lock_account(
            session, caller.account_id
        )  # a sign-in by the password alone comes before, and ends, or after
        factor = session.get(SecondFactor, caller.account_id, with_for_update=True)
        if factor is None or factor.enabled_at is not None:
            raise Conflict("No app is being set up; begin again", code="no_enrolment")
        step = matching_step(unsealed(platform.vault, factor), "".join(code.split()), now)
        if step is None:
            raise refused(caller)
        factor.last_step, factor.enabled_at = step, now
        _end_sessions(session, caller, but=session_id)
        audit(session, caller, "two_step_enabled")
        return _new_codes(session, caller)


def renew_codes(platform: Platform, caller: Principal, code: str) -> list[str]:
    """Ten new recovery codes for a code, in place of all former ones; raises as `verify_code`."""
    with platform.database.transaction() as session:
        verify_code(session, platform.vault, caller, code, now=utc_now())
        audit(session, caller, "recovery_codes_renewed")
        return _new_codes(session, caller)


def disable(platform: Platform, caller: Principal, code: str) -> None:
    """Take two-step sign-in off for a code; raises as `verify_code`."""
    with platform.database.transaction() as session:
        verify_code(session, platform.vault, caller, code, now=utc_now())
        remove_second_factor(session, caller)
        audit(session, caller, "two_step_disabled")


def reset_two_step(platform: Platform, email: str) -> Account:
    """At the server's command line: take it off for who lost app and recovery codes, and end all the account's sessions.

    NotFound for an unknown e-mail, and `two_step_off` when there is nothing to take off.
    """
    account = get_account_by_email(platform, email)
    caller = command_principal(account)
    with platform.database.transaction() as session:
        if session.get(SecondFactor, account.id) is None:
            raise NotFound("This account has no two-step sign-in", code="two_step_off")
        remove_second_factor(session, caller)
        _end_sessions(session, caller)
        audit(session, caller, "two_step_reset")
    return account


def remove_second_factor(session: Session, caller: Principal) -> None:
    """Delete the caller's app and recovery codes, in the caller's transaction."""
    for table in (RecoveryCode, SecondFactor):
        session.execute(delete(table).where(table.account_id == caller.account_id))


def _end_sessions(session: Session, caller: Principal, *, but: int | None = None) -> None:
    mine = AccountSession.account_id == caller.account_id
    session.execute(delete(AccountSession).where(mine, AccountSession.id.is_distinct_from(but)))


def _new_codes(session: Session, caller: Principal) -> list[str]:
    session.execute(delete(RecoveryCode).where(RecoveryCode.account_id == caller.account_id))
    plain = [base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode() for _ in range(RECOVERY_CODES)]
    session.add_all(RecoveryCode(account_id=caller.account_id, code_hash=sha256_hex(code)) for code in plain)
    return ["-".join(code[at : at + GROUP] for at in range(0, len(code), GROUP)) for code in plain]
