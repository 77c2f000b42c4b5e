"""Numbers beside a Redis that remembers more than the database."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from app import create_app
from models import Account
from services.fleet.bots.reconcile import reconcile_bots
from services.platform.numbering import MARGIN, keep_ahead
from services.platform.platform import Platform
from services.platform.redis import keys

pytestmark = pytest.mark.data


def new_account(platform: Platform, email: str) -> int:
    with platform.database.transaction() as session:
        account = Account(email=email, password_hash="x")
        session.add(account)
        session.flush()
        return account.id


def go_back(platform: Platform) -> None:
    """As after a restored backup: no accounts, and the numbering as of then."""
    with platform.database.transaction() as session:
        session.execute(text("DELETE FROM accounts"))
        if platform.database.is_sqlite:
            session.execute(text("DELETE FROM sqlite_sequence"))
        else:
            session.execute(text("ALTER SEQUENCE accounts_id_seq RESTART"))


def test_an_emptied_database_beside_an_old_redis_goes_on_above_what_was_given(platform: Platform) -> None:
    assert new_account(platform, "a@example.com") == 1
    assert new_account(platform, "b@example.com") == 2
    assert keep_ahead(platform) == []
    go_back(platform)
    assert keep_ahead(platform) == ["accounts"]
    assert new_account(platform, "c@example.com") == 2 + MARGIN + 1
    assert keep_ahead(platform) == []
    assert new_account(platform, "d@example.com") == 2 + MARGIN + 2


def test_the_release_and_the_reconciler_look_after_it(platform: Platform) -> None:
    for look in (reconcile_bots, _release):
        new_account(platform, "a@example.com")
        reconcile_bots(platform)
        go_back(platform)
        look(platform)
        assert new_account(platform, "b@example.com") > MARGIN
        go_back(platform)
        platform.redis.flushall()


def _release(platform: Platform) -> None:
    result = create_app(platform).test_cli_runner().invoke(args=["db", "upgrade"])
    assert result.exit_code == 0, result.output


def test_numbers_stay_as_they_are_while_database_and_redis_agree(platform: Platform) -> None:
    for number in range(1, 4):
        assert new_account(platform, f"{number}@example.com") == number
        assert keep_ahead(platform) == []
    assert platform.redis.hget(keys.given_numbers(), "accounts") == "3"


def test_an_emptied_redis_is_told_anew_and_raises_nothing(platform: Platform) -> None:
    new_account(platform, "a@example.com")
    keep_ahead(platform)
    platform.redis.flushall()
    assert keep_ahead(platform) == []
    assert platform.redis.hget(keys.given_numbers(), "accounts") == "1"


def test_a_table_that_is_no_more_is_passed_over(platform: Platform) -> None:
    platform.redis.hset(keys.given_numbers(), "of_another_release", "7")
    assert keep_ahead(platform) == keep_ahead(platform) == []
    assert new_account(platform, "a@example.com") == 1


def test_a_number_is_not_given_again_after_its_row_was_deleted(platform: Platform) -> None:
    new_account(platform, "a@example.com")
    with platform.database.transaction() as session:
        session.execute(text("DELETE FROM accounts"))
    assert new_account(platform, "b@example.com") == 2
