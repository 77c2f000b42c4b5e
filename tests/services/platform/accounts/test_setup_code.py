"""The first account."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from services.core.errors import Conflict, FlotillaError, Forbidden, InvalidInput
from services.platform.accounts.accounts import create_account, list_accounts
from services.platform.accounts.sessions import resume_session
from services.platform.accounts.setup_code import create_first_account, setup_code
from services.platform.platform import Platform

PASSWORD = "correct horse battery"


def set_up(platform: Platform, code: str | None, email: str = "first@example.com") -> str:
    return create_first_account(platform, code or "", email, PASSWORD, "192.0.2.1", "Firefox")


@pytest.mark.data
def test_the_code_makes_an_admin_who_is_signed_in_and_is_gone_afterwards(platform: Platform) -> None:
    code = setup_code(platform)
    found = resume_session(platform, set_up(platform, code), "")
    assert found is not None
    assert found.caller.is_admin
    assert setup_code(platform) is None
    with pytest.raises(Conflict):
        set_up(platform, code, "second@example.com")
    assert len(list_accounts(platform)) == 1


def test_every_process_knows_the_same_code(platform: Platform) -> None:
    assert setup_code(platform) == setup_code(Platform(platform.settings))


def test_a_person_may_type_the_code_without_dashes_and_in_lower_case(platform: Platform) -> None:
    assert set_up(platform, f" {(setup_code(platform) or '').replace('-', '').lower()} ")


@pytest.mark.parametrize("code", ["", "AAAA-AAAA-AAAA-AAAA", "é", "\0"])
def test_another_code_makes_nothing(platform: Platform, code: str) -> None:
    with pytest.raises(Forbidden):
        set_up(platform, code)
    assert list_accounts(platform) == []


def test_a_bad_e_mail_leaves_the_code_usable(platform: Platform) -> None:
    code = setup_code(platform)
    with pytest.raises(InvalidInput):
        set_up(platform, code, "nobody")
    assert set_up(platform, code)


@pytest.mark.data
def test_of_several_at_the_same_moment_exactly_one_becomes_the_first(platform: Platform) -> None:
    code = setup_code(platform)

    def race(number: int) -> str:
        try:
            set_up(platform, code, f"{number}@example.com")
        except FlotillaError as error:
            return error.code
        return "won"

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(race, range(6)))
    assert sorted(outcomes) == ["already_set_up"] * 5 + ["won"]
    assert len(list_accounts(platform)) == 1


def test_an_account_made_by_command_closes_the_setup(platform: Platform) -> None:
    create_account(platform, "made@example.com", PASSWORD)
    assert setup_code(platform) is None
