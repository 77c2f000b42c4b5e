"""The overview, and the strip about the installation itself."""

from __future__ import annotations

from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from blueprints.panel.blueprint import blueprint
from blueprints.panel.notices import latest
from blueprints.panel.problems import problems
from blueprints.panel.strategies import strategies
from services.alerts.notifications.incidents import unread_incidents
from services.fleet.workers.copies import CopiesState
from services.operations.readiness import SERVICES
from services.reporting.analytics.condition import Condition, condition
from services.reporting.analytics.overview import overview as figures
from services.reporting.analytics.series import Span
from web.access import caller, public, signed_in
from web.platform import platform

SWEEP_LATE_SECONDS = 60  # four sweeps missed
SHOWN_NOTIFICATIONS = 5


@blueprint.get("/")
@public
def home() -> ResponseReturnValue:
    """The address people type."""
    return redirect(url_for("panel.overview"))


@blueprint.get("/panel")
@signed_in
def overview() -> str:
    """The fleet at a glance."""
    return render_template("panel/overview.html", initial=_live(Span.HOUR), strategies=strategies)


@blueprint.get("/panel/live/overview")
@signed_in
def live_overview() -> dict[str, Any]:
    """The overview's numbers, for its script; `span` is "hour" or "day"."""
    return _live(Span.DAY if request.args.get("span") == Span.DAY else Span.HOUR)


def _live(span: Span) -> dict[str, Any]:
    who = caller()
    now = condition(platform())
    found = figures(platform(), who, span).as_json()
    if who.is_admin and now.waiting is not None:
        found["tiles"]["updates_waiting"] = now.waiting  # of all accounts, so for admins only
    return {
        **found,
        "notifications": latest(SHOWN_NOTIFICATIONS),
        "unread": unread_incidents(platform(), who),
        "system": {"parts": [*system_parts(now), *(_programs(now) if who.is_admin else ())]},
        "problems": problems(),
    }


def system_parts(now: Condition) -> list[dict[str, Any]]:
    """The strip: each process and the last sweep, good or not."""
    if not now.redis:
        return [{"name": "redis", "label": "Redis", "text": _("does not answer"), "ok": False}]
    parts = [_process(service, now.running.get(service, 0)) for service in SERVICES]
    age = now.sweep_age
    late = age is None or age > SWEEP_LATE_SECONDS
    said = _("never") if age is None else _("%(seconds)s s ago", seconds=round(age))
    return [*parts, {"name": "sweep", "label": _("Last health sweep"), "text": said, "ok": not late}]


def _programs(now: Condition) -> list[dict[str, Any]]:
    """Bots' own programs that are started here, of all accounts; nothing where there are none."""
    counts = now.programs
    if not counts:
        return []
    running, asleep, failed = (counts.get(state, 0) for state in CopiesState)
    said = _("%(running)s running, %(asleep)s asleep", running=running, asleep=asleep)
    if failed:
        said = _("%(others)s, %(failed)s out of order", others=said, failed=failed)
    return [{"name": "bot-programs", "label": _("Bots' programs"), "text": said, "ok": not failed}]


def _process(service: str, running: int) -> dict[str, Any]:
    said = _("not running") if not running else "" if running == 1 else f"× {running}"
    return {"name": service, "label": service, "text": said, "ok": running > 0}
