"""API keys."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from models import Account, ApiKey, AuditEvent
from services.core.errors import Forbidden, InvalidInput, NotFound, Unauthenticated
from services.core.redaction import redact_text
from services.core.times import utc_now
from services.platform.accounts.accounts import (
    change_password,
    command_principal,
    create_account,
    reset_password,
)
from services.platform.accounts.api_keys import (
    count_made,
    create_key,
    describe,
    list_keys,
    resolve_key,
    revoke_key,
)
from services.platform.accounts.principal import Principal, Scope
from services.platform.platform import Platform


@pytest.fixture
def owner(platform: Platform) -> Principal:
    return command_principal(create_account(platform, "owner@example.com", "correct horse battery"))


@pytest.mark.data
def test_a_key_speaks_for_its_account_within_its_scopes(platform: Platform, owner: Principal) -> None:
    row, text = create_key(platform, owner, scopes=["read"], name="report")
    caller = resolve_key(platform, text, "192.0.2.1")
    assert (caller.account_id, caller.actor) == (owner.account_id, f"key:{row.key_id}")
    caller.require(Scope.READ)
    with pytest.raises(Forbidden):
        caller.require(Scope.WRITE)


def test_without_scopes_a_key_has_all_its_maker_has(platform: Platform, owner: Principal) -> None:
    narrow = replace(owner, scopes=frozenset({Scope.READ, Scope.WRITE}))
    assert resolve_key(platform, create_key(platform, owner)[1], "").scopes == frozenset(Scope)
    assert resolve_key(platform, create_key(platform, narrow)[1], "").scopes == narrow.scopes
    with pytest.raises(Forbidden):
        create_key(platform, narrow, scopes=["worker"])


def test_only_the_hash_is_kept_and_the_form_is_one_that_logs_hide(
    platform: Platform, owner: Principal
) -> None:
    row, text = create_key(platform, owner)
    assert text.startswith(f"flk_{row.key_id}_")
    secret = text.removeprefix(f"flk_{row.key_id}_")
    assert secret not in str(describe(row))
    assert secret not in row.secret_hash
    assert redact_text(f"got {text} here") == "got [redacted] here"


@pytest.mark.data
@pytest.mark.parametrize(
    "text", ["", "flk", "flk_", "flk__", "flk_abc", "flk_abcdef123456_wrong", "x" * 5000, "flk_\0_a"]
)
def test_anything_else_is_no_key(platform: Platform, text: str) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        resolve_key(platform, text, "")
    assert refusal.value.code == "key_invalid"


def test_the_id_with_another_secret_is_no_key(platform: Platform, owner: Principal) -> None:
    row, _ = create_key(platform, owner)
    with pytest.raises(Unauthenticated):
        resolve_key(platform, f"flk_{row.key_id}_{'x' * 43}", "")


@pytest.mark.data
def test_a_revoked_key_stops_at_once(platform: Platform, owner: Principal) -> None:
    row, text = create_key(platform, owner)
    revoke_key(platform, owner, row.key_id)
    with pytest.raises(Unauthenticated) as refusal:
        resolve_key(platform, text, "")
    assert refusal.value.code == "key_revoked"
    assert list_keys(platform, owner) == []
    with pytest.raises(NotFound):
        revoke_key(platform, owner, row.key_id)


def test_an_expired_key_and_one_of_a_switched_off_account_stop(platform: Platform, owner: Principal) -> None:
    _, text = create_key(platform, owner, expires_days=1)
    assert resolve_key(platform, text, "")
    with platform.database.transaction() as session:
        session.execute(update(ApiKey).values(expires_at=utc_now() - timedelta(seconds=1)))
    with pytest.raises(Unauthenticated) as refusal:
        resolve_key(platform, text, "")
    assert refusal.value.code == "key_expired"
    with platform.database.transaction() as session:
        session.execute(update(ApiKey).values(expires_at=None))
        session.execute(update(Account).values(is_active=False))
    with pytest.raises(Unauthenticated):
        resolve_key(platform, text, "")


def as_key(platform: Platform, text: str) -> Principal:
    return resolve_key(platform, text, "")


@pytest.mark.data
def test_a_key_makes_none_that_outlives_it(platform: Platform, owner: Principal) -> None:
    row, text = create_key(platform, owner, expires_days=2)
    maker = as_key(platform, text)
    for days in (2, 3, 3650):
        with pytest.raises(Forbidden) as refusal:
            create_key(platform, maker, expires_days=days)
        assert (refusal.value.code, refusal.value.field) == ("key_outlives_maker", "expires_days")
    unasked, _ = create_key(platform, maker)
    shorter, _ = create_key(platform, maker, expires_days=1)
    [kept, same, less] = list_keys(platform, owner)
    assert (same.key_id, less.key_id) == (unasked.key_id, shorter.key_id)
    assert same.expires_at == kept.expires_at == row.expires_at
    assert less.expires_at is not None
    assert kept.expires_at is not None
    assert less.expires_at < kept.expires_at


def test_a_key_that_lasts_for_good_may_make_such_keys_and_gives_no_scope_that_it_lacks(
    platform: Platform, owner: Principal
) -> None:
    maker = as_key(platform, create_key(platform, owner, scopes=["read", "write"])[1])
    made, text = create_key(platform, maker)
    assert (made.expires_at, as_key(platform, text).scopes) == (None, maker.scopes)
    with pytest.raises(Forbidden):
        create_key(platform, maker, scopes=["read", "worker"])


def family(platform: Platform, owner: Principal) -> tuple[str, str, str, str, str]:
    """Texts of a key, the key it made, the one that made, the key of another line, and one of a person."""
    first = create_key(platform, owner)[1]
    second = create_key(platform, as_key(platform, first))[1]
    third = create_key(platform, as_key(platform, second))[1]
    other = create_key(platform, owner)[1]
    return first, second, third, other, create_key(platform, as_key(platform, other))[1]


def id_of(text: str) -> str:
    return text.split("_")[1]


def in_force(platform: Platform, owner: Principal) -> list[str]:
    return [row.key_id for row in list_keys(platform, owner)]


@pytest.mark.data
def test_what_a_revoked_key_has_made_goes_on_unless_it_is_to_end_too(
    platform: Platform, owner: Principal
) -> None:
    first, second, third, other, others = family(platform, owner)
    assert count_made(platform, owner) == {id_of(first): 2, id_of(second): 1, id_of(other): 1}
    revoke_key(platform, owner, id_of(second))
    assert as_key(platform, third)
    assert count_made(platform, owner) == {id_of(first): 1, id_of(other): 1}
    revoke_key(platform, owner, id_of(first), made_too=True)
    with pytest.raises(Unauthenticated):  # the one in between was revoked before
        as_key(platform, third)
    assert in_force(platform, owner) == [id_of(other), id_of(others)]
    assert revoked(platform) == [id_of(second), id_of(first), id_of(third)]


@pytest.mark.data
def test_all_keys_can_end_with_the_password_and_only_those_of_the_account(
    platform: Platform, owner: Principal
) -> None:
    stranger = command_principal(create_account(platform, "other@example.com", "correct horse battery"))
    kept = create_key(platform, stranger)[1]
    keys = family(platform, owner)
    change_password(platform, owner, 0, "correct horse battery", "another good one")
    assert in_force(platform, owner) == [id_of(text) for text in keys]
    change_password(platform, owner, 0, "another good one", "a third good one", end_keys=True)
    assert in_force(platform, owner) == []
    create_key(platform, owner)
    reset_password(platform, "owner@example.com", "the fourth good one", end_keys=True)
    assert in_force(platform, owner) == []
    assert as_key(platform, kept)
    assert len(revoked(platform)) == len(keys) + 1


@pytest.mark.data
def test_a_key_that_was_revoked_since_its_request_came_in_makes_none(
    platform: Platform, owner: Principal
) -> None:
    row, text = create_key(platform, owner)
    maker = as_key(platform, text)
    revoke_key(platform, owner, row.key_id, made_too=True)
    with pytest.raises(Unauthenticated):
        create_key(platform, maker)
    assert in_force(platform, owner) == []


def revoked(platform: Platform) -> list[str]:
    """The keys whose end stands in the audit trail, in order."""
    with platform.database.reading() as session:
        events = select(AuditEvent.details).where(AuditEvent.kind == "key_revoked").order_by(AuditEvent.id)
        return [details["key"] for details in session.scalars(events)]


@pytest.mark.data
def test_somebody_else_s_key_cannot_be_revoked(platform: Platform, owner: Principal) -> None:
    other = command_principal(create_account(platform, "other@example.com", "correct horse battery"))
    row, text = create_key(platform, owner)
    for key_id in (row.key_id, "a\0b", ""):
        with pytest.raises(NotFound):
            revoke_key(platform, other, key_id)
    assert resolve_key(platform, text, "")


def test_the_last_use_is_written_at_most_once_a_minute(platform: Platform, owner: Principal) -> None:
    _, text = create_key(platform, owner)
    resolve_key(platform, text, "")
    first = _last_use(platform)
    resolve_key(platform, text, "")
    assert _last_use(platform) == first
    earlier = utc_now() - timedelta(minutes=2)
    with platform.database.transaction() as session:
        session.execute(update(ApiKey).values(last_used_at=earlier))
    resolve_key(platform, text, "")
    last = _last_use(platform)
    assert last is not None
    assert last > earlier


@pytest.mark.parametrize(
    ("wish", "field"),
    [({"scopes": ["all"]}, "scopes"), ({"expires_days": 0}, "expires_days"), ({"name": "x" * 101}, "name")],
)
def test_a_malformed_wish_makes_no_key(
    platform: Platform, owner: Principal, wish: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        create_key(platform, owner, **wish)  # type: ignore[arg-type]
    assert refusal.value.field == field
    assert list_keys(platform, owner) == []


def _last_use(platform: Platform) -> datetime | None:
    with platform.database.reading() as session:
        return session.scalars(select(ApiKey.last_used_at)).one()
