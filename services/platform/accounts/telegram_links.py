"""Who at Telegram may run an account's fleet: linked by a one-time code, to one account, in force until either side ends it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models import Account, TelegramLink, TelegramLinkCode
from services.core.encryption import sha256_hex
from services.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from services.core.i18n import Text
from services.core.times import utc_now
from services.platform.accounts.accounts import add_account, clean_email
from services.platform.accounts.passwords import hash_password
from services.platform.accounts.principal import Principal, audit
from services.platform.platform import Platform

CODE_VALID: Final = timedelta(minutes=10)
INVITATION_VALID: Final = timedelta(hours=24)  # it is sent to somebody who may sleep
MOST_CODES: Final = 50  # of an account, open at once: each is a row
LONGEST_NAME: Final = 64


@dataclass(frozen=True)
class LinkCode:
    """A fresh code, which nobody can read again, and when it ends."""

    code: str
    expires_at: datetime


@dataclass(frozen=True)
class LinkedPerson:
    """A person at Telegram and the account that is theirs; `locale` is "" where none was chosen."""

    telegram_id: int
    account_id: int
    email: str
    locale: str

    @property
    def principal(self) -> Principal:
        """Who acts: the account with its own things only, an administrator's too."""
        return Principal(self.account_id, f"telegram:{self.telegram_id}")


def new_link_code(platform: Platform, caller: Principal) -> LinkCode:
    """A code for the caller's own account, valid for ten minutes; it replaces the one before."""
    with platform.database.transaction() as session:
        session.execute(
            delete(TelegramLinkCode).where(
                TelegramLinkCode.account_id == caller.account_id, TelegramLinkCode.email == ""
            )
        )
        return _add_code(session, caller, CODE_VALID)


def new_invitation(platform: Platform, caller: Principal, email: str) -> LinkCode:
    """A code that makes an account for `email` and links it to whoever sends it first, valid for a day.

    Raises Forbidden `admins_only`, InvalidInput for a bad e-mail, Conflict `email_taken` or `too_many_codes`.
    """
    if not caller.is_admin:
        raise Forbidden("Only administrators invite", code="admins_only")
    email = clean_email(email)
    with platform.database.transaction() as session:
        if session.scalar(select(Account.id).where(Account.email == email)) is not None:
            raise _taken(email)
        audit(session, caller, "account_invited", email=email)
        return _add_code(session, caller, INVITATION_VALID, email)


def link_person(platform: Platform, telegram_id: int, name: str, code: str) -> LinkedPerson:
    """Use up `code` and link this person; who is linked to that account already stays so.

    Raises InvalidInput `link_code_wrong` (unknown, used or ended), Conflict `linked_elsewhere` or `email_taken`.
    """
    # An invited account's, until it is reset. It costs a tenth of a second, which nobody who guesses codes is to have.
    unusable = hash_password(secrets.token_urlsafe(32)) if _invites(platform, code) else ""
    try:
        with platform.database.transaction() as session:
            found = _use_code(session, code)
            known = _linked(session, telegram_id)
            if known is None:
                account_id = _account_of(session, found, unusable)
                row = TelegramLink(telegram_id=telegram_id, account_id=account_id, name=name[:LONGEST_NAME])
                session.add(row)
                audit(session, Principal(account_id, f"telegram:{telegram_id}"), "telegram_linked", name=name)
                session.flush()
            person = known or _linked(session, telegram_id)
    except IntegrityError:  # somebody was faster by milliseconds
        raise _wrong_code() from None
    if person is None:
        raise _wrong_code()  # the account was switched off meanwhile
    if known is not None and (found.email or known.account_id != found.account_id):
        raise Conflict(
            Text(
                "You are linked to {email} already. Send /unlink first, then ask for another link",
                email=known.email,
            ),
            code="linked_elsewhere",
        )
    return person


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


def _add_code(session: Session, caller: Principal, valid: timedelta, email: str = "") -> LinkCode:
    mine = TelegramLinkCode.account_id == caller.account_id
    session.execute(delete(TelegramLinkCode).where(mine, TelegramLinkCode.expires_at <= utc_now()))
    if (session.scalar(select(func.count()).select_from(TelegramLinkCode).where(mine)) or 0) >= MOST_CODES:
        raise Conflict(
            Text("{most} links wait for somebody already; let some end first", most=MOST_CODES),
            code="too_many_codes",
        )
    made = LinkCode(secrets.token_urlsafe(24), utc_now() + valid)
    session.add(
        TelegramLinkCode(
            account_id=caller.account_id,
            code_hash=sha256_hex(made.code),
            email=email,
            expires_at=made.expires_at,
        )
    )
    return made


def _invites(platform: Platform, code: str) -> bool:
    """Whether the code is an invitation. Raises as `_use_code` does."""
    with platform.database.reading() as session:
        return bool(_open_code(session, code).email)


def _use_code(session: Session, code: str) -> TelegramLinkCode:
    found = _open_code(session, code)
    session.delete(found)
    return found


def _open_code(session: Session, code: str) -> TelegramLinkCode:
    query = select(TelegramLinkCode).where(TelegramLinkCode.code_hash == sha256_hex(code))
    found = session.scalar(query.with_for_update())
    if found is None or found.expires_at <= utc_now():
        raise _wrong_code()
    return found


def _account_of(session: Session, code: TelegramLinkCode, unusable: str) -> int:
    """The account that a code is for; an invitation's is made, by who invited."""
    if not code.email:
        return code.account_id
    if session.scalar(select(Account.id).where(Account.email == code.email)) is not None:
        raise _taken(code.email)
    return add_account(session, code.email, unusable, is_admin=False, actor=f"account:{code.account_id}").id


def _linked(session: Session, telegram_id: int) -> LinkedPerson | None:
    found = session.execute(
        select(Account.id, Account.email, Account.locale)
        .join(TelegramLink, TelegramLink.account_id == Account.id)
        .where(TelegramLink.telegram_id == telegram_id, Account.is_active)
    ).one_or_none()
    return None if found is None else LinkedPerson(telegram_id, *found)


def _taken(email: str) -> Conflict:
    return Conflict(
        Text("There is an account for {email} already", email=email), code="email_taken", field="email"
    )


def _wrong_code() -> InvalidInput:
    return InvalidInput(
        "This link was used already, or has ended. Ask for another one", code="link_code_wrong", field="code"
    )
