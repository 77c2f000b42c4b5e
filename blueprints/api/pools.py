"""REST API of pools and their members."""

from __future__ import annotations

from operator import itemgetter

from flask import Blueprint, Response, request, url_for
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from blueprints.api.body import Page, listing, page_of
from blueprints.api.downloads import CSV, as_csv, as_workbook
from blueprints.api.operation import Created, operation
from blueprints.api.reports import AnalyticsQuery, PeriodQuery
from models import RedirectPool
from services.core.answer_types import Listing
from services.core.times import utc_now
from services.fleet.configuration.sharing import DriftView, behaviour_drift
from services.fleet.health.uptime import Window
from services.fleet.health.wave import revert_wave
from services.fleet.pools import members, pools
from services.fleet.pools.fields import MemberChange, NewMember, NewPool, PoolChange
from services.fleet.pools.members import MemberView, describe_member
from services.fleet.pools.pools import PoolView, PoolWholeView, describe
from services.fleet.pools.qr import qr_svg
from services.platform.accounts.principal import Scope
from services.reporting.analytics.file_rows import for_files
from services.reporting.analytics.period import period
from services.reporting.analytics.pool import pool_analytics
from services.reporting.analytics.report import AnalyticsView, PoolAnalytics
from services.reporting.analytics.timeline import (
    MemberFailureView,
    TransitionView,
    pool_failures,
    pool_transitions,
)
from services.reporting.analytics.wave_timeline import WaveTimelineView, wave_timeline
from services.reporting.analytics.waves import WaveView, list_waves
from services.reporting.analytics.workbook import XLSX
from services.reporting.pool_status import PoolStatus, pool_status
from web.access import api, caller, fresh
from web.platform import platform

blueprint = Blueprint("pools", __name__, url_prefix="/redirect-pools")


class DriftQuery(BaseModel):
    """What bots are compared with."""

    like: str | None = Field(None, max_length=32, description="a bot in the pool; else what most of them do")


class RevertedView(TypedDict):
    """How many spares are spares again."""

    reverted: int


@blueprint.post("")
@api(Scope.WRITE)
@operation(errors=(404,))
def create(body: NewPool) -> Created[PoolWholeView]:
    """Make a pool."""
    pool = pools.create_pool(platform(), caller(), body)
    return Created(_whole(pool), url_for(".show", pool_id=pool.id))


@blueprint.get("")
@api(Scope.READ)
@operation()
def index(query: Page) -> Listing[PoolView]:
    """The caller's pools, oldest first."""
    found = pools.list_pools(platform(), caller(), after=query.after, limit=query.limit + 1)
    return page_of(found, query, describe)


@blueprint.get("/<int:pool_id>")
@api(Scope.READ)
@operation()
def show(pool_id: int) -> PoolWholeView:
    """One pool with its members."""
    return _whole(pools.get_pool(platform(), caller(), pool_id))


@blueprint.patch("/<int:pool_id>")
@api(Scope.WRITE)
@operation(errors=(409,))
def change(pool_id: int, body: PoolChange) -> PoolWholeView:
    """Change what the body names."""
    return _whole(pools.update_pool(platform(), caller(), pool_id, body))


@blueprint.delete("/<int:pool_id>")
@api(Scope.WRITE)
@fresh()
@operation(errors=(409,))
def delete(pool_id: int) -> None:
    """Delete a pool with its clicks."""
    pools.delete_pool(platform(), caller(), pool_id)


@blueprint.get("/<int:pool_id>/status")
@api(Scope.READ)
@operation()
def status(pool_id: int, query: PeriodQuery) -> PoolStatus:
    """The pool as it stands: health, traffic, capacity, each member, with its uptime in the period asked for."""
    about = period(query.begin, query.end, query.tz, utc_now())
    return pool_status(platform(), caller(), pool_id, Window(about.begin, about.end))


@blueprint.post("/<int:pool_id>/wave/revert")
@api(Scope.WRITE)
@operation()
def revert(pool_id: int) -> RevertedView:
    """Make the spares that a ban wave promoted spares again."""
    return {"reverted": revert_wave(platform(), caller(), pool_id)}


@blueprint.get("/<int:pool_id>/waves")
@api(Scope.READ)
@operation()
def waves(pool_id: int, query: Page) -> Listing[WaveView]:
    """The pool's ban waves, newest first."""
    found = list_waves(platform(), caller(), pool_id, before=query.after, limit=query.limit + 1)
    return page_of(found, query, lambda wave: wave, itemgetter("id"))


@blueprint.get("/<int:pool_id>/waves/<int:wave_id>")
@api(Scope.READ)
@operation()
def wave(pool_id: int, wave_id: int) -> WaveTimelineView:
    """A ban wave minute by minute: losses, spares, alerts, clicks, the way back."""
    return wave_timeline(platform(), caller(), pool_id, wave_id)


@blueprint.get("/<int:pool_id>/analytics")
@api(Scope.READ)
@operation()
def analytics(pool_id: int, query: AnalyticsQuery) -> AnalyticsView:
    """Clicks, visitors, starts and conversion of a period, by hour, day, source, country, device or bot."""
    return _report(pool_id, query).as_json()


@blueprint.get("/<int:pool_id>/analytics.csv")
@api(Scope.READ)
@operation(media=CSV)
def analytics_csv(pool_id: int, query: AnalyticsQuery) -> Response:
    """The rows of the same report as CSV, for programs."""
    report = _report(pool_id, query)
    return as_csv(_file_name(report), *for_files(report.cells, report.listed(report.rows)))


@blueprint.get("/<int:pool_id>/analytics.xlsx")
@api(Scope.READ)
@operation(media=XLSX)
def analytics_xlsx(pool_id: int, query: AnalyticsQuery) -> Response:
    """The rows of the same report as a workbook, for spreadsheets."""
    report = _report(pool_id, query)
    return as_workbook(_file_name(report), *for_files(report.cells, report.listed(report.rows)))


@blueprint.get("/<int:pool_id>/transitions")
@api(Scope.READ)
@operation()
def transitions(pool_id: int, query: Page) -> Listing[TransitionView]:
    """Changes of the members' states, newest first."""
    found = pool_transitions(platform(), caller(), pool_id, before=query.after, limit=query.limit)
    return listing(*found)


@blueprint.get("/<int:pool_id>/failures")
@api(Scope.READ)
@operation()
def failures(pool_id: int) -> Listing[MemberFailureView]:
    """The last failed checks, at most ten of each member, newest first."""
    return listing(pool_failures(platform(), caller(), pool_id))


@blueprint.get("/<int:pool_id>/qr.svg")
@api(Scope.READ)
@operation(media="image/svg+xml")
def qr_code(pool_id: int) -> Response:
    """The QR code of the pool's link as SVG."""
    pool = pools.get_pool(platform(), caller(), pool_id)
    link = f"{platform().settings.public_url or request.host_url.rstrip('/')}/go/{pool.slug}"
    return Response(qr_svg(link), content_type="image/svg+xml", headers={"Cache-Control": "no-store"})


@blueprint.get("/<int:pool_id>/bots")
@api(Scope.READ)
@operation()
def bots(pool_id: int) -> Listing[MemberView]:
    """The members of a pool."""
    pool = pools.get_pool(platform(), caller(), pool_id)
    return listing([describe_member(member) for member in pool.members])


@blueprint.post("/<int:pool_id>/bots")
@api(Scope.WRITE)
@operation()
def add_bot(pool_id: int, body: NewMember) -> Created[MemberView]:
    """Put a bot into the pool."""
    return Created(describe_member(members.add_member(platform(), caller(), pool_id, body)))


@blueprint.patch("/<int:pool_id>/bots/<bot_id>")
@api(Scope.WRITE)
@operation()
def change_bot(pool_id: int, bot_id: str, body: MemberChange) -> MemberView:
    """Change weight, priority or switches of a member."""
    return describe_member(members.update_member(platform(), caller(), pool_id, bot_id, body))


@blueprint.delete("/<int:pool_id>/bots/<bot_id>")
@api(Scope.WRITE)
@operation()
def remove_bot(pool_id: int, bot_id: str) -> None:
    """Take a bot out of the pool."""
    members.remove_member(platform(), caller(), pool_id, bot_id)


@blueprint.get("/<int:pool_id>/drift")
@api(Scope.READ)
@operation()
def drift(pool_id: int, query: DriftQuery) -> DriftView:
    """Which bots of a pool behave otherwise than the one that `like` names, or than most of them do, and how."""
    return behaviour_drift(platform(), caller(), pool_id, like=query.like)


def _file_name(report: PoolAnalytics) -> str:
    return f"{report.status.slug}-{report.by}-{report.period.day_of(report.period.begin)}"


def _report(pool_id: int, asked: AnalyticsQuery) -> PoolAnalytics:
    about = period(asked.begin, asked.end, asked.tz, utc_now())
    return pool_analytics(platform(), caller(), pool_id, about, asked.by)


def _whole(pool: RedirectPool) -> PoolWholeView:
    return {
        **describe(pool),
        "former_slugs": pools.former_slugs(platform(), pool),
        "members": [describe_member(member) for member in pool.members],
    }
