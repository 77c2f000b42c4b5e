"""The page as visitors get it: one read of Redis, and about twice a minute five queries, however many come."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

from redis import RedisError
from sqlalchemy import select

from models import StatusPage
from services.core.errors import NotFound
from services.core.times import utc_now
from services.platform.platform import Platform
from services.platform.redis import upkeep_keys
from services.reporting.status_page.page import PublicPage, read_page

logger = logging.getLogger(__name__)
KEPT_SECONDS: Final = 30  # also how long a page may be seen after it was switched off while Redis was away
TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{22}")  # as `choices` makes them; anything else costs no query


@dataclass(frozen=True)
class RenderedPage:
    """A page as HTML in one language, and whether search engines may list it."""

    html: str
    allows_search: bool


def public_page(
    platform: Platform, token: str, locale: str, render: Callable[[PublicPage], str]
) -> RenderedPage:
    """The page of that address; `render` makes its HTML when there is no fresh copy in the language.

    NotFound for one that is switched off as for one that never was; raises Unavailable.
    """
    if not TOKEN.fullmatch(token):
        raise _nowhere()
    name = upkeep_keys.status_page(token, locale)
    kept = _kept(platform, name)
    if kept is not None:
        return kept
    with platform.database.reading() as session:
        page = session.scalar(select(StatusPage).where(StatusPage.token == token, StatusPage.is_on))
        if page is None:
            raise _nowhere()
        found = read_page(session, page, utc_now())
    made = RenderedPage(render(found), found["allows_search"])
    _keep(platform, name, made)
    return made


def _kept(platform: Platform, name: str) -> RenderedPage | None:
    try:
        body: Any = platform.redis.get(name)
    except RedisError:
        logger.debug("no copy of the status page: Redis is away")
        return None
    return RenderedPage(**json.loads(body)) if body else None


def _keep(platform: Platform, name: str, page: RenderedPage) -> None:
    try:
        platform.redis.set(name, json.dumps(asdict(page)), ex=KEPT_SECONDS)
    except RedisError:
        logger.debug("the status page is not kept: Redis is away")


def _nowhere() -> NotFound:
    return NotFound("There is no such status page", code="status_page_not_found")
