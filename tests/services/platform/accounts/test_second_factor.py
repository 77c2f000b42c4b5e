"""Codes of two-step sign-in: what is taken, once, and what is never told."""

from __future__ import annotations

import base64
import time
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from models import AccountSession, AuditEvent, RecoveryCode, SecondFactor
from services.core.errors import Conflict, Forbidden
from services.core.times import utc_now
from services.platform.accounts.accounts import (
    change_password,
    command_principal,
    create_account,
    reset_password,
)
from services.platform.accounts.enrolment import begin_enrolment, disable, enable, renew_codes, two_step_of
from services.platform.accounts.principal import Principal
from services.platform.accounts.second_factor import FRESH_MINUTES, is_enabled, is_fresh, verify_code
from services.platform.accounts.sessions import CodeWanted, authenticate, finish_sign_in, resume_session
from services.platform.accounts.totp import app_link, code_at, matching_step, new_secret
from services.platform.platform import Platform
from tests.services.platform.accounts.two_step import app_code, set_up, wait_for_the_next_code

PASSWORD = "correct horse battery"
# RFC 6238, appendix B, SHA-1, the last six digits of its eight.
RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()
RFC_CODES = {
    59: "287082",
    1111111109: "081804",
    1111111111: "050471",
    1234567890: "005924",
    20000000000: "353130",
}


def taken(platform: Platform, caller: Principal, code: str) -> str:
    """What becomes of a code: "taken", or the error's code."""
    try:
        with platform.database.transaction() as session:
            verify_code(session, platform.vault, caller, code, now=utc_now())
    except Forbidden as error:
        return error.code
    return "taken"


def wait_until_it_waits(platform: Platform, work: Future[str]) -> None:
    """Until PostgreSQL says that `work` waits for a lock, or it is done; SQLite lets no second writer begin at all."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    deadline = time.monotonic() + 60
    while not platform.database.is_sqlite and not work.done() and time.monotonic() < deadline:
        with platform.database.reading() as session:
            if session.scalar(waiting):
                return
        time.sleep(0.02)


def test_codes_are_those_of_the_standard_and_may_be_a_step_off() -> None:
    for second, code in RFC_CODES.items():
        now = datetime.fromtimestamp(second, UTC)
        assert code_at(RFC_SECRET, now) == code
        off = {
            steps: matching_step(RFC_SECRET, code, now + timedelta(seconds=30 * steps))
            for steps in range(-2, 3)
        }
        step = second // 30
        # A code may be that of two steps near each other by chance; none of these are.
        assert off == {-2: None, -1: step, 0: step, 1: step, 2: None}
    assert matching_step(RFC_SECRET, "28708", datetime.fromtimestamp(59, UTC)) is None
    assert app_link(RFC_SECRET, "a@b.example").startswith("otpauth://totp/Flotilla:a%40b.example?")
    assert len({new_secret() for _ in range(3)}) == 3


def test_a_code_is_fresh_for_half_an_hour() -> None:
    now = utc_now()
    assert is_fresh(now - timedelta(minutes=FRESH_MINUTES - 1), now=now)
    assert not is_fresh(now - timedelta(minutes=FRESH_MINUTES), now=now)
    assert not is_fresh(None, now=now)


@pytest.mark.data
def test_each_code_is_taken_once_and_never_an_earlier_one_after_it(platform: Platform) -> None:
    account = create_account(platform, "owner@example.com", PASSWORD)
    caller = command_principal(account)
    assert taken(platform, caller, "123456") == "wrong_code"
    begin_enrolment(platform, caller)
    assert taken(platform, caller, app_code(platform, account)) == "wrong_code", (
        "not while it is being set up"
    )
    with pytest.raises(Forbidden, match="wrong"):
        enable(platform, caller, 0, "000000x")
    recovery = set_up(platform, account)
    assert len(set(recovery)) == 10
    assert taken(platform, caller, app_code(platform, account)) == "code_used", "it was typed to turn it on"
    wait_for_the_next_code(platform)
    later, present = app_code(platform, account, steps=1), app_code(platform, account)
    assert taken(platform, caller, f" {later[:3]} {later[3:]} ") == "taken"
    assert [taken(platform, caller, code) for code in (later, present)] == ["code_used"] * 2
    assert [taken(platform, caller, recovery[0].lower()) for _ in range(2)] == ["taken", "wrong_code"]
    for bad in ("", "\0", "١٢٣٤٥٦", "12345", "x" * 5000, recovery[1][:-1]):
        assert taken(platform, caller, bad) == "wrong_code"
    assert two_step_of(platform, caller).codes_left == 9
    stranger = command_principal(create_account(platform, "other@example.com", PASSWORD))
    assert taken(platform, stranger, recovery[1]) == "wrong_code"


@pytest.mark.data
@pytest.mark.parametrize("by_recovery_code", [False, True])
def test_of_two_processes_with_one_code_one_wins(platform: Platform, by_recovery_code: bool) -> None:
    account = create_account(platform, "owner@example.com", PASSWORD)
    recovery = set_up(platform, account)
    wait_for_the_next_code(platform)
    code = recovery[0] if by_recovery_code else app_code(platform, account)
    other, caller = Platform(platform.settings), command_principal(account)
    with ThreadPoolExecutor(1) as pool:
        with platform.database.transaction() as session:
            verify_code(session, platform.vault, caller, code, now=utc_now())
            second = pool.submit(taken, other, caller, code)
            wait_until_it_waits(platform, second)
        assert second.result(60) == ("wrong_code" if by_recovery_code else "code_used")
    other.database.dispose()


@pytest.mark.data
def test_a_sign_in_needs_the_code_and_a_new_password_does_not_turn_it_off(platform: Platform) -> None:
    account = create_account(platform, "owner@example.com", PASSWORD)
    alone = authenticate(platform, account.email, PASSWORD, "", "")
    assert isinstance(alone, str)
    set_up(platform, account)
    assert resume_session(platform, alone, "") is None, "who signed in without a code has to do so again"
    wanted = authenticate(platform, account.email, PASSWORD, "", "")
    assert wanted == CodeWanted(account.id, account.email)
    with platform.database.reading() as session:
        assert session.scalars(select(AccountSession)).all() == []
    wait_for_the_next_code(platform)
    known = resume_session(
        platform, finish_sign_in(platform, wanted, app_code(platform, account), "", ""), ""
    )
    assert known is not None
    assert known.has_second_factor
    change_password(platform, known.caller, known.session_id, PASSWORD, "another good one")
    reset_password(platform, account.email, "and one more")
    assert isinstance(authenticate(platform, account.email, "and one more", "", ""), CodeWanted)


@pytest.mark.data
def test_it_goes_off_and_codes_are_renewed_with_a_code_only(platform: Platform) -> None:
    account = create_account(platform, "owner@example.com", PASSWORD)
    caller = command_principal(account)
    first = set_up(platform, account)
    with pytest.raises(Conflict):
        begin_enrolment(platform, caller)
    with pytest.raises(Conflict):
        enable(platform, caller, 0, "000000")
    for change in (renew_codes, disable):
        with pytest.raises(Forbidden):
            change(platform, caller, "AAAA-AAAA-AAAA-AAAA")
    second = renew_codes(platform, caller, first[0])
    assert [taken(platform, caller, code) for code in (first[1], second[0])] == ["wrong_code", "taken"]
    disable(platform, caller, second[1])
    with platform.database.reading() as session:
        assert not is_enabled(session, account.id)
        assert not session.scalars(select(RecoveryCode)).all()
        assert not session.scalars(select(SecondFactor)).all()
        events = session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all()
    assert [(event.kind, event.details) for event in events[1:]] == [
        ("two_step_enabled", {}),
        ("recovery_code_used", {"left": 9}),
        ("recovery_codes_renewed", {}),
        ("recovery_code_used", {"left": 9}),
        ("recovery_code_used", {"left": 8}),
        ("two_step_disabled", {}),
    ]
