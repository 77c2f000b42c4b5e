"""Which module delivers to which kind of destination."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from models import DestinationKind, NotificationDestination
from services.alerts.notifications.destinations import email, telegram, webhook
from services.alerts.notifications.messages import Message, Receipt
from services.platform.platform import Platform

Deliver = Callable[[Platform, NotificationDestination, Message], Receipt]
DRIVERS: Final[dict[str, Deliver]] = {
    DestinationKind.TELEGRAM: telegram.deliver,
    DestinationKind.EMAIL: email.deliver,
    DestinationKind.WEBHOOK: webhook.deliver,
}
