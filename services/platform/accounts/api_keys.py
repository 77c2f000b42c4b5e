"""API keys `flk_<id>_<secret>`: made once, shown once, kept as SHA-256.

A key that makes another gives it no scope that it lacks and no longer life, and is written down as its maker. Who revokes a
key is asked whether those that it made, and those that they made, end with it; unasked they go on.
"""

from __future__ import annotations

import hmac
import logging
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Annotated

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from models import Account, ApiKey
from services.core.answer_types import Moment, one_of
from services.core.encryption import sha256_hex
from services.core.errors import Conflict, Forbidden, InvalidInput, NotFound, Unauthenticated, Unavailable
from services.core.i18n import Text
from services.core.times import iso, utc_now
from services.platform.accounts.principal import Principal, Scope, audit
from services.platform.accounts.quotas import Quota, lock_account, make_room
from services.platform.platform import Platform

logger = logging.getLogger(__name__)
PREFIX = "flk"
TOUCH_SECONDS = 60  # the last use is written at most once a minute
MAX_NAME = 100
MAX_DAYS = 3650
OVERLAP_HOURS = 24
MAX_OVERLAP_HOURS = 7 * 24


def create_key(
    platform: Platform,
    caller: Principal,
    *,
    scopes: Iterable[str] = (),
    name: str = "",
    expires_days: int | None = None,
) -> tuple[ApiKey, str]:
    """A new key of the caller's account and its text, which is never to be had again.

    No scopes means all that the caller has; more than that is Forbidden. `expires_days` None means never, or the end of the
    key that the caller has; more than that is Forbidden too. Conflict `quota_exceeded`.
    """
    wanted = _known_scopes(scopes) or sorted(caller.scopes)
    _check_scopes(caller, wanted)
    if len(name) > MAX_NAME:
        raise InvalidInput(Text("The name may have at most {most} characters", most=MAX_NAME), field="name")
    row, text = _new_row(caller, name, wanted, _expiry(caller, expires_days))
    with platform.database.transaction() as session:
        lock_account(session, caller.account_id)
        _check_maker(session, caller)
        make_room(session, platform.settings, caller.account_id, Quota.API_KEYS)
        session.add(row)
        audit(session, caller, "key_created", key=row.key_id, scopes=row.scopes)
    return row, text


def rotate_key(
    platform: Platform, caller: Principal, key_id: str, *, overlap_hours: int = OVERLAP_HOURS
) -> tuple[ApiKey, str]:
    """A successor of one of the caller's keys and its text, which is never to be had again; the old key ends in
    `overlap_hours`, or at its own end if that is sooner.

    The new one has the old one's name, scopes and length of life. NotFound for anybody else's key; Conflict `key_expired`,
    `key_rotated` for one that was replaced before, `quota_exceeded`; Forbidden for more than the caller has.
    """
    if not 0 <= overlap_hours <= MAX_OVERLAP_HOURS:
        raise InvalidInput(
            Text("The old key may go on for 0 to {hours} hours", hours=MAX_OVERLAP_HOURS),
            field="overlap_hours",
        )
    now = utc_now()
    with platform.database.transaction() as session:
        lock_account(session, caller.account_id)
        _check_maker(session, caller)
        old = _key_in_force(session, caller, key_id)
        _check_rotation(caller, old, now)
        row, text = _new_row(caller, old.name, old.scopes, _same_life(caller, old, now))
        make_room(session, platform.settings, caller.account_id, Quota.API_KEYS)
        session.add(row)
        end = now + timedelta(hours=overlap_hours)
        old.expires_at = min(old.expires_at or end, end)
        old.replaced_by = row.key_id
        audit(session, caller, "key_rotated", key=old.key_id, successor=row.key_id, ends=iso(old.expires_at))
    return row, text


def list_keys(platform: Platform, caller: Principal, *, after: int = 0, limit: int = 200) -> Sequence[ApiKey]:
    """The caller's keys not yet revoked, oldest first, from behind the row `after`."""
    with platform.database.reading() as session:
        return session.scalars(
            select(ApiKey)
            .where(ApiKey.account_id == caller.account_id, ApiKey.revoked_at.is_(None), ApiKey.id > after)
            .order_by(ApiKey.id)
            .limit(limit)
        ).all()


def revoke_key(platform: Platform, caller: Principal, key_id: str, *, made_too: bool = False) -> None:
    """Make one of the caller's keys useless from now on, with `made_too` also those that came of it; NotFound for anybody
    else's.
    """
    with platform.database.transaction() as session:
        lock_account(session, caller.account_id)  # so that the key makes none meanwhile
        row = _key_in_force(session, caller, key_id)
        _revoke(session, caller, row)
        if made_too:
            keys = _keys(session, caller)
            for descendant in _descendants(keys, row.key_id):
                _revoke(session, caller, descendant)


def revoke_all_keys(session: Session, caller: Principal) -> None:
    """Make all keys of the caller's account useless, in the caller's transaction, which has locked the account."""
    for row in _keys(session, caller):
        if row.revoked_at is None:
            _revoke(session, caller, row)


def count_made(platform: Platform, caller: Principal) -> dict[str, int]:
    """How many keys in force came of each of the caller's keys, by its id; those of which none did are left out."""
    with platform.database.reading() as session:
        keys = _keys(session, caller)
    counts = {row.key_id: len(_descendants(keys, row.key_id)) for row in keys if row.revoked_at is None}
    return {key_id: count for key_id, count in counts.items() if count}


def resolve_key(platform: Platform, text: str, ip: str) -> Principal:
    """The caller behind a key's text; Unauthenticated when it is unknown, revoked or expired."""
    key_id, secret = _parts(text)
    with platform.database.reading() as session:
        found = session.execute(
            select(ApiKey, Account)
            .join(Account, Account.id == ApiKey.account_id)
            .where(ApiKey.key_id == key_id)
        ).one_or_none()
    expected = found[0].secret_hash if found else sha256_hex("")
    if not hmac.compare_digest(expected, sha256_hex(secret)) or found is None or not found[1].is_active:
        raise Unauthenticated("This API key is not valid", code="key_invalid")
    row, account = found
    now = utc_now()
    if row.revoked_at is not None:
        raise Unauthenticated("This API key was revoked; make a new one", code="key_revoked")
    if row.expires_at is not None and row.expires_at <= now:
        raise Unauthenticated("This API key has expired; make a new one", code="key_expired")
    if row.last_used_at is None or now - row.last_used_at >= timedelta(seconds=TOUCH_SECONDS):
        _touch(platform, row.id, now)
    scopes = frozenset(Scope(scope) for scope in row.scopes)
    actor = f"key:{row.key_id}"
    return Principal(account.id, actor, account.is_admin, scopes, ip, row.key_id, row.expires_at)


class KeyView(TypedDict):
    """A key; never its secret. `made_by` is the id of the key that made it, null when a person did; `replaced_by` that of its
    successor, beside which it goes on until `expires_at`.
    """

    id: str
    name: str
    scopes: list[Annotated[str, one_of(Scope)]]
    made_by: str | None
    replaced_by: str | None
    created_at: Moment
    expires_at: Moment | None
    last_used_at: Moment | None


class MadeKeyView(KeyView):
    """A key just made, with its text, which is never shown again."""

    key: str


def describe(row: ApiKey) -> KeyView:
    """A key as the API shows it; never its secret."""
    return {
        "id": row.key_id,
        "name": row.name,
        "scopes": list(row.scopes),
        "made_by": row.made_by or None,
        "replaced_by": row.replaced_by or None,
        "created_at": iso(row.created_at),
        "expires_at": iso(row.expires_at),
        "last_used_at": iso(row.last_used_at),
    }


def _parts(text: str) -> tuple[str, str]:
    prefix, _, rest = text.strip().partition("_")
    key_id, _, secret = rest.partition("_")
    if prefix != PREFIX or not (key_id.isascii() and key_id.isalnum()) or not secret:
        raise Unauthenticated("This API key is not valid", code="key_invalid")
    return key_id, secret


def _known_scopes(scopes: Iterable[str]) -> list[Scope]:
    try:
        return sorted({Scope(scope) for scope in scopes})
    except ValueError:
        raise InvalidInput(
            Text("Scopes are {scopes}", scopes=", ".join(Scope)), code="unknown_scope", field="scopes"
        ) from None


def _new_row(
    caller: Principal, name: str, scopes: Iterable[str], expires_at: datetime | None
) -> tuple[ApiKey, str]:
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    row = ApiKey(
        account_id=caller.account_id,
        key_id=key_id,
        secret_hash=sha256_hex(secret),
        name=name,
        scopes=[str(scope) for scope in scopes],
        made_by=caller.key_id,
        expires_at=expires_at,
    )
    return row, f"{PREFIX}_{key_id}_{secret}"


def _key_in_force(session: Session, caller: Principal, key_id: str) -> ApiKey:
    row = session.scalar(
        select(ApiKey).where(
            ApiKey.key_id == key_id.replace("\0", ""),  # which PostgreSQL refuses in a text
            ApiKey.account_id == caller.account_id,
            ApiKey.revoked_at.is_(None),
        )
    )
    if row is None:
        raise NotFound("There is no such key", code="key_not_found")
    return row


def _check_rotation(caller: Principal, old: ApiKey, now: datetime) -> None:
    if old.replaced_by:
        raise Conflict(
            Text("This key was replaced before, by flk_{key}; replace that one", key=old.replaced_by),
            code="key_rotated",
        )
    if old.expires_at is not None and old.expires_at <= now:
        raise Conflict("This key has expired; make a new one", code="key_expired")
    _check_scopes(caller, old.scopes)


def _check_scopes(caller: Principal, scopes: Iterable[str]) -> None:
    for scope in scopes:
        if scope not in caller.scopes:
            raise Forbidden(
                Text("You cannot give the scope '{scope}', which you lack", scope=scope), code="scope_missing"
            )


def _same_life(caller: Principal, old: ApiKey, now: datetime) -> datetime | None:
    """As long as the old one had, never beyond the end of the key that asks."""
    ends = [
        end for end in (caller.expires_at, old.expires_at and now + (old.expires_at - old.created_at)) if end
    ]
    return min(ends, default=None)


def _keys(session: Session, caller: Principal) -> Sequence[ApiKey]:
    return session.scalars(
        select(ApiKey).where(ApiKey.account_id == caller.account_id).order_by(ApiKey.id)
    ).all()


def _descendants(keys: Iterable[ApiKey], key_id: str) -> list[ApiKey]:
    """Those in force among `keys`, which are in order of age, that the key made, or one that came of it, revoked or not."""
    line, found = {key_id}, []
    for row in keys:
        if row.made_by in line:
            line.add(row.key_id)
            found += [row] if row.revoked_at is None else []
    return found


def _revoke(session: Session, caller: Principal, row: ApiKey) -> None:
    row.revoked_at = utc_now()
    audit(session, caller, "key_revoked", key=row.key_id)


def _check_maker(session: Session, caller: Principal) -> None:
    """A key that was revoked since the request was let in makes no more."""
    gone = select(ApiKey.id).where(ApiKey.key_id == caller.key_id, ApiKey.revoked_at.is_not(None))
    if caller.key_id and session.scalar(gone) is not None:
        raise Unauthenticated("This API key was revoked; make a new one", code="key_revoked")


def _expiry(caller: Principal, days: int | None) -> datetime | None:
    if days is None:
        return caller.expires_at
    if not 1 <= days <= MAX_DAYS:
        raise InvalidInput(Text("A key lasts from 1 to {days} days", days=MAX_DAYS), field="expires_days")
    end = utc_now() + timedelta(days=days)
    if caller.expires_at is not None and end > caller.expires_at:
        raise Forbidden(
            "A key cannot make one that lasts longer than itself; leave the days out to have both end together",
            code="key_outlives_maker",
            field="expires_days",
        )
    return end


def _touch(platform: Platform, row_id: int, now: datetime) -> None:
    try:
        with platform.database.transaction() as session:
            session.execute(update(ApiKey).where(ApiKey.id == row_id).values(last_used_at=now))
    except Unavailable:
        logger.warning("a key's use was not written")  # worth no failed request: the next one tries again
