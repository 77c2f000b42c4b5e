"""Who at Telegram may run an account's fleet: linked by a one-time code, to one account, in force until either side ends it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models import Account, SecondFactor, TelegramLink, TelegramLinkCode
from services.core.encryption import sha256_hex
from services.core.errors import Conflict, InvalidInput, NotFound
from services.core.i18n import Text
from services.core.times import utc_now
from services.platform.accounts.principal import Principal, audit
from services.platform.accounts.quotas import lock_account
from services.platform.accounts.second_factor import is_fresh
from services.platform.platform import Platform

CODE_VALID: Final = timedelta(minutes=10)
LONGEST_NAME: Final = 64


@dataclass(frozen=True)
class LinkCode:
    """A fresh code, which nobody can read again, and when it ends."""

    code: str
    expires_at: datetime


@dataclass(frozen=True)
class LinkedPerson:
    """A person at Telegram and the account that is theirs; `locale` is "" where none was chosen.

    `second_factor_since`: when the account put two-step sign-in on; `confirmed_at`: when a code of it was taken in the chat.
    """

    telegram_id: int
    account_id: int
    email: str
    locale: str
    link_id: int
    confirmed_at: datetime | None
    second_factor_since: datetime | None

    @property
    def principal(self) -> Principal:
        """Who acts: the account with its own things only, an administrator's too."""
        return Principal(self.account_id, f"telegram:{self.telegram_id}")

    def is_confirmed(self, now: datetime) -> bool:
        """Whether a code of the account's present second factor was taken in the chat lately enough."""
        begun, at = self.second_factor_since, self.confirmed_at
        return begun is not None and at is not None and at >= begun and is_fresh(at, now=now)


def new_link_code(
    platform: Platform, caller: Principal, *, of: int | None = None, valid: timedelta = CODE_VALID
) -> LinkCode:
    """A code that links whoever sends it to the caller's account, or to the new one that the caller makes (`of`).

    It replaces the one before.
    """
    account_id = caller.account_id if of is None else of
    made = LinkCode(secrets.token_urlsafe(24), utc_now() + valid)
    with platform.database.transaction() as session:
        lock_account(session, account_id)
        session.execute(delete(TelegramLinkCode).where(TelegramLinkCode.account_id == account_id))
        code_hash = sha256_hex(made.code)
        session.add(TelegramLinkCode(account_id=account_id, code_hash=code_hash, expires_at=made.expires_at))
        audit(session, caller, "telegram_link_made", account_id=account_id)
    return made


def link_person(platform: Platform, telegram_id: int, name: str, code: str) -> LinkedPerson:
    """Use up `code` and link this person; who is linked to that account already stays so.

    Raises InvalidInput `link_code_wrong` (unknown, used or ended), Conflict `linked_elsewhere`.
    """
    try:
        with platform.database.transaction() as session:
            found = _use_code(session, code)
            known = _linked(session, telegram_id)
            if known is None:
                row = TelegramLink(
                    telegram_id=telegram_id, account_id=found.account_id, name=name[:LONGEST_NAME]
                )
                session.add(row)
                person = Principal(found.account_id, f"telegram:{telegram_id}")
                audit(session, person, "telegram_linked", name=name)
                session.flush()
            linked = known or _linked(session, telegram_id)
    except IntegrityError:  # somebody was faster by milliseconds
        raise _wrong_code() from None
    if linked is None:
        raise _wrong_code()  # the account was switched off meanwhile
    if known is not None and known.account_id != found.account_id:
        raise Conflict(
            Text(
                "You are linked to {email} already. Send /unlink first, then ask for another link",
                email=known.email,
            ),
            code="linked_elsewhere",
        )
    return linked


def linked_person(platform: Platform, telegram_id: int) -> LinkedPerson | None:
    """Whom this person acts for; None for a stranger, and for one whose account is switched off."""
    with platform.database.reading() as session:
        return _linked(session, telegram_id)


def list_links(
    platform: Platform, caller: Principal, *, after: int = 0, limit: int = 200
) -> list[TelegramLink]:
    """The people who act for the caller's account and whose number at Telegram is above `after`, in order of it."""
    query = select(TelegramLink).where(
        TelegramLink.account_id == caller.account_id, TelegramLink.telegram_id > after
    )
    with platform.database.reading() as session:
        return list(session.scalars(query.order_by(TelegramLink.telegram_id).limit(limit)))


def unlink_person(platform: Platform, caller: Principal, telegram_id: int) -> None:
    """Let this person act for the caller's account no more; NotFound for anybody else's."""
    with platform.database.transaction() as session:
        row = session.scalar(select(TelegramLink).where(TelegramLink.telegram_id == telegram_id))
        if row is None or row.account_id != caller.account_id:
            raise NotFound("There is no such person", code="telegram_link_not_found")
        session.delete(row)
        audit(session, caller, "telegram_unlinked", name=row.name)


def _use_code(session: Session, code: str) -> TelegramLinkCode:
    query = select(TelegramLinkCode).where(TelegramLinkCode.code_hash == sha256_hex(code))
    found = session.scalar(query.with_for_update())
    if found is None or found.expires_at <= utc_now():
        raise _wrong_code()
    session.delete(found)
    return found


def _linked(session: Session, telegram_id: int) -> LinkedPerson | None:
    found = session.execute(
        select(
            Account.id,
            Account.email,
            Account.locale,
            TelegramLink.id,
            TelegramLink.confirmed_at,
            SecondFactor.enabled_at,
        )
        .join(TelegramLink, TelegramLink.account_id == Account.id)
        .outerjoin(SecondFactor, SecondFactor.account_id == Account.id)
        .where(TelegramLink.telegram_id == telegram_id, Account.is_active)
    ).one_or_none()
    return None if found is None else LinkedPerson(telegram_id, *found)


def _wrong_code() -> InvalidInput:
    return InvalidInput(
        "This link was used already, or has ended. Ask for another one", code="link_code_wrong", field="code"
    )
