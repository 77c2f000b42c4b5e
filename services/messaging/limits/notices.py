"""What a person is told when an update of theirs is refused, in both languages."""

from __future__ import annotations

from typing import Final

from plugins.context import Context
from plugins.router import CALLBACK
from services.core.i18n import NO_TEXT, Text, translate
from services.messaging.limits.admission import actor_of
from services.messaging.limits.verdicts import INVALID, KEPT_OUT, LIMITS, Refusal

COOLING: Final = Text("⏸️ Still working on your previous request...")
LOCKED: Final = Text("🔒 Operation in progress. Please wait.")
NOT_VALID: Final = Text("⚠️ This action is no longer valid.")
MAINTENANCE: Final = Text("🔧 We are working on this bot. Please come back a little later.")
NO_PAYMENT: Final = Text("This payment is not possible now.")
LONGEST_NOTICE: Final = 200  # characters that Telegram shows about a tap
CHECKS: Final = {  # of a payment: kind of update -> the method that answers it and the name of its id there
    "pre_checkout_query": ("answerPreCheckoutQuery", "pre_checkout_query_id"),
    "shipping_query": ("answerShippingQuery", "shipping_query_id"),
}


def refuse(
    ctx: Context, refusal: Refusal, *, tell: bool = True, wait_seconds: int = 0, maintenance: str = ""
) -> None:
    """Let the person know why nothing happens, if they are to be told; a tap and a payment are answered in any case.

    `maintenance` is what the bot's owner says while it is in maintenance, "" for the words of the house.
    """
    if ctx.kind in CHECKS:
        _decline(ctx, maintenance if refusal is Refusal.MAINTENANCE else "")
        return
    text = _text(ctx, refusal, wait_seconds, maintenance) if tell else ""
    if ctx.kind == CALLBACK:
        ctx.answer(text[:LONGEST_NOTICE])
    elif text:
        ctx.send(text, parse_mode=None)


def _text(ctx: Context, refusal: Refusal, wait_seconds: int, maintenance: str) -> str:
    if refusal is Refusal.MAINTENANCE and maintenance:
        return maintenance
    said = notice(refusal, wait_seconds, actor_of(ctx.update) or ctx.lead.telegram_id)
    return translate(said, ctx.lead.language)


def _decline(ctx: Context, reason: str) -> None:
    """Somebody looks at a payment sheet, which Telegram shows for ten seconds: end it before money moves."""
    method, name = CHECKS[ctx.kind]
    reason = reason or translate(NO_PAYMENT, ctx.lead.language)
    ctx.api(method, **{name: ctx.event.id, "ok": False, "error_message": reason})


def notice(refusal: Refusal, wait_seconds: int, telegram_id: int = 0) -> Text:
    """What is said of a refusal; `wait_seconds` is how long the person had better wait, `telegram_id` by what the bot's lists know them."""
    if refusal in LIMITS and wait_seconds == 1:
        return Text("⏳ Too many commands in a short time. Wait 1 second.")
    if refusal in LIMITS:
        return Text("⏳ Too many commands in a short time. Wait {seconds} seconds.", seconds=wait_seconds)
    if refusal in INVALID:
        return NOT_VALID
    if refusal in KEPT_OUT:
        return _notice_to_the_kept_out(refusal, telegram_id)
    return LOCKED if refusal is Refusal.LOCK else COOLING


def _notice_to_the_kept_out(refusal: Refusal, telegram_id: int) -> Text:
    if refusal is Refusal.MAINTENANCE:
        return MAINTENANCE
    if refusal is Refusal.BLOCKED:
        return NO_TEXT
    return Text(
        "🔒 This bot answers only people whom its owner has chosen. If you are one of them, send the owner this number: {id}",
        id=str(telegram_id),
    )
