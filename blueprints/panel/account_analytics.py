"""Page: analytics over all pools, with a filter by click, the time before, and clicks as they arrive."""

from __future__ import annotations

from typing import Any

from flask import render_template
from flask_babel import gettext as _

from blueprints.api.body import query
from blueprints.api.reports import AccountQuery, SegmentQuery
from blueprints.panel.blueprint import blueprint
from blueprints.panel.problems import surroundings
from services.alerts.notifications.incidents import unread_incidents
from services.core.times import utc_now
from services.reporting.analytics.account import account_analytics as report_of
from services.reporting.analytics.account_report import AccountBy
from services.reporting.analytics.latest import latest_clicks
from services.reporting.analytics.period import period
from web.access import caller, signed_in
from web.platform import platform

BREAKDOWNS = (
    AccountBy.POOL,
    AccountBy.SOURCE,
    AccountBy.CAMPAIGN,
    AccountBy.COUNTRY,
    AccountBy.DEVICE,
)


@blueprint.get("/panel/analytics")
@signed_in
def account_analytics() -> str:
    """The page; its numbers are fetched by its script, which knows the reader's time zone."""
    return render_template("panel/account_analytics.html")


@blueprint.get("/panel/live/analytics")
@signed_in
def live_account_analytics() -> dict[str, Any]:
    """The API's report with every breakdown that is kept of the segment; ads are many, and shown of a chosen source."""
    asked = query(AccountQuery)
    about = period(asked.begin, asked.end, asked.tz, utc_now())
    also = BREAKDOWNS if asked.source is None else (*BREAKDOWNS, AccountBy.AD)
    report = report_of(platform(), caller(), about, asked.by, asked.segment, also=also)
    breakdowns = {str(by): report.listed(rows) for by, rows in report.breakdowns.items()}
    return {**report.as_json(), "breakdowns": breakdowns}


@blueprint.get("/panel/live/analytics/clicks")
@signed_in
def live_clicks() -> dict[str, Any]:
    """The newest clicks of the segment, with the names of their bots and pools."""
    found = latest_clicks(platform(), caller(), query(SegmentQuery).segment)
    return {**found, **surroundings(), "unread": unread_incidents(platform(), caller())}


def account_analytics_texts() -> dict[str, str]:
    """What the page's scripts say."""
    return {
        "analytics.points": _("{points} points"),
        "analytics.before": _("before: {value}"),
        "analytics.no_campaign": _("No campaign"),
        "analytics.no_ad": _("No ad"),
        "segment.pool_id": _("Pool"),
        "segment.source": _("Source"),
        "segment.campaign": _("Campaign"),
        "segment.ad": _("Ad"),
        "segment.country": _("Country"),
        "segment.device": _("Device"),
    }
