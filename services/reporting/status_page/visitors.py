"""The page as visitors get it: one read of Redis, and about twice a minute five queries, however many come."""

from __future__ import annotations

import json
import logging
import re
from typing import Any, Final

from redis import RedisError
from sqlalchemy import select

from models import StatusPage
from services.core.errors import NotFound
from services.core.times import utc_now
from services.platform.platform import Platform
from services.platform.redis import watching_keys
from services.reporting.status_page.page import PublicPage, read_page

logger = logging.getLogger(__name__)
KEPT_SECONDS: Final = 30  # also how long a page may be seen after it was switched off while Redis was away
TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{22}")  # as `choices` makes them; anything else costs no query


def public_page(platform: Platform, token: str) -> PublicPage:
    """The page of that address. NotFound for one that is switched off as for one that never was; raises Unavailable."""
    if not TOKEN.fullmatch(token):
        raise _nowhere()
    kept = _kept(platform, token)
    if kept is not None:
        return kept
    with platform.database.reading() as session:
        page = session.scalar(select(StatusPage).where(StatusPage.token == token, StatusPage.is_on))
        if page is None:
            raise _nowhere()
        found = read_page(session, page, utc_now())
    _keep(platform, token, found)
    return found


def _kept(platform: Platform, token: str) -> PublicPage | None:
    try:
        body: Any = platform.redis.get(watching_keys.status_page(token))
    except RedisError:
        logger.debug("no copy of the status page: Redis is away")
        return None
    page: PublicPage | None = json.loads(body) if body else None
    return page


def _keep(platform: Platform, token: str, page: PublicPage) -> None:
    try:
        platform.redis.set(watching_keys.status_page(token), json.dumps(page), ex=KEPT_SECONDS)
    except RedisError:
        logger.debug("the status page is not kept: Redis is away")


def _nowhere() -> NotFound:
    return NotFound("There is no such status page", code="status_page_not_found")
