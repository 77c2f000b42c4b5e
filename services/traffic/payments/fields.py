"""What may be said about a payment provider's webhook: the bodies of the API and the panel's forms, and what is shown."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from models import CallResult, PaymentWebhook, PaymentWebhookCall
from services.core.answer_types import Moment, Sentence, one_of
from services.core.times import iso
from services.core.validation_texts import REASONS
from services.traffic.payments.mapping import Mapping

MAX_WEBHOOKS: Final = 20  # of an account
SHORTEST_SECRET: Final = 8  # characters
Header = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")]
OptionalHeader = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{0,64}$")]
WebhookName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class NewWebhook(BaseModel):
    """An address for a payment provider. Its signature is HMAC-SHA256 under the secret, which the provider or we choose."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: WebhookName
    mapping: Mapping
    signature_header: Header = "X-Signature"
    timestamp_header: OptionalHeader = Field("", description='empty: in the signature ("t=…,v1=…"), or none')
    tolerance_seconds: int = Field(300, ge=10, le=86_400)
    secret: str = Field(
        "", max_length=200, description="the provider's; left out, one is made and shown once"
    )
    bot_id: int | str | None = Field(None, description="whose people it tells of; left out: any of your bots")

    @field_validator("secret")
    @classmethod
    def _is_long(cls, secret: str) -> str:
        if secret and len(secret) < SHORTEST_SECRET:
            kind = "string_too_short"
            raise PydanticCustomError(kind, REASONS[kind], {"min_length": SHORTEST_SECRET})
        return secret


class WebhookChange(BaseModel):
    """What is left out stays."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: WebhookName | None = None
    mapping: Mapping | None = None
    signature_header: Header | None = None
    timestamp_header: OptionalHeader | None = None
    tolerance_seconds: int | None = Field(None, ge=10, le=86_400)
    secret: str | None = Field(None, min_length=SHORTEST_SECRET, max_length=200)
    is_enabled: bool | None = None


class MappingView(TypedDict):
    """What `Mapping` says."""

    person: str
    click: str
    event_id: str
    goal: str
    goal_path: str
    value: str
    currency: str
    fixed_currency: str
    is_in_cents: bool
    only_field: str
    only_value: str
    refund_value: str


class WebhookView(TypedDict):
    """A payment provider's webhook; `url` is what the provider is told. The secret is never shown again."""

    id: int
    name: str
    url: str
    signature_header: str
    timestamp_header: str
    tolerance_seconds: int
    mapping: MappingView
    bot_id: int | None
    is_enabled: bool
    last_call_at: Moment | None
    last_refused_at: Moment | None  # for a wrong signature, within a day
    created_at: Moment


class MadeWebhookView(WebhookView):
    """The same with its secret, in this answer only."""

    secret: str


class CallView(TypedDict):
    """A call of the provider and what it came to; of its body only what the mapping reads is kept."""

    id: int
    at: Moment
    result: Annotated[str, one_of(CallResult)]
    reason: Sentence
    event_id: str
    body: str


class ReadView(TypedDict):
    """What a body would do."""

    result: Annotated[str, one_of(CallResult)]
    reason: Sentence
    event_id: str
    goal: str
    amount_micros: int | None
    currency: str
    telegram_id: int | None
    bot_id: int | None
    click_id: str | None


def describe_webhook(row: PaymentWebhook, public_url: str, refused_at: datetime | None) -> WebhookView:
    """A webhook as JSON, with when a call with a wrong signature was last refused."""
    return {
        "id": row.id,
        "name": row.name,
        "url": f"{public_url}/payments/{row.path_id}",
        "signature_header": row.signature_header,
        "timestamp_header": row.timestamp_header,
        "tolerance_seconds": row.tolerance_seconds,
        "mapping": Mapping.model_validate(row.mapping).model_dump(mode="json"),  # type: ignore[typeddict-item]
        "bot_id": row.bot_id,
        "is_enabled": row.is_enabled,
        "last_call_at": iso(row.last_call_at),
        "last_refused_at": iso(refused_at),
        "created_at": iso(row.created_at),
    }


def describe_call(row: PaymentWebhookCall) -> CallView:
    """A call as JSON."""
    return {
        "id": row.id,
        "at": iso(row.at),
        "result": row.result,
        "reason": row.reason,
        "event_id": row.event_id,
        "body": row.body,
    }
