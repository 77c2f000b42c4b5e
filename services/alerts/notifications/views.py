"""Notifications, destinations and deliveries as the API and the panel show them; never a secret."""

from __future__ import annotations

from typing import Any

from models import DestinationKind, Notification, NotificationDelivery, NotificationDestination
from services.alerts.notifications.linking import PREFIX
from services.alerts.notifications.links import path_of
from services.alerts.notifications.notify import text_of
from services.alerts.notifications.registry import Made
from services.core.times import iso
from services.platform.platform import Platform


def describe_notification(row: Notification) -> dict[str, Any]:
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


def describe(row: NotificationDestination) -> dict[str, Any]:
    """A destination with its state; of a webhook's address only scheme and host."""
    return {
        "id": row.id,
        "kind": row.kind,
        "name": row.name,
        "address": row.address,
        "bot_id": row.bot_id,
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


def describe_made(platform: Platform, made: Made) -> dict[str, Any]:
    """A destination just made: `secret` or `link` are shown this once."""
    shown = describe(made.destination)
    if made.secret:
        shown["secret"] = made.secret
    if made.link_code:
        payload = f"{PREFIX}{made.link_code}"
        shown["link"] = {
            "command": f"/start {payload}",
            "url": f"{platform.settings.telegram_link_url}/{made.bot_username}?start={payload}",
            "expires_at": iso(made.destination.link_expires_at),
        }
    return shown


def describe_delivery(row: NotificationDelivery) -> dict[str, Any]:
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
    """off, unlinked, refused (needs a person), failing (is repeated), ok, or untried."""
    if not row.is_enabled:
        return "off"
    if row.kind == DestinationKind.TELEGRAM and not row.address:
        return "unlinked"
    if row.last_error:
        return "refused" if row.is_refused else "failing"
    return "ok" if row.last_sent_at else "untried"


def _quiet(row: NotificationDestination) -> dict[str, Any] | None:
    if not row.quiet_from:
        return None
    return {
        "from": row.quiet_from,
        "until": row.quiet_until,
        "time_zone": row.time_zone,
        "critical_passes": row.critical_passes,
    }
