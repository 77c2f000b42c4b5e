"""Page: a pool's analytics of any period, and its latest clicks with their reasons."""

from __future__ import annotations

from typing import Any

from flask import render_template
from flask_babel import gettext as _

from blueprints.api.body import query
from blueprints.api.reports import AnalyticsQuery
from blueprints.panel.blueprint import blueprint
from blueprints.panel.plurals import ScriptText, counted
from services.core.times import utc_now
from services.fleet.pools.pools import describe, get_pool
from services.reporting.analytics.period import period
from services.reporting.analytics.pool import pool_analytics
from services.reporting.analytics.report import By
from web.access import caller, signed_in
from web.platform import platform

BREAKDOWNS = (By.SOURCE, By.CAMPAIGN, By.AD, By.COUNTRY, By.DEVICE, By.BOT)


@blueprint.get("/panel/pools/<int:pool_id>/analytics")
@signed_in
def analytics(pool_id: int) -> str:
    """The page of one pool; its numbers are fetched by its script, which knows the reader's time zone."""
    pool = describe(get_pool(platform(), caller(), pool_id))
    return render_template("panel/analytics.html", section="panel.pools", pool=pool)


@blueprint.get("/panel/live/pools/<int:pool_id>/analytics")
@signed_in
def live_analytics(pool_id: int) -> dict[str, Any]:
    """The API's report with every breakdown at once."""
    asked = query(AnalyticsQuery)
    about = period(asked.begin, asked.end, asked.tz, utc_now())
    report = pool_analytics(platform(), caller(), pool_id, about, asked.by, also=BREAKDOWNS)
    breakdowns = {str(by): report.listed(rows) for by, rows in report.breakdowns.items()}
    return {**report.as_json(), "breakdowns": breakdowns}


def analytics_texts() -> dict[str, ScriptText]:
    """What the page's scripts say."""
    return {
        "analytics.summary": _("{redirects} and {starts} from {from} to {to}"),
        "analytics.n_starts": counted("{count} start", "{count} starts"),
        "analytics.starts": _("Starts"),
        "analytics.no_start": _("Clicks without a start"),
        "analytics.per_click": _("{value} per click"),
        "analytics.direct": _("Direct"),
        "analytics.unknown": _("Unknown"),
        "analytics.other": _("Others"),
        "analytics.fallback": _("Fallback"),
        "analytics.deleted": _("Deleted bot"),
        "analytics.losses": counted("{count} time offline or banned", "{count} times offline or banned"),
        "analytics.redirects": counted("{count} redirect", "{count} redirects"),
        "analytics.p95": _("95% below {ms} ms"),
        "analytics.wrong_dates": _("Choose a first and a last day, at most 400 days apart."),
        "device.phone": _("Phone"),
        "device.tablet": _("Tablet"),
        "device.desktop": _("Computer"),
        "device.other": _("Other device"),
        "audience.human": _("Person"),
        "audience.crawler": _("Crawler"),
        "audience.preview": _("Link preview"),
        "audience.prefetch": _("Prefetch"),
        "audience.head": _("HEAD request"),
        "click.over_limit": _("over the limit"),
        "click.no_bot": _("no bot"),
        "click.started": _("Started"),
        "click.not_started": _("No start"),
        **_reasons(),
    }


def _reasons() -> dict[str, str]:
    return {
        "rule.round_robin": _("Round robin: the bots take turns, and this was the turn of the one marked."),
        "rule.weighted": _("Weighted: the bots take turns as often as their weights say."),
        "rule.least_connections": _(
            "Least connections: the bot with the fewest redirects and chats of the last five minutes for its weight."
        ),
        "rule.random": _("Random: chance decided among the candidates."),
        "rule.sticky": _("Same visitor, same bot: this visitor belongs to the bot marked while it is well."),
        "rule.nobody": _("Nobody could serve and there was no fallback: the visitor saw an error page."),
        "rule.fallback_url": _("Nobody could serve: the visitor was sent to the fallback address."),
        "rule.fallback": _("Nobody of this pool could serve: the fallback pool did."),
        "tier.tier1": _("Preferred bots served."),
        "tier.tier0": _("Normal bots served."),
        "tier.tier-1": _("Only backup bots were left."),
        "tier.degraded": _("No bot was online: degraded ones served."),
        "explain.position": _("Position {position} of the shared rotation."),
        "explain.factor": _("{percent} of its share"),
        "explain.share": _("weight {share}"),
        "explain.chosen": _("chosen"),
    }
