"""Pages: goals & postbacks with payment providers' webhooks; the log of one postback; the calls of one webhook."""

from __future__ import annotations

from typing import Any

from flask import render_template, request

from blueprints.panel.blueprint import blueprint
from blueprints.panel.pools import pool_names
from models import PaymentWebhook
from services.fleet.bots.registry import list_bots
from services.traffic.goals.listing import GoalFilter, describe_goal, list_goals
from services.traffic.payments import webhooks
from services.traffic.payments.fields import WebhookView, describe_call, describe_webhook
from services.traffic.postbacks import registry
from services.traffic.postbacks.facts import MACROS
from services.traffic.postbacks.fields import describe_postback, describe_postback_delivery
from web.access import caller, signed_in
from web.platform import platform

LATEST_GOALS = 10


@blueprint.get("/panel/postbacks")
@signed_in
def postbacks() -> str:
    """All postbacks and webhooks of the caller, and the latest goals."""
    goals = list_goals(platform(), caller(), GoalFilter(), limit=LATEST_GOALS)
    return render_template(
        "panel/postbacks.html",
        postbacks=[describe_postback(row) for row in registry.list_postbacks(platform(), caller())],
        webhooks=[_webhook(row) for row in webhooks.list_webhooks(platform(), caller())],
        goals=[describe_goal(goal) for goal in goals],
        pools=pool_names(),
        bots=[{"id": bot.id, "username": bot.username} for bot in list_bots(platform(), caller())],
        macros=MACROS,
    )


@blueprint.get("/panel/postbacks/<int:postback_id>")
@signed_in
def postback(postback_id: int) -> str:
    """One postback's log."""
    row = registry.get_postback(platform(), caller(), postback_id)
    return render_template(
        "panel/postback.html",
        section="panel.postbacks",
        postback=describe_postback(row),
        initial=_deliveries(postback_id),
    )


@blueprint.get("/panel/live/postbacks/<int:postback_id>")
@signed_in
def live_postback(postback_id: int) -> dict[str, Any]:
    """The log for the page's script."""
    return {"items": _deliveries(postback_id)}


@blueprint.get("/panel/payment-webhooks/<int:webhook_id>")
@signed_in
def payment_webhook(webhook_id: int) -> str:
    """One webhook: its calls, and a body to try."""
    row = webhooks.get_webhook(platform(), caller(), webhook_id)
    calls = [describe_call(call) for call in webhooks.calls_of(platform(), caller(), webhook_id)]
    return render_template(
        "panel/payment_webhook.html", section="panel.postbacks", webhook=_webhook(row), calls=calls
    )


def _deliveries(postback_id: int) -> list[Any]:
    rows = registry.deliveries_of(platform(), caller(), postback_id)
    return [describe_postback_delivery(row) for row in rows]


def _webhook(row: PaymentWebhook) -> WebhookView:
    url = platform().settings.public_url or request.host_url.rstrip("/")
    return describe_webhook(row, url, webhooks.refused_at(platform(), row))
