"""Notifications, destinations and deliveries as the API and the panel show them; never a secret."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired, cast

from typing_extensions import TypedDict

from models import (
    DeliveryStatus,
    DestinationKind,
    Notification,
    NotificationDelivery,
    NotificationDestination,
)
from services.alerts.notifications.linking import PREFIX
from services.alerts.notifications.links import path_of
from services.alerts.notifications.notify import text_of
from services.alerts.notifications.registry import Made
from services.core.answer_types import Moment, Sentence, one_of
from services.core.times import iso
from services.platform.platform import Platform


class NotificationView(TypedDict):
    """Something the owner should know. `page` is where the panel shows it."""

    id: int
    kind: str
    level: str
    text: Sentence
    params: dict[str, Any]
    pool_id: int | None
    bot_id: int | None
    page: str
    at: Moment
    read_at: Moment | None


QuietView = TypedDict("QuietView", {"from": str, "until": str, "time_zone": str, "critical_passes": bool})


class DestinationRuleView(TypedDict):
    """What a destination gets; null matches everything."""

    kind: str | None
    min_level: str | None
    pool_id: int | None


class DestinationView(TypedDict):
    """A destination of notifications; of a webhook's address only scheme and host.

    `reserve_bot_id` writes while `bot_id` cannot, once its chat has started it (`reserve_linked`); `awaits_start` while a
    link is out by which the chat starts `bot_id`.
    """

    id: int
    kind: Annotated[str, one_of(DestinationKind)]
    name: str
    address: str
    bot_id: int | None
    reserve_bot_id: int | None
    reserve_linked: bool
    awaits_start: bool
    is_enabled: bool
    state: str
    last_sent_at: Moment | None
    last_error: Sentence
    last_error_at: Moment | None
    quiet: QuietView | None
    rules: list[DestinationRuleView]
    created_at: Moment


class ChatLinkView(TypedDict):
    """How a chat is linked to the destination: what its person sends to the bot, or taps."""

    command: str
    url: str
    expires_at: Moment | None


class MadeDestinationView(DestinationView):
    """A destination just made or changed; `secret` and links are shown this once."""

    secret: NotRequired[str]
    link: NotRequired[ChatLinkView]
    reserve_link: NotRequired[ChatLinkView]


class DeliveryView(TypedDict):
    """How one notification fared on its way to one destination."""

    id: int
    notification_id: int
    kind: str
    status: Annotated[str, one_of(DeliveryStatus)]
    hold: str | None
    attempts: int
    message: str | None
    last_error: Sentence
    next_attempt_at: Moment | None
    sent_at: Moment | None
    created_at: Moment


def describe_notification(row: Notification) -> NotificationView:
    """A notification with its text."""
    return {
        "id": row.id,
        "kind": row.kind,
        "level": row.level,
        "text": text_of(row),
        "params": row.params,
        "pool_id": row.pool_id,
        "bot_id": row.bot_id,
        "page": path_of(row),
        "at": iso(row.at),
        "read_at": iso(row.read_at),
    }


def describe(row: NotificationDestination) -> DestinationView:
    """A destination with its state; of a webhook's address only scheme and host."""
    return {
        "id": row.id,
        "kind": row.kind,
        "name": row.name,
        "address": row.address,
        "bot_id": row.bot_id,
        "reserve_bot_id": row.reserve_bot_id,
        "reserve_linked": row.reserve_linked,
        "awaits_start": row.link_hash is not None,
        "is_enabled": row.is_enabled,
        "state": state_of(row),
        "last_sent_at": iso(row.last_sent_at),
        "last_error": row.last_error,
        "last_error_at": iso(row.last_error_at),
        "quiet": _quiet(row),
        "rules": [
            {"kind": rule.kind, "min_level": rule.min_level, "pool_id": rule.pool_id} for rule in row.rules
        ],
        "created_at": iso(row.created_at),
    }


def describe_made(platform: Platform, made: Made) -> MadeDestinationView:
    """A destination just made or changed: `secret` and links are shown this once."""
    shown = cast(MadeDestinationView, describe(made.destination))  # a fresh one: nobody else holds it
    if made.secret:
        shown["secret"] = made.secret
    if made.link_code:
        shown["link"] = _link(platform, made, made.bot_username, made.link_code)
    if made.reserve_code:
        shown["reserve_link"] = _link(platform, made, made.reserve_username, made.reserve_code)
    return shown


def _link(platform: Platform, made: Made, username: str, code: str) -> ChatLinkView:
    payload = f"{PREFIX}{code}"
    return {
        "command": f"/start {payload}",
        "url": f"{platform.settings.telegram_link_url}/{username}?start={payload}",
        "expires_at": iso(made.destination.link_expires_at),
    }


def describe_delivery(row: NotificationDelivery) -> DeliveryView:
    """How one notification fared on its way to one destination."""
    return {
        "id": row.id,
        "notification_id": row.notification_id,
        "kind": row.notification.kind,
        "status": row.status,
        "hold": row.hold or None,
        "attempts": row.attempts,
        "message": row.message or None,
        "last_error": row.last_error,
        "next_attempt_at": iso(row.next_attempt_at) if row.status == "pending" else None,
        "sent_at": iso(row.sent_at),
        "created_at": iso(row.created_at),
    }


def state_of(row: NotificationDestination) -> str:
    """off, unlinked, refused (needs a person), failing (is repeated), reserve (the stand-in writes), ok, or untried."""
    if not row.is_enabled:
        return "off"
    if row.kind == DestinationKind.TELEGRAM and not row.address:
        return "unlinked"
    if row.last_error and row.last_error_at == row.last_sent_at:
        return "reserve"
    if row.last_error:
        return "refused" if row.is_refused else "failing"
    return "ok" if row.last_sent_at else "untried"


def _quiet(row: NotificationDestination) -> QuietView | None:
    if not row.quiet_from:
        return None
    return {
        "from": row.quiet_from,
        "until": row.quiet_until,
        "time_zone": row.time_zone,
        "critical_passes": row.critical_passes,
    }
