"""REST API of pools and their members."""

from __future__ import annotations

from operator import itemgetter

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.api.body import listing, page, page_of, parse, query
from blueprints.api.reports import AnalyticsQuery, PeriodQuery
from models import RedirectPool
from services.core.times import utc_now
from services.fleet.health.uptime import Window
from services.fleet.health.wave import revert_wave
from services.fleet.pools import members, pools
from services.fleet.pools.fields import MemberChange, NewMember, NewPool, PoolChange
from services.fleet.pools.members import describe_member
from services.fleet.pools.pools import describe
from services.fleet.pools.qr import qr_svg
from services.platform.accounts.principal import Scope
from services.reporting.analytics.period import period
from services.reporting.analytics.pool import pool_analytics
from services.reporting.analytics.report import PoolAnalytics
from services.reporting.analytics.table import csv_lines
from services.reporting.analytics.timeline import pool_failures, pool_transitions
from services.reporting.analytics.wave_timeline import wave_timeline
from services.reporting.analytics.waves import list_waves
from services.reporting.pool_status import pool_status
from web.access import api, caller
from web.platform import platform

blueprint = Blueprint("pools", __name__, url_prefix="/redirect-pools")


@blueprint.post("")
@api(Scope.WRITE)
def create() -> ResponseReturnValue:
    """Make a pool."""
    pool = pools.create_pool(platform(), caller(), parse(NewPool))
    return _whole(pool), 201, {"Location": url_for(".show", pool_id=pool.id)}


@blueprint.get("")
@api(Scope.READ)
def index() -> ResponseReturnValue:
    """The caller's pools, oldest first."""
    asked = page()
    found = pools.list_pools(platform(), caller(), after=asked.after, limit=asked.limit + 1)
    return page_of(found, asked, describe)


@blueprint.get("/<int:pool_id>")
@api(Scope.READ)
def show(pool_id: int) -> ResponseReturnValue:
    """One pool with its members."""
    return _whole(pools.get_pool(platform(), caller(), pool_id))


@blueprint.patch("/<int:pool_id>")
@api(Scope.WRITE)
def change(pool_id: int) -> ResponseReturnValue:
    """Change what the body names."""
    return _whole(pools.update_pool(platform(), caller(), pool_id, parse(PoolChange)))


@blueprint.delete("/<int:pool_id>")
@api(Scope.WRITE)
def delete(pool_id: int) -> ResponseReturnValue:
    """Delete a pool with its clicks."""
    pools.delete_pool(platform(), caller(), pool_id)
    return "", 204


@blueprint.get("/<int:pool_id>/status")
@api(Scope.READ)
def status(pool_id: int) -> ResponseReturnValue:
    """The pool as it stands: health, traffic, capacity, each member, with its uptime in the period asked for."""
    asked = query(PeriodQuery)
    about = period(asked.begin, asked.end, asked.tz, utc_now())
    return pool_status(platform(), caller(), pool_id, Window(about.begin, about.end)).as_json()


@blueprint.post("/<int:pool_id>/wave/revert")
@api(Scope.WRITE)
def revert(pool_id: int) -> ResponseReturnValue:
    """Make the spares that a ban wave promoted spares again."""
    return {"reverted": revert_wave(platform(), caller(), pool_id)}


@blueprint.get("/<int:pool_id>/waves")
@api(Scope.READ)
def waves(pool_id: int) -> ResponseReturnValue:
    """The pool's ban waves, newest first."""
    asked = page()
    found = list_waves(platform(), caller(), pool_id, before=asked.after, limit=asked.limit + 1)
    return page_of(found, asked, dict, itemgetter("id"))


@blueprint.get("/<int:pool_id>/waves/<int:wave_id>")
@api(Scope.READ)
def wave(pool_id: int, wave_id: int) -> ResponseReturnValue:
    """A ban wave minute by minute: losses, spares, alerts, clicks, the way back."""
    return wave_timeline(platform(), caller(), pool_id, wave_id)


@blueprint.get("/<int:pool_id>/analytics")
@api(Scope.READ)
def analytics(pool_id: int) -> ResponseReturnValue:
    """Clicks, visitors, starts and conversion of a period, by hour, day, source, country, device or bot."""
    return _report(pool_id, query(AnalyticsQuery)).as_json()


@blueprint.get("/<int:pool_id>/analytics.csv")
@api(Scope.READ)
def analytics_csv(pool_id: int) -> ResponseReturnValue:
    """The rows of the same report as CSV."""
    report = _report(pool_id, query(AnalyticsQuery))
    lines = csv_lines(("key", "label", *report.columns), report.listed(report.rows))
    name = f"{report.status.slug}-{report.by}-{report.period.day_of(report.period.begin)}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(lines, content_type="text/csv; charset=utf-8", headers=headers)


@blueprint.get("/<int:pool_id>/transitions")
@api(Scope.READ)
def transitions(pool_id: int) -> ResponseReturnValue:
    """Changes of the members' states, newest first."""
    asked = page()
    found = pool_transitions(platform(), caller(), pool_id, before=asked.after, limit=asked.limit)
    return listing(*found)


@blueprint.get("/<int:pool_id>/failures")
@api(Scope.READ)
def failures(pool_id: int) -> ResponseReturnValue:
    """The last failed checks, at most ten of each member, newest first."""
    return listing(pool_failures(platform(), caller(), pool_id))


@blueprint.get("/<int:pool_id>/qr.svg")
@api(Scope.READ)
def qr_code(pool_id: int) -> ResponseReturnValue:
    """The QR code of the pool's link as SVG."""
    pool = pools.get_pool(platform(), caller(), pool_id)
    link = f"{platform().settings.public_url or request.host_url.rstrip('/')}/go/{pool.slug}"
    return Response(qr_svg(link), content_type="image/svg+xml", headers={"Cache-Control": "no-store"})


@blueprint.get("/<int:pool_id>/bots")
@api(Scope.READ)
def bots(pool_id: int) -> ResponseReturnValue:
    """The members of a pool."""
    pool = pools.get_pool(platform(), caller(), pool_id)
    return {"items": [describe_member(member) for member in pool.members], "next": None}


@blueprint.post("/<int:pool_id>/bots")
@api(Scope.WRITE)
def add_bot(pool_id: int) -> ResponseReturnValue:
    """Put a bot into the pool."""
    member = members.add_member(platform(), caller(), pool_id, parse(NewMember))
    return describe_member(member), 201


@blueprint.patch("/<int:pool_id>/bots/<bot_id>")
@api(Scope.WRITE)
def change_bot(pool_id: int, bot_id: str) -> ResponseReturnValue:
    """Change weight, priority or switches of a member."""
    return describe_member(members.update_member(platform(), caller(), pool_id, bot_id, parse(MemberChange)))


@blueprint.delete("/<int:pool_id>/bots/<bot_id>")
@api(Scope.WRITE)
def remove_bot(pool_id: int, bot_id: str) -> ResponseReturnValue:
    """Take a bot out of the pool."""
    members.remove_member(platform(), caller(), pool_id, bot_id)
    return "", 204


def _report(pool_id: int, asked: AnalyticsQuery) -> PoolAnalytics:
    about = period(asked.begin, asked.end, asked.tz, utc_now())
    return pool_analytics(platform(), caller(), pool_id, about, asked.by)


def _whole(pool: RedirectPool) -> dict[str, object]:
    return {
        **describe(pool),
        "former_slugs": pools.former_slugs(platform(), pool),
        "members": [describe_member(member) for member in pool.members],
    }
