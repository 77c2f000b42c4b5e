"""Invoices in Telegram Stars: sent, paid after the bot's consent, and refunded. Other currencies are not played."""

from __future__ import annotations

from typing import Any

from tools.sandbox.errors import ControlError, bad_request
from tools.sandbox.methods.chats import writable_chat
from tools.sandbox.methods.sending import post, record
from tools.sandbox.model import Bot, Charge, Checkout, Conversation, Invoice, Json, User
from tools.sandbox.params import Params
from tools.sandbox.text import utf16_length
from tools.sandbox.world import World

STARS = "XTR"
ANSWER_SECONDS = 10.0
"""Within which a bot has to answer a checkout (Bot API: answerPreCheckoutQuery)."""
TEXTS = {"title": 32, "description": 255}
"""The longest texts of an invoice, in UTF-16 units (Bot API: sendInvoice)."""
LONGEST_PAYLOAD = 128
"""Bytes (Bot API: sendInvoice)."""


def send_invoice(world: World, bot: Bot, params: Params) -> Json:
    """Send an invoice with a button to pay it."""
    chat = writable_chat(world, bot, params)
    invoice = _invoice(params)
    button = {"text": f"Pay ⭐️{invoice.amount}", "pay": True}
    params.values.setdefault("reply_markup", {"inline_keyboard": [[button]]})
    content = {
        "invoice": {
            **{name: params.text(name) for name in TEXTS},
            "start_parameter": params.text("start_parameter"),
            "currency": invoice.currency,
            "total_amount": invoice.amount,
        }
    }
    body = post(world, bot, chat, params, content, "sendInvoice", params.text("title"))
    chat.messages[body["message_id"]].invoice = invoice
    return body


def _invoice(params: Params) -> Invoice:
    for name, longest in TEXTS.items():
        if not 1 <= utf16_length(params.text(name)) <= longest:
            raise bad_request(f"INVOICE_{name.upper()}_INVALID")
    if not 1 <= len(params.text("payload").encode()) <= LONGEST_PAYLOAD:
        raise bad_request("INVOICE_PAYLOAD_INVALID")
    if params.text("currency") != STARS:
        raise bad_request("CURRENCY_INVALID")
    prices = params.structure("prices", "can't parse prices JSON object")
    if not isinstance(prices, list) or len(prices) != 1 or int(prices[0].get("amount", 0)) < 1:
        raise bad_request("STARS_INVOICE_INVALID")  # exactly one price, with a sum
    return Invoice(params.text("payload"), STARS, int(prices[0]["amount"]))


def begin_payment(world: World, bot: Bot, user: User, message_id: int) -> str:
    """The user pays the invoice in this message; returns the id of the checkout that the bot is asked for.

    ControlError 404 for a message that is no invoice, 409 while the user blocks the bot.
    """
    chat = world.conversation(bot, user)
    message = chat.messages.get(message_id)
    if message is None or message.invoice is None or message.deleted:
        raise ControlError(404, "no_such_invoice", f"message {message_id} of this chat is no invoice")
    if chat.blocked:
        raise ControlError(409, "blocked", "the user blocks this bot")
    query_id = world.new_checkout(bot, user, message.invoice)
    query = {"id": query_id, "from": user.as_user(), **_paid(message.invoice)}
    world.emit(bot, "pre_checkout_query", query)
    return query_id


def answer_pre_checkout_query(world: World, bot: Bot, params: Params) -> bool:
    """Consent to a payment, which is done by that, or refuse it. ApiError 400 when it is too old, unknown or somebody else's."""
    checkout = world.checkouts.get(params.text("pre_checkout_query_id"))
    now = world.clock.now()
    if checkout is None or checkout.bot_id != bot.id or now - checkout.created_at > ANSWER_SECONDS:
        raise bad_request("query is too old and response timeout expired or query ID is invalid")
    agrees = params.flag("ok")
    if not agrees and not params.text("error_message"):
        raise bad_request("PRECHECKOUT_ERROR_MESSAGE_EMPTY")
    if checkout.answer is None:
        checkout.answer = {"ok": agrees, "error_message": params.text("error_message")}
        if agrees:
            _pay(world, bot, checkout)
    record(
        world, bot, "answerPreCheckoutQuery", checkout.user_id, params.text("error_message") or None, params
    )
    return True


def _pay(world: World, bot: Bot, checkout: Checkout) -> None:
    invoice, user = checkout.invoice, world.find_user(checkout.user_id)
    charge_id = f"sandbox_{world.new_number()}"
    payment = {
        **_paid(invoice),
        "telegram_payment_charge_id": charge_id,
        "provider_payment_charge_id": charge_id,
    }
    bot.charges[charge_id] = Charge(user.id, invoice)
    _tell(world, bot, world.conversation(bot, user), user.as_user(), {"successful_payment": payment})


def refund_star_payment(world: World, bot: Bot, params: Params) -> bool:
    """Give the Stars of a charge back. ApiError 400 for one that the bot does not have, or gave back already."""
    charge_id = params.text("telegram_payment_charge_id")
    charge = bot.charges.get(charge_id)
    if charge is None or charge.user_id != params.integer("user_id"):
        raise bad_request("CHARGE_NOT_FOUND")
    if charge.is_refunded:
        raise bad_request("CHARGE_ALREADY_REFUNDED")
    charge.is_refunded = True
    chat = world.conversation(bot, world.find_user(charge.user_id))
    refund = {**_paid(charge.invoice), "telegram_payment_charge_id": charge_id}
    _tell(world, bot, chat, bot.as_user(), {"refunded_payment": refund})
    record(world, bot, "refundStarPayment", charge.user_id, None, params)
    return True


def _paid(invoice: Invoice) -> Json:
    return {
        "currency": invoice.currency,
        "total_amount": invoice.amount,
        "invoice_payload": invoice.payload,
    }


def _tell(world: World, bot: Bot, chat: Conversation, sender: Json, content: Json) -> None:
    """A service message in the chat, which the bot is told of."""
    body: dict[str, Any] = {
        "message_id": bot.next_message_id(),
        "from": sender,
        "chat": chat.chat,
        "date": int(world.clock.now()),
        **content,
    }
    world.keep_message(chat, body, outgoing=False)
    world.emit(bot, "message", body)


METHODS = {
    "sendInvoice": send_invoice,
    "answerPreCheckoutQuery": answer_pre_checkout_query,
    "refundStarPayment": refund_star_payment,
}
