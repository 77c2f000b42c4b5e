"""Pages: the pools as cards, and one pool's live page."""

from __future__ import annotations

from typing import Any

from flask import render_template, request

from blueprints.panel.blueprint import blueprint
from blueprints.panel.managed_bots import making
from blueprints.panel.problems import problems
from blueprints.panel.strategies import strategies
from services.alerts.notifications.incidents import unread_incidents
from services.fleet.bots.registry import list_bots
from services.fleet.experiments.experiments import running_experiment
from services.fleet.experiments.rules import list_rules
from services.fleet.health.readmission import allow_return
from services.fleet.pools.members import describe_member
from services.fleet.pools.pools import describe, get_pool, list_pools
from services.fleet.pools.switches import switched_state, switches_of
from services.reporting.analytics.fleet import pool_cards
from services.reporting.analytics.pool_live import pool_live
from services.reporting.analytics.series import Span
from web.access import caller, signed_in
from web.platform import platform


@blueprint.get("/panel/pools")
@signed_in
def pools() -> str:
    """All pools of the caller."""
    return render_template("panel/pools.html", initial=card_rows(), strategies=strategies)


@blueprint.get("/panel/live/pools")
@signed_in
def live_pools() -> dict[str, Any]:
    """The same for the page's script."""
    return {
        "pools": card_rows(),
        "problems": problems(),
        "unread": unread_incidents(platform(), caller()),
    }


@blueprint.get("/panel/pools/<int:pool_id>")
@signed_in
def pool(pool_id: int) -> str:
    """One pool, live."""
    return render_template(
        "panel/pool.html",
        section="panel.pools",
        initial=_pool_live(pool_id),
        diverted=_diverted(pool_id),
        making=making(),
        strategies=strategies,
    )


@blueprint.get("/panel/live/pools/<int:pool_id>")
@signed_in
def live_pool(pool_id: int) -> dict[str, Any]:
    """The same for the page's script; `span` is "hour" or "day"."""
    return {
        **_pool_live(pool_id),
        "problems": problems(),
        "unread": unread_incidents(platform(), caller()),
    }


@blueprint.get("/panel/live/pools/<int:pool_id>/members")
@signed_in
def live_members(pool_id: int) -> dict[str, Any]:
    """The two columns of "manage bots": who is in the pool, and who could be."""
    pool = get_pool(platform(), caller(), pool_id)
    inside = {member.bot_id for member in pool.members}
    return {
        "pool": describe(pool),
        "members": [
            {**describe_member(member), "state": switched_state(member.status, switches_of(member))}
            for member in pool.members
        ],
        "available": [
            {"id": bot.id, "username": bot.username, "name": bot.name}
            for bot in list_bots(platform(), caller())
            if bot.id not in inside
        ],
    }


@blueprint.get("/panel/live/pools/<int:pool_id>/settings")
@signed_in
def live_settings(pool_id: int) -> dict[str, Any]:
    """What the settings dialog shows: the pool, and the pools it could fall back to."""
    pool = get_pool(platform(), caller(), pool_id)
    return {"pool": describe(pool), "others": [other for other in pool_names() if other["id"] != pool.id]}


@blueprint.post("/panel/live/pools/<int:pool_id>/members/<int:bot_id>/allow")
@signed_in
def allow_member(pool_id: int, bot_id: int) -> tuple[str, int]:
    """Let a banned bot be checked again, and back in if it is well."""
    allow_return(platform(), caller(), pool_id, bot_id)
    return "", 204


def card_rows() -> list[dict[str, Any]]:
    """The caller's pools for cards."""
    return [card.as_json() for card in pool_cards(platform(), caller())]


def pool_names() -> list[dict[str, Any]]:
    """The caller's pools by name alone, for choices."""
    return [{"id": pool.id, "name": pool.name} for pool in list_pools(platform(), caller())]


def _diverted(pool_id: int) -> dict[str, Any]:
    """What takes visitors of the pool's link elsewhere: its running experiment, its active rules; and its fallback."""
    pool = get_pool(platform(), caller(), pool_id)
    running = running_experiment(platform(), caller(), pool_id)
    rules = list_rules(platform(), caller(), pool_id)
    return {
        "experiment": running,
        "percent": sum(arm.percent for arm in running.arms if arm.pool_id != pool_id) if running else 0,
        "rules": sum(rule.is_active and rule.target_pool_id != pool_id for rule in rules),
        "has_fallback": bool(pool.fallback_url or pool.fallback_pool_id),
    }


def _pool_live(pool_id: int) -> dict[str, Any]:
    span = Span.DAY if request.args.get("span") == Span.DAY else Span.HOUR
    return pool_live(platform(), caller(), pool_id, span)
