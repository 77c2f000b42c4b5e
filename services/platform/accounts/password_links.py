"""One-time links for a new password, with two-step sign-in taken off where the link says so: whoever holds one may choose it.

A link is signed together with the hash of the present password: using it, or any other change of the password, makes all
links of the account worthless; one that takes two-step sign-in off also with the moment at which that was turned on.
Nothing of it is stored. Its secret stands behind the "#" of the address, which browsers keep to
themselves: it is in no request and so in no log.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import delete
from sqlalchemy.orm import Session

from models import Account, AccountSession, SecondFactor
from services.core.errors import Forbidden
from services.core.identifiers import LARGEST_ID
from services.core.times import from_epoch, iso, utc_now
from services.platform.accounts.enrolment import remove_second_factor
from services.platform.accounts.passwords import hash_password
from services.platform.accounts.principal import Principal, audit
from services.platform.accounts.quotas import lock_account
from services.platform.platform import Platform

VALID: Final = timedelta(hours=24)
TWO_STEP: Final = ".two-step"
SECRET: Final = re.compile(
    rf"([0-9]{{1,18}})\.([0-9]{{1,11}})({re.escape(TWO_STEP)})?\.([0-9a-f]{{64}})", re.ASCII
)


@dataclass(frozen=True)
class _Link:
    """What a secret says."""

    account_id: int
    expires: int
    resets_two_step: bool
    signature: str


def link_secret(platform: Platform, account: Account, factor: SecondFactor | None = None) -> str:
    """The secret of a new link for the account, good for `VALID`; with `factor`, which must be on, one that takes it off."""
    expires = int((utc_now() + VALID).timestamp())
    reset = TWO_STEP if factor else ""
    return f"{account.id}.{expires}{reset}.{_signature(platform, account, factor, expires, 0)}"


def use_link(platform: Platform, secret: str, password: str, ip: str) -> Account:
    """Set the password of the account that the secret was made for, take two-step sign-in off if it is of that kind, and
    end all the account's sessions.

    Forbidden `link_invalid` for one that is no link, was used, is too old or belongs to an account that is switched off;
    InvalidInput for a bad password. The caller limits attempts.
    """
    link = _parsed(secret)
    with platform.database.reading() as session:  # before the hash, which costs some work
        _checked(platform, session, link)
    new_hash = hash_password(password)
    with platform.database.transaction() as session:
        lock_account(session, link.account_id)
        account = _checked(platform, session, link)
        account.password_hash = new_hash
        session.execute(delete(AccountSession).where(AccountSession.account_id == account.id))
        caller = Principal(account.id, f"account:{account.id}", ip=ip)
        audit(session, caller, "password_reset", by_link=True)
        if link.resets_two_step:
            remove_second_factor(session, caller)
            audit(session, caller, "two_step_reset", by_link=True)
    return account


def _parsed(secret: str) -> _Link:
    found = SECRET.fullmatch(secret.strip())
    if found is None or int(found[1]) > LARGEST_ID:
        raise _invalid()
    return _Link(int(found[1]), int(found[2]), found[3] is not None, found[4])


def _checked(platform: Platform, session: Session, link: _Link) -> Account:
    """The account that the link may be used for."""
    account, factor = session.get(Account, link.account_id), None
    if account is None or not account.is_active or from_epoch(link.expires) <= utc_now():
        raise _invalid()
    if link.resets_two_step:
        factor = session.get(SecondFactor, account.id, with_for_update=True)
        if factor is None or factor.enabled_at is None:
            raise _invalid()
    keys = range(platform.vault.key_count)
    known = (_signature(platform, account, factor, link.expires, index) for index in keys)
    if not any(hmac.compare_digest(link.signature, each) for each in known):
        raise _invalid()
    return account


def _signature(
    platform: Platform, account: Account, factor: SecondFactor | None, expires: int, key_index: int
) -> str:
    words = f"{account.id}\n{expires}\n{account.password_hash}"
    if factor is not None:
        words += f"\n{TWO_STEP}\n{iso(factor.enabled_at)}"
    return platform.vault.signature("password link", words, key_index=key_index).hex()


def _invalid() -> Forbidden:
    return Forbidden(
        "This link is not valid any more: links work once and for a day. Ask for a new one",
        code="link_invalid",
        field="code",
    )
