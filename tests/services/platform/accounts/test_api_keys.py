"""API keys."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from models import Account, ApiKey
from services.core.errors import Forbidden, InvalidInput, NotFound, Unauthenticated
from services.core.redaction import redact_text
from services.core.times import utc_now
from services.platform.accounts.accounts import command_principal, create_account
from services.platform.accounts.api_keys import create_key, describe, list_keys, resolve_key, revoke_key
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
