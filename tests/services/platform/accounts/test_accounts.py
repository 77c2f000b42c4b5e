"""Accounts, passwords, sessions."""

from __future__ import annotations

from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select, update

from models import Account, AccountSession, AuditEvent
from services.core.errors import Conflict, Forbidden, InvalidInput, NotFound, Unauthenticated
from services.core.times import utc_now
from services.platform.accounts import passwords, sessions
from services.platform.accounts.accounts import (
    change_password,
    create_account,
    list_accounts,
    password_stamp,
    reset_password,
)
from services.platform.accounts.sessions import (
    authenticate,
    confirm_password,
    end_session,
    list_sessions,
    resume_session,
    revoke_session,
)
from services.platform.platform import Platform

PASSWORD = "correct horse battery"


def sign_in(
    platform: Platform, email: str = "owner@example.com", password: str = PASSWORD, *, remember: bool = False
) -> str:
    secret = authenticate(platform, email, password, "192.0.2.1", "Firefox", remember=remember)
    assert isinstance(secret, str)
    return secret


@pytest.mark.data
def test_an_account_is_kept_with_a_lower_case_e_mail_and_an_argon2id_hash(platform: Platform) -> None:
    create_account(platform, " Owner@Example.COM ", PASSWORD)
    account = list_accounts(platform)[0]
    assert (account.email, account.is_admin) == ("owner@example.com", False)
    assert account.password_hash.startswith("$argon2id$")
    assert PASSWORD not in account.password_hash


@pytest.mark.data
def test_one_e_mail_has_one_account_whatever_its_case(platform: Platform) -> None:
    create_account(platform, "owner@example.com", PASSWORD)
    with pytest.raises(Conflict) as refusal:
        create_account(platform, "OWNER@example.com", PASSWORD)
    assert refusal.value.code == "email_taken"


@pytest.mark.parametrize(
    "email", ["", "nobody", "a b@example.com", "a@", "a@exa\0mple.com", "x" * 300 + "@b.c"]
)
def test_a_thing_that_is_no_e_mail_is_refused(platform: Platform, email: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        create_account(platform, email, PASSWORD)
    assert refusal.value.field == "email"


@pytest.mark.parametrize("email", ["me@localhost", "me@flotilla.local", "me@lab.test", "josé@example.com"])
def test_people_of_a_private_network_may_sign_in_too(platform: Platform, email: str) -> None:
    assert create_account(platform, email, PASSWORD).email == email


@pytest.mark.parametrize("password", ["", "nine char", "a" * 300, "aaaaaaaaaaaa"])
def test_a_password_too_short_too_long_or_repeated_is_refused(platform: Platform, password: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        create_account(platform, "owner@example.com", password)
    assert refusal.value.field == "password"
    assert list_accounts(platform) == []


@pytest.mark.data
def test_signing_in_begins_a_session_that_is_stored_only_as_a_hash(platform: Platform) -> None:
    account = create_account(platform, "owner@example.com", PASSWORD, is_admin=True)
    secret = sign_in(platform, " OWNER@example.com")
    found = resume_session(platform, secret, "192.0.2.2")
    assert found is not None
    assert (found.caller.account_id, found.caller.is_admin, found.caller.ip) == (
        account.id,
        True,
        "192.0.2.2",
    )
    with platform.database.reading() as session:
        row = session.scalars(select(AccountSession)).one()
        kinds = session.scalars(select(AuditEvent.kind).order_by(AuditEvent.id)).all()
    assert secret not in (row.secret_hash, row.user_agent, row.ip)
    assert kinds == ["account_created", "signed_in"]


@pytest.mark.data
@pytest.mark.parametrize("email", ["owner@example.com", "nobody@example.com", "a\0b", "' OR 1=1 --"])
def test_a_wrong_password_and_an_unknown_e_mail_are_told_alike(platform: Platform, email: str) -> None:
    create_account(platform, "owner@example.com", PASSWORD)
    with pytest.raises(Unauthenticated) as refusal:
        sign_in(platform, email, "not the password")
    assert (refusal.value.code, refusal.value.message) == ("wrong_credentials", "E-mail or password is wrong")


def test_an_unknown_e_mail_costs_a_hash_too(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    verified: list[str] = []
    verify = passwords._verify

    def watched(known: str, given: str) -> bool:
        verified.append(known)
        return verify(known, given)

    monkeypatch.setattr(passwords, "_verify", watched)
    with pytest.raises(Unauthenticated):
        sign_in(platform, "nobody@example.com")
    assert [known.startswith("$argon2id$") for known in verified] == [True]


def test_a_switched_off_account_neither_signs_in_nor_stays_in(platform: Platform) -> None:
    create_account(platform, "owner@example.com", PASSWORD)
    secret = sign_in(platform)
    with platform.database.transaction() as session:
        session.execute(update(Account).values(is_active=False))
    assert resume_session(platform, secret, "") is None
    with pytest.raises(Unauthenticated):
        sign_in(platform)


def test_a_hash_of_cheaper_times_is_renewed_at_sign_in(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as cheap:
        cheap.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        former = create_account(platform, "owner@example.com", PASSWORD).password_hash
    sign_in(platform)
    renewed = list_accounts(platform)[0].password_hash
    assert former != renewed
    assert not passwords.needs_rehash(renewed)


@pytest.mark.data
def test_a_session_ends_by_sign_out_by_time_and_not_by_use(platform: Platform) -> None:
    create_account(platform, "owner@example.com", PASSWORD)
    left, late, used = sign_in(platform), sign_in(platform), sign_in(platform)
    end_session(platform, left)
    _set(platform, late, expires_at=utc_now() - timedelta(seconds=1))
    _set(
        platform,
        used,
        expires_at=utc_now() + timedelta(hours=1),
        last_seen_at=utc_now() - timedelta(minutes=2),
    )
    assert resume_session(platform, left, "") is None
    assert resume_session(platform, late, "") is None
    found = resume_session(platform, used, "")
    assert found is not None
    assert found.prolonged
    with platform.database.reading() as session:
        end = session.scalar(select(func.max(AccountSession.expires_at)))
    assert end is not None
    assert end > utc_now() + timedelta(hours=platform.settings.session_hours - 1)


@pytest.mark.data
def test_a_remembered_session_outlives_others_and_its_use_keeps_it_so(platform: Platform) -> None:
    create_account(platform, "owner@example.com", PASSWORD)
    secret = sign_in(platform, remember=True)
    _set(
        platform,
        secret,
        expires_at=utc_now() + timedelta(hours=1),
        last_seen_at=utc_now() - timedelta(days=1),
    )
    found = resume_session(platform, secret, "")
    assert found is not None
    assert found.prolonged
    (row,) = list_sessions(platform, found.caller)
    assert row.is_remembered
    assert row.expires_at > utc_now() + timedelta(days=platform.settings.remember_days - 1)


@pytest.mark.data
def test_the_password_is_confirmed_by_its_owner_alone_and_recorded(platform: Platform) -> None:
    create_account(platform, "owner@example.com", PASSWORD)
    create_account(platform, "other@example.com", "quite another one")
    me = resume_session(platform, sign_in(platform), "")
    assert me is not None
    for wrong in ("", "quite another one", "a\0b"):
        with pytest.raises(Forbidden) as refusal:
            confirm_password(platform, me.caller, wrong)
        assert refusal.value.code == "wrong_password"
    confirm_password(platform, me.caller, PASSWORD)
    with platform.database.reading() as session:
        kinds = session.scalars(select(AuditEvent.kind).order_by(AuditEvent.id)).all()
    assert kinds[-2:] == ["signed_in", "password_confirmed"]


def test_an_unknown_secret_is_no_session(platform: Platform) -> None:
    assert resume_session(platform, "made up", "") is None
    end_session(platform, "made up")


@pytest.mark.data
def test_sessions_are_listed_and_revoked_by_their_owner_alone(platform: Platform) -> None:
    create_account(platform, "owner@example.com", PASSWORD)
    create_account(platform, "other@example.com", PASSWORD)
    mine, theirs = sign_in(platform), sign_in(platform, "other@example.com")
    me, them = resume_session(platform, mine, ""), resume_session(platform, theirs, "")
    assert me is not None
    assert them is not None
    with pytest.raises(NotFound):
        revoke_session(platform, me.caller, them.session_id)
    assert [row.id for row in list_sessions(platform, me.caller)] == [me.session_id]
    revoke_session(platform, me.caller, me.session_id)
    assert resume_session(platform, mine, "") is None
    assert resume_session(platform, theirs, "") is not None


@pytest.mark.data
def test_a_new_password_ends_the_other_sessions(platform: Platform) -> None:
    create_account(platform, "owner@example.com", PASSWORD)
    here, elsewhere = sign_in(platform), sign_in(platform)
    me = resume_session(platform, here, "")
    assert me is not None
    with pytest.raises(Forbidden):
        change_password(platform, me.caller, me.session_id, "wrong", "another good password")
    change_password(platform, me.caller, me.session_id, PASSWORD, "another good password")
    assert resume_session(platform, here, "") is not None
    assert resume_session(platform, elsewhere, "") is None
    with pytest.raises(Unauthenticated):
        sign_in(platform)
    assert sign_in(platform, password="another good password")


def test_a_stamp_changes_with_the_password_and_is_nothing_for_nobody(platform: Platform) -> None:
    create_account(platform, "owner@example.com", PASSWORD)
    before = password_stamp(platform, "owner@example.com")
    assert before == password_stamp(platform, "owner@example.com") != ""
    reset_password(platform, "owner@example.com", "another good password")
    assert password_stamp(platform, "owner@example.com") not in {before, ""}
    assert password_stamp(platform, "nobody@example.com") == password_stamp(platform, "\0") == ""


def _set(platform: Platform, secret: str, **values: object) -> None:
    found = resume_session(platform, secret, "")
    assert found is not None
    with platform.database.transaction() as session:
        session.execute(update(AccountSession).where(AccountSession.id == found.session_id).values(**values))


@pytest.mark.data
def test_a_sign_in_too_many_ends_the_one_used_least_lately(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MAX_SESSIONS", 3)
    account = create_account(platform, "owner@example.com", PASSWORD)
    create_account(platform, "other@example.com", PASSWORD)
    other = sign_in(platform, "other@example.com")
    secrets = [sign_in(platform) for _ in range(3)]
    with platform.database.transaction() as session:  # the first was used a moment ago
        first = session.scalars(
            select(AccountSession.id).where(AccountSession.account_id == account.id)
        ).first()
        session.execute(update(AccountSession).values(last_seen_at=utc_now() - timedelta(hours=1)))
        session.execute(
            update(AccountSession).where(AccountSession.id == first).values(last_seen_at=utc_now())
        )
    secrets.append(sign_in(platform))
    left = [secret for secret in secrets if resume_session(platform, secret, "")]
    assert len(left) == 3
    assert secrets[0] in left
    assert secrets[3] in left
    assert resume_session(platform, other, "")
