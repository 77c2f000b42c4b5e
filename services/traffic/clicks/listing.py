"""Clicks as they were stored, newest first, page by page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from typing_extensions import TypedDict

from models import Audience, Click, RedirectPool
from services.core.answer_types import Moment, one_of
from services.core.errors import InvalidInput
from services.core.times import iso
from services.platform.accounts.looking import looking
from services.platform.accounts.principal import Principal, get_owned
from services.platform.platform import Platform
from services.traffic.clicks.source import LONGEST_SOURCE

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_CURSOR: Final = re.compile(r"(\d{1,17})-([0-9A-Za-z]{1,16})")


@dataclass(frozen=True)
class ClickFilter:
    """Which clicks are wanted; None leaves a condition out, "" is the direct or unknown ones. `before` ends the time, exclusive."""

    pool_id: int | None = None
    bot_id: int | None = None
    since: datetime | None = None
    before: datetime | None = None
    audience: str | None = None
    source: str | None = None
    campaign: str | None = None
    ad: str | None = None
    country: str | None = None
    device: str | None = None
    counted: bool | None = None
    started: bool | None = None


def list_clicks(
    platform: Platform, caller: Principal, wanted: ClickFilter, *, cursor: str = "", limit: int = 50
) -> tuple[list[Click], str | None]:
    """Up to `limit` of the caller's clicks, newest first, and the cursor of the next page.

    NotFound for another's pool, InvalidInput for a cursor that is none.
    """
    account_id = caller.account_id
    with looking(platform, caller) as session:
        if wanted.pool_id is not None:
            account_id = get_owned(session, caller, RedirectPool, wanted.pool_id).account_id
        query = _filtered(select(Click).where(Click.account_id == account_id), wanted)
        if cursor:
            at, last = _position(cursor)
            # The first condition alone is what the index can be entered by.
            query = query.where(Click.at <= at, or_(Click.at < at, and_(Click.at == at, Click.id < last)))
        query = query.order_by(Click.at.desc(), Click.id.desc()).limit(limit + 1)
        found: Sequence[Click] = session.scalars(query).all()
    shown = list(found[:limit])
    return shown, _cursor(shown[-1]) if len(found) > limit else None


class ClickView(TypedDict):
    """A click. `bot_id` is null when no bot took it; `started_at` when it became no start yet."""

    id: str
    at: Moment
    pool_id: int
    bot_id: int | None
    audience: Annotated[str, one_of(Audience)]
    counted: bool
    over_limit: bool
    reason: str
    link_pool_id: int
    experiment_id: int | None
    rule_id: int | None
    source: str
    country: str
    device: str
    language: str
    referrer_host: str
    params: dict[str, Any]
    lead_id: int | None
    started_at: Moment | None


def describe_click(click: Click) -> ClickView:
    """A click as JSON; nobody's address is in it, because none is stored."""
    return {
        "id": click.id,
        "at": iso(click.at),
        "pool_id": click.pool_id,
        "bot_id": click.bot_id,
        "audience": click.audience,
        "counted": click.counted,
        "over_limit": click.over_limit,
        "reason": click.reason,
        "link_pool_id": click.link_pool_id or click.pool_id,
        "experiment_id": click.experiment_id,
        "rule_id": click.rule_id,
        "source": click.source,
        "country": click.country,
        "device": click.device,
        "language": click.language,
        "referrer_host": click.referrer_host,
        "params": click.params,
        "lead_id": click.lead_id,
        "started_at": iso(click.started_at),
    }


def _filtered(query: Select[Click], wanted: ClickFilter) -> Select[Click]:
    campaign = func.coalesce(Click.params["utm_campaign"].as_string(), Click.params["utm_id"].as_string(), "")
    ad = func.coalesce(Click.params["utm_content"].as_string(), "")
    equal: dict[Any, Any] = {
        _cut(campaign): wanted.campaign,
        _cut(ad): wanted.ad,
        Click.pool_id: wanted.pool_id,
        Click.bot_id: wanted.bot_id,
        Click.source: wanted.source,
        Click.audience: wanted.audience,
        Click.country: wanted.country,
        Click.device: wanted.device,
        Click.counted: wanted.counted,
    }
    query = query.where(*(column == value for column, value in equal.items() if value is not None))
    if wanted.since is not None:
        query = query.where(Click.at >= wanted.since)
    if wanted.before is not None:
        query = query.where(Click.at < wanted.before)
    if wanted.started is not None:
        query = query.where(Click.started_at.is_not(None) if wanted.started else Click.started_at.is_(None))
    return query


def _cut(text: ColumnElement[str]) -> ColumnElement[str]:
    """As `campaign_of` and `ad_of` cut what was written."""
    return func.substr(func.trim(text), 1, LONGEST_SOURCE)


def _cursor(click: Click) -> str:
    return f"{(click.at - _EPOCH) // timedelta(microseconds=1)}-{click.id}"


def _position(cursor: str) -> tuple[datetime, str]:
    found = _CURSOR.fullmatch(cursor)
    try:
        if found is not None:
            return _EPOCH + timedelta(microseconds=int(found[1])), found[2]
    except OverflowError:
        pass  # a moment no calendar has: refused like any other text that is no cursor
    raise InvalidInput("This cursor is none of ours; take `next` of the page before", field="cursor")
