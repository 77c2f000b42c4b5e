"""The second factor of an account: the codes of an authenticator app, or in their place recovery codes.

For whoever has to be sure of a person, the panel and bots alike: `is_enabled` says whether an account has one, `verify_code`
takes a code, once, and `is_fresh` says whether the moment at which it was taken is recent enough for what is sensitive. Where
that moment is kept is the caller's: the panel's stands in the browser's signed cookie (ADR 35), a chat's in its own session.

    with platform.database.transaction() as session:
        verify_code(session, platform.vault, principal, text, now=utc_now())  # raises Forbidden
        linked.confirmed_at = utc_now()
    ...
    if not is_fresh(linked.confirmed_at, now=utc_now()):
        ask for a code

Callers limit attempts: six digits are soon guessed.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import RecoveryCode, SecondFactor
from services.core.encryption import Vault, sha256_hex
from services.core.errors import Forbidden
from services.core.times import utc_now
from services.platform.accounts.principal import Principal, audit
from services.platform.accounts.totp import DIGITS, matching_step
from services.platform.platform import Platform

logger = logging.getLogger(__name__)
FRESH_MINUTES = 30  # a code is not asked for again


def is_enabled(session: Session, account_id: int) -> bool:
    """Whether the account's sign-ins want a code; not while an app is still being set up."""
    found = select(SecondFactor.account_id).where(
        SecondFactor.account_id == account_id, SecondFactor.enabled_at.is_not(None)
    )
    return session.scalar(found) is not None


def is_fresh(confirmed_at: datetime | None, *, now: datetime) -> bool:
    """Whether a code taken at `confirmed_at` still stands for what is sensitive; None is never."""
    return confirmed_at is not None and now - confirmed_at < timedelta(minutes=FRESH_MINUTES)


def verify_code(session: Session, vault: Vault, caller: Principal, code: str, *, now: datetime) -> None:
    """Take a code of the caller's app or a recovery code, in the caller's transaction, with whose commit it is used up.

    Forbidden `wrong_code` for a wrong one and for an account without second factor, `code_used` for a code of the app that,
    or a later one than which, was taken before: of two processes with the same code one wins.
    """
    typed = "".join(letter for letter in code.upper() if letter.isascii() and letter.isalnum())
    factor = session.get(SecondFactor, caller.account_id, with_for_update=True)
    if factor is None or factor.enabled_at is None:
        raise refused(caller)
    if typed.isdecimal() and len(typed) == DIGITS:
        _use_step(factor, caller, matching_step(unsealed(vault, factor), typed, now))
    else:
        _use_recovery_code(session, caller, typed)


def confirm_code(platform: Platform, caller: Principal, code: str) -> None:
    """Make sure that whoever sits at a signed-in browser has the account's second factor; raises as `verify_code`."""
    with platform.database.transaction() as session:
        verify_code(session, platform.vault, caller, code, now=utc_now())
        audit(session, caller, "code_confirmed")


def unsealed(vault: Vault, factor: SecondFactor) -> str:
    """The secret that the app shares with us, in base32."""
    return vault.unseal(factor.sealed_secret, owner=owner(factor.account_id))


def owner(account_id: int) -> str:
    """Whom the secret is sealed for."""
    return f"second_factor:{account_id}"


def refused(caller: Principal) -> Forbidden:
    """What a wrong code raises, once it is logged."""
    logger.info("a code was wrong", extra={"account_id": caller.account_id, "ip": caller.ip})
    return Forbidden("The code is wrong", code="wrong_code", field="code")


def _use_step(factor: SecondFactor, caller: Principal, step: int | None) -> None:
    if step is None:
        raise refused(caller)
    if step <= factor.last_step:
        raise Forbidden(
            "This code was used already; wait for the next one in your app", code="code_used", field="code"
        )
    factor.last_step = step


def _use_recovery_code(session: Session, caller: Principal, typed: str) -> None:
    row = session.get(RecoveryCode, (caller.account_id, sha256_hex(typed)))
    if row is None:
        raise refused(caller)
    session.delete(row)
    session.flush()
    mine = RecoveryCode.account_id == caller.account_id
    left = session.scalar(select(func.count()).select_from(RecoveryCode).where(mine))
    audit(session, caller, "recovery_code_used", left=left)
