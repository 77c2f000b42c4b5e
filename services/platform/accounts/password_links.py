"""One-time links for a new password: whoever holds one may choose it.

A link is signed together with the hash of the present password: using it, or any other change of the password, makes all
links of the account worthless. Nothing of it is stored. Its secret stands behind the "#" of the address, which browsers keep to
themselves: it is in no request and so in no log.
"""

from __future__ import annotations

import hmac
import re
from datetime import timedelta
from typing import Final

from sqlalchemy import delete

from models import Account, AccountSession
from services.core.errors import Forbidden
from services.core.identifiers import LARGEST_ID
from services.core.times import from_epoch, utc_now
from services.platform.accounts.passwords import hash_password
from services.platform.accounts.principal import Principal, audit
from services.platform.accounts.quotas import lock_account
from services.platform.platform import Platform

VALID: Final = timedelta(hours=24)
SECRET: Final = re.compile(r"([0-9]{1,18})\.([0-9]{1,11})\.([0-9a-f]{64})", re.ASCII)


def link_secret(platform: Platform, account: Account) -> str:
    """The secret of a new link for the account, good for `VALID`."""
    expires = int((utc_now() + VALID).timestamp())
    return f"{account.id}.{expires}.{_signature(platform, account, expires, 0)}"


def use_link(platform: Platform, secret: str, password: str, ip: str) -> Account:
    """Set the password of the account that the secret was made for, and end all its sessions.

    Forbidden `link_invalid` for one that is no link, was used, is too old or belongs to an account that is switched off;
    InvalidInput for a bad password. The caller limits attempts.
    """
    found = SECRET.fullmatch(secret.strip())
    number = int(found[1]) if found else 0
    if found is None or number > LARGEST_ID:
        raise _invalid()
    with platform.database.reading() as session:  # before the hash, which costs some work
        _check(platform, session.get(Account, number), int(found[2]), found[3])
    new_hash = hash_password(password)
    with platform.database.transaction() as session:
        lock_account(session, number)
        account = session.get(Account, number)
        _check(platform, account, int(found[2]), found[3])
        if account is None:
            raise _invalid()
        account.password_hash = new_hash
        session.execute(delete(AccountSession).where(AccountSession.account_id == number))
        audit(session, Principal(number, f"account:{number}", ip=ip), "password_reset", by_link=True)
    return account


def _check(platform: Platform, account: Account | None, expires: int, signature: str) -> None:
    if account is None or not account.is_active or from_epoch(expires) <= utc_now():
        raise _invalid()
    known = (_signature(platform, account, expires, index) for index in range(platform.vault.key_count))
    if not any(hmac.compare_digest(signature, each) for each in known):
        raise _invalid()


def _signature(platform: Platform, account: Account, expires: int, key_index: int) -> str:
    words = f"{account.id}\n{expires}\n{account.password_hash}"
    return platform.vault.signature("password link", words, key_index=key_index).hex()


def _invalid() -> Forbidden:
    return Forbidden(
        "This link is not valid any more: links work once and for a day. Ask for a new one",
        code="link_invalid",
        field="code",
    )
