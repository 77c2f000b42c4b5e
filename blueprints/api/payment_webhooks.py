"""REST API of payment providers' webhooks: make, change, look at their calls, try a body."""

from __future__ import annotations

from flask import Blueprint, request
from pydantic import Field

from blueprints.api.body import Body, Page, listing, page_of
from blueprints.api.operation import Created, operation
from models import PaymentWebhook
from services.core.answer_types import Listing
from services.platform.accounts.principal import Scope
from services.traffic.payments import webhooks
from services.traffic.payments.fields import (
    CallView,
    MadeWebhookView,
    NewWebhook,
    ReadView,
    WebhookChange,
    WebhookView,
    describe_call,
    describe_webhook,
)
from services.traffic.payments.receiving import LARGEST_BODY
from web.access import api, caller
from web.platform import platform

blueprint = Blueprint("payment_webhooks", __name__, url_prefix="/payment-webhooks")
ONE = "/<int:webhook_id>"


class TrialBody(Body):
    """A body as the provider would send it."""

    body: str = Field(max_length=LARGEST_BODY)


@blueprint.post("")
@api(Scope.WRITE)
@operation(errors=(404, 409))
def create(body: NewWebhook) -> Created[MadeWebhookView]:
    """Make an address for a payment provider; its `secret` is in this answer only."""
    row, secret = webhooks.create_webhook(platform(), caller(), body)
    return Created({**_described(row), "secret": secret})


@blueprint.get("")
@api(Scope.READ)
@operation()
def index(query: Page) -> Listing[WebhookView]:
    """The account's webhooks, oldest first."""
    rows = webhooks.list_webhooks(platform(), caller(), after=query.after, limit=query.limit + 1)
    return page_of(rows, query, _described)


@blueprint.get(ONE)
@api(Scope.READ)
@operation()
def show(webhook_id: int) -> WebhookView:
    """One webhook."""
    return _described(webhooks.get_webhook(platform(), caller(), webhook_id))


@blueprint.patch(ONE)
@api(Scope.WRITE)
@operation()
def change(webhook_id: int, body: WebhookChange) -> WebhookView:
    """Change what the body names."""
    return _described(webhooks.change_webhook(platform(), caller(), webhook_id, body))


@blueprint.delete(ONE)
@api(Scope.WRITE)
@operation()
def remove(webhook_id: int) -> None:
    """Delete a webhook; the goals that it brought stay."""
    webhooks.delete_webhook(platform(), caller(), webhook_id)


@blueprint.get(f"{ONE}/calls")
@api(Scope.READ)
@operation()
def calls(webhook_id: int) -> Listing[CallView]:
    """The newest fifty signed calls, and what each came to."""
    return listing([describe_call(row) for row in webhooks.calls_of(platform(), caller(), webhook_id)])


@blueprint.post(f"{ONE}/test")
@api(Scope.WRITE)
@operation()
def try_body(webhook_id: int, body: TrialBody) -> ReadView:
    """What a body would do if it came signed; nothing is kept."""
    return webhooks.try_body(platform(), caller(), webhook_id, body.body)


def _described(row: PaymentWebhook) -> WebhookView:
    url = platform().settings.public_url or request.host_url.rstrip("/")
    return describe_webhook(row, url, webhooks.refused_at(platform(), row))
