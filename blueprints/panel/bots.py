"""Pages: the list of bots, and one bot with its tabs."""

from __future__ import annotations

from typing import Any

from flask import render_template

from blueprints.panel.blueprint import blueprint
from blueprints.panel.plugin_forms import plugin_forms
from blueprints.panel.pools import card_rows, pool_names
from blueprints.panel.problems import problems, surroundings
from blueprints.panel.strategies import strategies
from services.alerts.notifications.incidents import unread_incidents
from services.fleet.bots.registry import get_bot
from services.reporting.analytics.bots import bot_with_condition, bots_with_pools
from web.access import caller, signed_in
from web.platform import platform


@blueprint.get("/panel/bots")
@signed_in
def bots() -> str:
    """All bots of the caller."""
    return render_template("panel/bots.html", initial=_live(), pool_choices=pool_names())


@blueprint.get("/panel/live/bots")
@signed_in
def live_bots() -> dict[str, Any]:
    """The same for the page's script."""
    unread = unread_incidents(platform(), caller())
    return {**_live(), "problems": problems(), "unread": unread}


@blueprint.get("/panel/bots/<bot_id>")
@signed_in
def bot(bot_id: str) -> str:
    """One bot: general, behaviour, redirection."""
    return render_template(
        "panel/bot.html",
        section="panel.bots",
        bot=bot_with_condition(platform(), get_bot(platform(), caller(), bot_id)),
        plugins=plugin_forms(),
        link_url=platform().settings.telegram_link_url,
        pools=card_rows(),
        strategies=strategies,
    )


@blueprint.get("/panel/live/bots/<int:bot_id>")
@signed_in
def live_bot(bot_id: int) -> dict[str, Any]:
    """One bot for its page's script."""
    return {
        "bot": bot_with_condition(platform(), get_bot(platform(), caller(), bot_id)),
        **surroundings(),
    }


def _live() -> dict[str, Any]:
    return {
        "bots": bots_with_pools(platform(), caller()),
        "pools": pool_names(),
    }
