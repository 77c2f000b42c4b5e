"""Failures are grouped by cause: what a library or a database says tells them apart, the values of one case don't."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from pydantic import TypeAdapter
from sqlalchemy import text

from models import Account
from services.alerts.dead_letters.store import cause_of, explain, summary
from services.platform.platform import Platform


def raised_by(work: Callable[[], object]) -> Exception:
    """What `work` raises."""
    try:
        work()
    except Exception as error:  # noqa: BLE001  # whatever it is, the test looks at it
        return error
    raise AssertionError("nothing was raised")


def run(platform: Platform, statement: str, **values: object) -> Exception:
    """The database's refusal of a statement."""

    def work() -> None:
        with platform.database.transaction() as session:
            session.execute(text(statement), values)

    return raised_by(work)


def read(document: str) -> Exception:
    """The library's refusal of a document that is no JSON."""
    return raised_by(lambda: json.loads(document))


def read_elsewhere(document: str) -> Exception:
    """The same asked for from another place."""

    def elsewhere() -> object:
        return json.loads(document)

    return raised_by(elsewhere)


@pytest.mark.data
def test_each_refusal_of_the_database_is_a_cause_whatever_the_values(platform: Platform) -> None:
    with platform.database.transaction() as session:
        for name in ("ana", "eva"):
            session.add(Account(email=f"{name}@example.com", password_hash="-"))
    twice = "UPDATE accounts SET email = :email"
    errors = [
        run(platform, twice, email="ana@example.com"),
        run(platform, twice, email="eva@example.com"),
        run(platform, "UPDATE accounts SET email = NULL"),
        run(platform, "UPDATE accounts SET password_hash = NULL"),
        run(platform, "UPDATE accounts SET password_hash = NULL WHERE id > 0"),
    ]
    causes = [cause_of(error) for error in errors]
    assert causes[0] == causes[1]
    assert causes[3] == causes[4]
    assert len(set(causes)) == 3
    assert all("example.com" not in cause and "sqlalche.me" not in cause for cause in causes)
    assert all("@test_causes.py:work: " in cause for cause in causes)


@pytest.mark.data
def test_a_list_shows_the_databases_reason_and_not_where_to_read_about_it(platform: Platform) -> None:
    with platform.database.transaction() as session:
        session.add(Account(email="ana@example.com", password_hash="-"))
    shown = summary(explain(run(platform, "UPDATE accounts\nSET email = NULL")))
    assert shown.startswith("sqlalchemy.exc.IntegrityError: ")
    assert "email" in shown


def test_a_librarys_words_tell_causes_apart_and_its_values_do_not() -> None:
    cause = cause_of(read("x"))
    assert cause_of(read("     y")) == cause
    assert cause_of(read("1 2")) != cause
    assert cause_of(read_elsewhere("x")) != cause
    assert "Expecting value: line … column …" in cause


def test_our_own_failure_is_its_class_and_place() -> None:
    def own(value: str) -> int:
        return int(value)

    causes = {cause_of(raised_by(lambda value=value: own(value))) for value in ("a", "b")}  # type: ignore[misc]
    assert causes == {"ValueError@test_causes.py:own"}


def test_the_line_that_says_most_is_the_first_of_the_last_exception() -> None:
    refused = raised_by(lambda: TypeAdapter(int).validate_python("x"))
    assert (
        summary(explain(refused))
        == "pydantic_core._pydantic_core.ValidationError: 1 validation error for int"
    )
    assert summary("telegram_rejected: Bad Request") == "telegram_rejected: Bad Request"
    assert summary("one\n\ntwo\n") == "two"
    assert summary("") == ""
