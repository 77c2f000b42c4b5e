"""What an account chooses to show on its status page."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from redis import RedisError
from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from models import RedirectPool, StatusPage, StatusPagePool
from services.core.errors import InvalidInput, NotFound
from services.core.i18n import LOCALES
from services.core.times import utc_now
from services.platform.accounts.principal import Principal, audit
from services.platform.platform import Platform
from services.platform.redis import upkeep_keys
from services.platform.redis.jobs import JobName, enqueue
from services.reporting.status_page.page import PublicPage, read_page

logger = logging.getLogger(__name__)
MOST_POOLS: Final = 20
LONGEST_TITLE: Final = 100
LONGEST_LABEL: Final = 60
TOKEN_BYTES: Final = 16  # 22 characters that nobody guesses


@dataclass(frozen=True)
class ShownPool:
    """A pool and its public label; without one it is called as the pool is."""

    pool_id: int
    label: str = ""


@dataclass(frozen=True)
class Choices:
    """All that can be chosen; the pools in their order on the page."""

    is_on: bool = False
    title: str = ""
    shows_incidents: bool = True
    allows_search: bool = False
    pools: Sequence[ShownPool] = field(default=())


class ShownPoolView(TypedDict):
    """A pool on the page."""

    pool_id: int
    label: str


class StatusPageView(TypedDict):
    """An account's status page; `path` is where everybody finds it while it is on, null before it was ever saved."""

    is_on: bool
    title: str
    path: str | None
    shows_incidents: bool
    allows_search: bool
    pools: list[ShownPoolView]


def get_choices(platform: Platform, caller: Principal) -> StatusPageView:
    """The caller's own page, of which nothing is shown before it is switched on."""
    with platform.database.reading() as session:
        return _view(session.get(StatusPage, caller.account_id))


def choose(platform: Platform, caller: Principal, wanted: Choices) -> StatusPageView:
    """Show this from now on; a copy that a visitor's request made lives for half a minute at most.

    NotFound for somebody else's pool; InvalidInput for a page that is on with no pool, for too many, or one twice.
    """
    _check(wanted)
    with platform.database.transaction() as session:
        names = _own_names(session, caller, wanted.pools)
        page = _page_of(session, caller)
        page.is_on, page.title = wanted.is_on, wanted.title[:LONGEST_TITLE]
        page.shows_incidents, page.allows_search = wanted.shows_incidents, wanted.allows_search
        page.updated_at = utc_now()
        session.execute(delete(StatusPagePool).where(StatusPagePool.account_id == caller.account_id))
        session.expire(page, ["pools"])
        session.add_all(
            StatusPagePool(
                pool_id=shown.pool_id,
                account_id=caller.account_id,
                label=(shown.label or names[shown.pool_id])[:LONGEST_LABEL],
                position=position,
            )
            for position, shown in enumerate(wanted.pools)
        )
        audit(session, caller, "status_page_changed", is_on=wanted.is_on, pools=sorted(names))
        session.flush()
        view, token = _view(page), page.token
    _forget(platform, token)
    _ring(platform)
    return view


def renew_address(platform: Platform, caller: Principal) -> StatusPageView:
    """Give the page another address; the former one leads nowhere from now on."""
    with platform.database.transaction() as session:
        page = _page_of(session, caller)
        former, page.token = page.token, secrets.token_urlsafe(TOKEN_BYTES)
        audit(session, caller, "status_page_moved")
        session.flush()
        view = _view(page)
    _forget(platform, former)
    return view


def preview(platform: Platform, caller: Principal) -> PublicPage:
    """What everybody would see of the caller's page, whether or not it is on. NotFound before it was ever saved."""
    with platform.database.reading() as session:
        page = session.get(StatusPage, caller.account_id)
        if page is None:
            raise NotFound("Save the page first, then look at it", code="status_page_not_found")
        return read_page(session, page, utc_now())


def _check(wanted: Choices) -> None:
    ids = [shown.pool_id for shown in wanted.pools]
    if wanted.is_on and not ids:
        raise InvalidInput("Choose at least one pool to show", field="pools")
    if len(ids) > MOST_POOLS:
        raise InvalidInput("A status page shows 20 pools at most", field="pools")
    if len(set(ids)) < len(ids):
        raise InvalidInput("A pool is named twice", field="pools")


def _own_names(session: Session, caller: Principal, pools: Sequence[ShownPool]) -> dict[int, str]:
    """Names of the pools, which must be the caller's; an admin shows nobody else's things either."""
    ids = [shown.pool_id for shown in pools]
    query = select(RedirectPool.id, RedirectPool.name).where(
        RedirectPool.id.in_(ids), RedirectPool.account_id == caller.account_id
    )
    names = {pool_id: str(name) for pool_id, name in session.execute(query)}
    if len(names) < len(ids):
        raise NotFound("There is no such pool", code="pool_not_found")
    return names


def _page_of(session: Session, caller: Principal) -> StatusPage:
    page = session.get(StatusPage, caller.account_id, with_for_update=True)
    if page is None:
        page = StatusPage(account_id=caller.account_id, token=secrets.token_urlsafe(TOKEN_BYTES))
        session.add(page)
        session.flush()
    return page


def _view(page: StatusPage | None) -> StatusPageView:
    chosen = page or StatusPage(is_on=False, title="", shows_incidents=True, allows_search=False)
    return {
        "is_on": chosen.is_on,
        "title": chosen.title,
        "path": f"/status/{chosen.token}" if page else None,
        "shows_incidents": chosen.shows_incidents,
        "allows_search": chosen.allows_search,
        "pools": [{"pool_id": place.pool_id, "label": place.label} for place in chosen.pools],
    }


def _forget(platform: Platform, token: str) -> None:
    try:
        platform.redis.delete(*(upkeep_keys.status_page(token, locale) for locale in LOCALES))
    except RedisError:
        logger.warning("the copy of a status page stays for up to half a minute: Redis is away")


def _ring(platform: Platform) -> None:
    """A pool that was never counted gets its days now, and not at the clock's next round."""
    try:
        enqueue(platform.job_redis, JobName.COUNT_POOL_DAYS)
    except RedisError:
        logger.warning("the pools' days could not be rung for; the clock will")
