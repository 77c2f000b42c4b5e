"""Slugs: their form, and who holds one. A slug is given once in the installation; former ones keep working."""

from __future__ import annotations

import re
from typing import Final

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models import PoolSlug
from services.core.errors import Conflict, InvalidInput
from services.core.i18n import Text
from services.core.settings import Settings
from services.platform.accounts.quotas import Quota, make_room

SLUG: Final = re.compile(r"[a-z0-9_-]{3,50}")
# Words that a person would take for a page of ours, or that we may want below /go some day.
RESERVED: Final = frozenset(
    {
        "account",
        "accounts",
        "admin",
        "api",
        "app",
        "assets",
        "auth",
        "bot_config",
        "bots",
        "dashboard",
        "favicon",
        "flotilla",
        "health",
        "help",
        "home",
        "login",
        "logout",
        "metrics",
        "null",
        "panel",
        "pool",
        "pools",
        "redirect",
        "redirect-pools",
        "robots",
        "root",
        "setup",
        "sign-in",
        "sign-out",
        "static",
        "status",
        "system",
        "undefined",
        "webhook",
        "webhooks",
        "www",
    }
)


def normalized_slug(text: str) -> str:
    """`text` as a slug, in lower case; InvalidInput when its form is wrong or the word is reserved."""
    slug = text.strip().lower()
    if not SLUG.fullmatch(slug):
        raise InvalidInput("A slug has 3 to 50 letters a-z, digits, '-' or '_'", field="slug")
    if slug in RESERVED:
        raise InvalidInput(
            Text("'{slug}' is a reserved word; choose another slug", slug=slug),
            code="slug_reserved",
            field="slug",
        )
    return slug


def make_room_for_slug(session: Session, settings: Settings, account_id: int, slug: str) -> None:
    """Make sure that the account may have one more slug, unless `slug` is given already. Raises Conflict `quota_exceeded`."""
    if session.get(PoolSlug, slug) is None:
        make_room(session, settings, account_id, Quota.SLUGS)


def take_slug(session: Session, slug: str, pool_id: int) -> None:
    """Give `slug` to the pool in the caller's transaction; Conflict when another pool has or had it.

    The primary key decides between two who want it at once, not a query before.
    """
    held = session.get(PoolSlug, slug)
    if held is None:
        session.add(PoolSlug(slug=slug, pool_id=pool_id))
        flush_slug(session, slug)
    elif held.pool_id != pool_id:
        raise _taken(slug)


def flush_slug(session: Session, slug: str) -> None:
    """Send what waits to the database; Conflict when the uniqueness of `slug` stands against it."""
    try:
        session.flush()
    except IntegrityError as error:
        raise _taken(slug) from error


def _taken(slug: str) -> Conflict:
    return Conflict(
        Text("The slug '{slug}' is taken; choose another", slug=slug), code="slug_taken", field="slug"
    )
