"""Stars: an invoice is paid with the bot's consent, and given back once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.tools.sandbox.bot_api import misfits

if TYPE_CHECKING:
    from tests.tools.sandbox.conftest import Sandbox

INVOICE = {
    "title": "Guide",
    "description": "All chapters",
    "payload": "order-1",
    "currency": "XTR",
    "prices": [{"label": "Guide", "amount": 150}],
}


def paid(sandbox: Sandbox, bot: Any, user: int) -> tuple[str, Any]:
    """An invoice that the user wants to pay: the checkout's id, and the query that the bot was asked by."""
    sent = sandbox.call(bot["token"], "sendInvoice", chat_id=user, **INVOICE)["result"]
    checkout = sandbox.act(user, bot, "pay", message_id=sent["message_id"])["checkout_id"]
    return checkout, sandbox.call(bot["token"], "getUpdates")["result"][-1]["pre_checkout_query"]


def test_a_payment_needs_the_bot_s_consent_and_is_given_back_once(sandbox: Sandbox) -> None:
    bot = sandbox.bot()
    user = sandbox.friend(bot)
    checkout, query = paid(sandbox, bot, user)
    assert misfits(query, "PreCheckoutQuery", "pre_checkout_query") == []
    assert (query["id"], query["invoice_payload"], query["total_amount"]) == (checkout, "order-1", 150)
    assert sandbox.control("GET", f"/checkouts/{checkout}") == {"answered": False, "answer": None}
    for _ in range(2):  # a repeated answer does not take the money twice
        assert sandbox.call(bot["token"], "answerPreCheckoutQuery", pre_checkout_query_id=checkout, ok=True)[
            "ok"
        ]
    updates = sandbox.call(bot["token"], "getUpdates")["result"]
    [payment] = [each["message"]["successful_payment"] for each in updates if "message" in each]
    assert misfits(payment, "SuccessfulPayment", "successful_payment") == []
    charge = payment["telegram_payment_charge_id"]
    refund = {"user_id": user, "telegram_payment_charge_id": charge}
    assert sandbox.call(bot["token"], "refundStarPayment", **refund)["ok"]
    again = sandbox.call(bot["token"], "refundStarPayment", **refund)
    assert "CHARGE_ALREADY_REFUNDED" in again["description"]
    kinds = [each["kind"] for each in sandbox.transcript(user, bot)]
    assert kinds[-3:] == ["invoice", "successful_payment", "refunded_payment"]


def test_a_refused_payment_takes_nothing_and_says_why(sandbox: Sandbox) -> None:
    bot = sandbox.bot()
    user = sandbox.friend(bot)
    checkout, _ = paid(sandbox, bot, user)
    no = {"pre_checkout_query_id": checkout, "ok": False}
    assert not sandbox.call(bot["token"], "answerPreCheckoutQuery", **no)["ok"], "a refusal says why"
    assert sandbox.call(bot["token"], "answerPreCheckoutQuery", **no, error_message="Sold out")["ok"]
    answer = sandbox.control("GET", f"/checkouts/{checkout}")["answer"]
    assert answer == {"ok": False, "error_message": "Sold out"}
    assert "successful_payment" not in str(sandbox.call(bot["token"], "getUpdates")["result"])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"title": ""}, "INVOICE_TITLE_INVALID"),
        ({"payload": "x" * 129}, "INVOICE_PAYLOAD_INVALID"),
        ({"currency": "BRL"}, "CURRENCY_INVALID"),
        ({"prices": []}, "STARS_INVOICE_INVALID"),
    ],
)
def test_a_wrong_invoice_is_refused(sandbox: Sandbox, wrong: dict[str, Any], said: str) -> None:
    bot = sandbox.bot()
    user = sandbox.friend(bot)
    answer = sandbox.call(bot["token"], "sendInvoice", chat_id=user, **{**INVOICE, **wrong})
    assert (answer["ok"], said in answer["description"]) == (False, True)
    sandbox.control("POST", f"/chats/{user}/{bot['username']}/pay", {"message_id": 1}, status=404)
