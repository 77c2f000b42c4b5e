"""Money in updates: payments are noted before anybody is asked, and a checkout is answered in time."""

from __future__ import annotations

import logging
from typing import Any

from models import Bot
from plugins.context import Context
from services.core.times import utc_now
from services.messaging.plugin_runtime.behaviour import Behaviour
from services.platform.platform import Platform
from services.traffic.payments.telegram import (
    record_payment,
    record_subscription,
    told_payment,
    told_subscription,
)

logger = logging.getLogger(__name__)
CHECKOUT = "pre_checkout_query"
CHECKOUTS = "checkouts"  # stands for a plugin's name where none was asked


def note_payment(platform: Platform, bot_id: int, update: dict[str, Any]) -> None:
    """Note the payment, refund or change of a subscription that an update tells of; nothing of any other. Raises Unavailable.

    What cannot be read as one is logged and left to the plugins: it must not keep them from the message.
    """
    message, subscription = told_payment(update), told_subscription(update)
    if message is None and subscription is None:
        return
    try:
        with platform.database.transaction() as session:
            bot = session.get(Bot, bot_id)
            if bot is not None and message is not None:
                record_payment(session, bot, message, utc_now())
            elif bot is not None and subscription is not None:
                record_subscription(session, bot, subscription, int(update["update_id"]), utc_now())
    except ValueError as error:
        logger.error("payment not noted: %s", error)


def answer_checkout(behaviour: Behaviour, ctx: Context) -> str | None:
    """Let a checkout go on that no plugin has answered, where one of the bot's takes payments: Telegram waits ten seconds.

    The name that stands for a plugin's, None for any other update.
    """
    if ctx.kind != CHECKOUT or not any(plugin.takes_payments for plugin in behaviour.plugins):
        return None
    ctx.api("answerPreCheckoutQuery", pre_checkout_query_id=ctx.event.id, ok=True)
    return CHECKOUTS
