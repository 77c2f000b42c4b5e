"""Pages: a pool's ban waves, and each one minute by minute."""

from __future__ import annotations

from typing import Any

from flask import render_template
from flask_babel import gettext as _

from blueprints.panel.blueprint import blueprint
from blueprints.panel.plurals import ScriptText, counted
from blueprints.panel.problems import surroundings
from services.fleet.pools.pools import describe, get_pool
from services.reporting.analytics.wave_timeline import WaveTimelineView, wave_timeline
from services.reporting.analytics.waves import list_waves
from web.access import caller, signed_in
from web.platform import platform

LISTED = 100


@blueprint.get("/panel/pools/<int:pool_id>/waves")
@signed_in
def waves(pool_id: int) -> str:
    """The pool's waves, newest first."""
    pool = describe(get_pool(platform(), caller(), pool_id))
    found = list_waves(platform(), caller(), pool_id, limit=LISTED)
    return render_template("panel/waves.html", section="panel.pools", pool=pool, waves=found)


@blueprint.get("/panel/pools/<int:pool_id>/waves/<int:wave_id>")
@signed_in
def wave(pool_id: int, wave_id: int) -> str:
    """One wave, live while it stands."""
    return render_template("panel/wave.html", section="panel.pools", initial=_timeline(pool_id, wave_id))


@blueprint.get("/panel/live/pools/<int:pool_id>/waves/<int:wave_id>")
@signed_in
def live_wave(pool_id: int, wave_id: int) -> dict[str, Any]:
    """The same for the page's script."""
    return {**_timeline(pool_id, wave_id), **surroundings()}


def _timeline(pool_id: int, wave_id: int) -> WaveTimelineView:
    return wave_timeline(platform(), caller(), pool_id, wave_id)


def wave_texts() -> dict[str, ScriptText]:
    """What the scripts of a pool and of a wave say about it."""
    return {**_banner(), **_events(), **_figures()}


def _banner() -> dict[str, str]:
    return {
        "wave.lost": _("Since {time} two or more bots were lost within ten minutes: {lost}."),
        "wave.lost_unnamed": _("At {time} two or more bots were lost within ten minutes."),
        "wave.promoted": _("Backups that stepped in, slowly at first: {promoted}."),
        "wave.nobody": _(
            "No backup stood by. Give a bot the priority “Backup” so that it steps in next time."
        ),
        "wave.revert.title": _("End the ban wave of {pool}?"),
        "wave.revert.text": _(
            "The promoted bots become backups again and get no new visitors while another bot can serve: {promoted}. Do this when enough other bots are well."
        ),
        "wave.revert.action": _("Revert"),
        "wave.close": _("Close this notice"),
        "wave_closed": _("The notice is closed. The bots that were lost are watched as before."),
        "wave_reverted": _("The wave is over: the promoted bots are backups again."),
        "error.no_wave": _("No ban wave stands any more. Load the page again."),
        "promoted": _("backup that stepped in"),
    }


def _events() -> dict[str, ScriptText]:
    """One sentence per kind of event of services/reporting/analytics/wave_timeline.py."""
    return {
        "wave.event.lost": _("{bot} was lost: {cause}"),
        "wave.event.banned": _("{bot} was banned: {cause}"),
        "wave.event.back": _("{bot} is back"),
        "wave.event.promoted": _("{bot} stepped in, slowly at first"),
        "wave.event.member_removed": _("{bot} was removed from the pool"),
        "wave.event.member_added": _("{bot} was added to the pool"),
        "wave.event.member_allowed": _("{bot} was let back in by its owner"),
        "wave.event.wave_reverted": _("The promoted bots became backups again"),
        "wave.event.deleted_bot": _("a deleted bot"),
        "wave.sent": counted("sent to {count} destination", "sent to {count} destinations"),
        "wave.failed": counted("{count} delivery failed", "{count} deliveries failed"),
        "wave.pending": counted("{count} delivery on its way", "{count} deliveries on their way"),
        "wave.panel_only": _("in the panel alone: no destination wants it"),
    }


def _figures() -> dict[str, ScriptText]:
    return {
        "wave.state.open": _("Still open"),
        "wave.state.standing": _("The promotions stand"),
        "wave.state.reverted": _("Over"),
        "wave.away": _("{away} of {total} still away"),
        "wave.recovered": _("back since {time}"),
        "wave.removed": _("removed from the pool"),
        "wave.clicks": counted("{count} click this minute", "{count} clicks this minute"),
        "wave.clicks_unanswered": counted(
            "{count} click this minute, {unanswered} without a bot",
            "{count} clicks this minute, {unanswered} without a bot",
        ),
        "wave.answered": _("Answered by a bot"),
        "wave.unanswered": _("Without a bot"),
        "wave.summary": _("Clicks per minute: {before} before, {during} during, {after} after the wave"),
        "wave.phase.before": _("before"),
        "wave.phase.during": _("during"),
        "wave.phase.after": _("after"),
    }
