"""Replacing API keys: both hold for a while, then the old one ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from models import ApiKey, AuditEvent
from services.core.errors import Conflict, Forbidden, InvalidInput, NotFound, Unauthenticated
from services.core.times import utc_now
from services.platform.accounts.accounts import command_principal, create_account
from services.platform.accounts.api_keys import create_key, describe, resolve_key, revoke_key, rotate_key
from services.platform.accounts.principal import Principal, Scope
from services.platform.platform import Platform


@pytest.fixture
def owner(platform: Platform) -> Principal:
    return command_principal(create_account(platform, "owner@example.com", "correct horse battery"))


@pytest.mark.data
def test_the_old_key_goes_on_until_the_overlap_ends(platform: Platform, owner: Principal) -> None:
    old, old_text = create_key(platform, owner, scopes=["read"], name="report")
    new, new_text = rotate_key(platform, owner, old.key_id)
    assert (new.name, new.scopes, new.expires_at) == ("report", ["read"], None)
    assert {resolve_key(platform, text, "").key_id for text in (old_text, new_text)} == {
        old.key_id,
        new.key_id,
    }
    with platform.database.reading() as session:
        kept = session.scalars(select(ApiKey).where(ApiKey.key_id == old.key_id)).one()
        told = session.scalars(select(AuditEvent).where(AuditEvent.kind == "key_rotated")).one()
    assert kept.expires_at is not None
    assert timedelta(hours=23) < kept.expires_at - utc_now() <= timedelta(hours=24)
    assert describe(kept)["replaced_by"] == new.key_id == told.details["successor"]
    with platform.database.transaction() as session:
        session.execute(update(ApiKey).where(ApiKey.key_id == old.key_id).values(expires_at=utc_now()))
    with pytest.raises(Unauthenticated, match="expired"):
        resolve_key(platform, old_text, "")
    assert resolve_key(platform, new_text, "").scopes == frozenset({Scope.READ})


def test_without_an_overlap_it_ends_at_once(platform: Platform, owner: Principal) -> None:
    old, text = create_key(platform, owner)
    rotate_key(platform, owner, old.key_id, overlap_hours=0)
    with pytest.raises(Unauthenticated):
        resolve_key(platform, text, "")


def test_the_new_key_lasts_as_long_as_the_old_one_was_made_for(platform: Platform, owner: Principal) -> None:
    old, _ = create_key(platform, owner, expires_days=30)
    new, _ = rotate_key(platform, owner, old.key_id)
    assert new.expires_at is not None
    assert timedelta(days=29) < new.expires_at - utc_now() <= timedelta(days=30, seconds=1)


def test_a_key_is_replaced_once_and_only_while_it_holds(platform: Platform, owner: Principal) -> None:
    old, _ = create_key(platform, owner)
    rotate_key(platform, owner, old.key_id)
    with pytest.raises(Conflict) as refused:
        rotate_key(platform, owner, old.key_id)
    assert refused.value.code == "key_rotated"
    ended, _ = create_key(platform, owner)
    with platform.database.transaction() as session:
        session.execute(update(ApiKey).where(ApiKey.key_id == ended.key_id).values(expires_at=utc_now()))
    with pytest.raises(Conflict) as refused:
        rotate_key(platform, owner, ended.key_id)
    assert refused.value.code == "key_expired"
    revoke_key(platform, owner, ended.key_id)
    with pytest.raises(NotFound):
        rotate_key(platform, owner, ended.key_id)


def test_nobody_gets_more_by_replacing_than_they_have(platform: Platform, owner: Principal) -> None:
    old, text = create_key(platform, owner)
    stranger = command_principal(create_account(platform, "other@example.com", "correct horse battery"))
    with pytest.raises(NotFound):
        rotate_key(platform, stranger, old.key_id)
    with pytest.raises(Forbidden):
        rotate_key(platform, replace(owner, scopes=frozenset({Scope.READ, Scope.WRITE})), old.key_id)
    short = resolve_key(platform, create_key(platform, owner, expires_days=1)[1], "")
    assert rotate_key(platform, short, old.key_id)[0].expires_at == short.expires_at
    with pytest.raises(InvalidInput):
        rotate_key(platform, owner, old.key_id, overlap_hours=169)
    assert resolve_key(platform, text, "").key_id == old.key_id
