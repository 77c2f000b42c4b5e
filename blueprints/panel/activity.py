"""Pages: who did what, in one's own account and, for admins, in all."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from flask import render_template, request, url_for

from blueprints.panel.blueprint import blueprint
from services.core.identifiers import parsed_id
from services.fleet.bots.registry import list_bots
from services.fleet.pools.pools import list_pools
from services.reporting.audit_trail import ORIGIN_TEXTS, Origin, TrailFilter, list_trail
from services.reporting.event_texts import EVENT_TEXTS, MEMBER_STATE, kind_text
from web.access import caller, signed_in
from web.platform import platform

LISTED = 50
FIELDS = ("actor", "kind", "origin", "bot_id", "pool_id", "since", "until")  # of the filter
CHOICES = 200  # bots and pools offered by the filter


@blueprint.get("/panel/account/activity")
@signed_in
def activity() -> str:
    """What was done in the account, newest first, with each field before and after."""
    return _page(everybody=False)


@blueprint.get("/panel/admin/activity")
@signed_in
def all_activity() -> str:
    """The same of all accounts, for admins."""
    return _page(everybody=True)


def _page(*, everybody: bool) -> str:
    wanted = _asked()
    asked: dict[str, Any] = {name: value for name, value in request.args.items() if name in FIELDS and value}
    found = list_trail(platform(), caller(), wanted, everybody=everybody, limit=LISTED + 1)
    more = {**asked, "cursor": found[LISTED - 1]["id"]} if len(found) > LISTED else None
    return render_template(
        "panel/activity.html",
        section="my_account.page",
        everybody=everybody,
        entries=found[:LISTED],
        asked=asked,
        is_later="cursor" in request.args,
        older=url_for(request.endpoint or "", **more) if more else None,
        export=_export(wanted, everybody=everybody),
        kinds={kind: kind_text(kind) for kind in sorted(EVENT_TEXTS) if kind != MEMBER_STATE},
        origins=ORIGIN_TEXTS,
        bots=[] if everybody else list_bots(platform(), caller(), limit=CHOICES),
        pools=[] if everybody else list_pools(platform(), caller(), limit=CHOICES),
    )


def _asked() -> TrailFilter:
    """The filter of the address; what is no choice there is left out."""
    given, until = request.args, _day("until")
    kind, origin = given.get("kind", ""), given.get("origin", "")
    return TrailFilter(
        actor=given.get("actor", "").replace("\0", "").strip()[:100],
        kind=kind if kind in EVENT_TEXTS else "",
        origin=Origin(origin) if origin in set(Origin) else None,
        bot_id=parsed_id(given.get("bot_id", "")),
        pool_id=parsed_id(given.get("pool_id", "")),
        begin=_day("since"),
        end=until + timedelta(days=1) if until else None,
        before=parsed_id(given.get("cursor", "")),
    )


def _day(name: str) -> datetime | None:
    try:
        day = date.fromisoformat(request.args.get(name, ""))
        return datetime(day.year, day.month, day.day, tzinfo=UTC) if day.year < 9999 else None
    except ValueError:
        return None


def _export(wanted: TrailFilter, *, everybody: bool) -> str:
    given: dict[str, Any] = {
        "everybody": "true" if everybody else None,
        "actor": wanted.actor or None,
        "kind": wanted.kind or None,
        "origin": wanted.origin,
        "bot_id": wanted.bot_id,
        "pool_id": wanted.pool_id,
        "from": wanted.begin and wanted.begin.isoformat(),
        "to": wanted.end and wanted.end.isoformat(),
    }
    return url_for("v1.audit.export_csv", **{name: value for name, value in given.items() if value})
