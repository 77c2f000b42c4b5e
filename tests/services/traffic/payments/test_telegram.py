"""Payments that Telegram tells of are noted once, whatever the bot's plugins; refunds take them back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from models import Bot, Goal, Payment
from plugins.base import BasePlugin
from plugins.router import Router
from services.core.times import utc_now
from services.fleet.plugin_catalogue import allowed_updates, offer
from services.platform.platform import Platform
from services.platform.redis import keys
from tests.services.messaging.draining import handle_all
from tools.servers.fleet import accept_all, add_bot, message, stream

pytestmark = pytest.mark.data


class TillPlugin(BasePlugin):
    """Takes payments and handles nothing."""

    name = "till"
    takes_payments = True

    def setup_handlers(self, router: Router) -> None:
        pass


offer(TillPlugin)


@pytest.fixture
def bot(platform: Platform) -> Bot:
    return add_bot(platform, {"id": 7001, "username": "shop_bot", "token": "7001:" + "A" * 35}, ())


def told(update_id: int, kind: str, charge: str, **facts: Any) -> dict[str, Any]:
    update = message(update_id, 5, "")
    del update["message"]["text"]
    update["message"][kind] = {
        "currency": "XTR",
        "total_amount": 50,
        "invoice_payload": "vip",
        "telegram_payment_charge_id": charge,
        "provider_payment_charge_id": "",
        **facts,
    }
    return update


def goals(platform: Platform) -> list[tuple[str, int | None, str]]:
    with platform.database.reading() as session:
        return [
            (row.goal, row.amount_micros, row.currency)
            for row in session.scalars(select(Goal).order_by(Goal.id))
        ]


def test_a_payment_and_its_refund_are_noted_once_for_a_bot_without_plugins(
    platform: Platform, bot: Bot
) -> None:
    facts = {"subscription_expiration_date": 1_900_000_000, "is_recurring": True, "is_first_recurring": True}
    paid = told(1, "successful_payment", "charge", **facts)
    accept_all(platform, bot, [paid, told(2, "successful_payment", "charge", **facts)])
    handle_all(platform)
    assert goals(platform) == [("purchase", 50_000_000, "XTR")]
    accept_all(platform, bot, [told(3, "refunded_payment", "charge"), told(4, "refunded_payment", "charge")])
    accept_all(platform, bot, [told(5, "refunded_payment", "of before us")])
    accept_all(platform, bot, [told(6, "successful_payment", "brl", currency="BRL", total_amount=1990)])
    accept_all(platform, bot, [told(7, "successful_payment", "bad", total_amount="x")])
    handle_all(platform)
    assert goals(platform)[1:] == [("purchase", -50_000_000, "XTR"), ("purchase", 19_900_000, "BRL")]
    with platform.database.reading() as session:
        rows = {row.charge_id: row for row in session.scalars(select(Payment))}
        assert rows.keys() == {"charge", "of before us", "brl"}
        first = rows["charge"]
        assert (first.telegram_id, first.payload, first.is_recurring) == (5, "vip", True)
        assert first.paid_until is not None
        assert first.refunded_at is not None
        assert rows["brl"].refunded_at is None


def test_a_payment_that_comes_after_its_bot_was_stopped_is_noted(platform: Platform, bot: Bot) -> None:
    with platform.database.transaction() as session:
        session.get_one(Bot, bot.id).desired_running = False
    accept_all(platform, bot, [told(1, "successful_payment", "charge"), message(2, 5, "hello")])
    handle_all(platform)
    assert goals(platform) == [("purchase", 50_000_000, "XTR")]


def test_a_payment_that_waited_while_its_bot_got_another_identity_is_noted(
    platform: Platform, bot: Bot
) -> None:
    accept_all(platform, bot, [told(1, "successful_payment", "charge")])
    with platform.database.transaction() as session:
        row = session.get_one(Bot, bot.id)
        row.identity, row.identity_since = 2, utc_now() + timedelta(minutes=1)
    handle_all(platform)
    assert goals(platform) == [("purchase", 50_000_000, "XTR")]


def test_what_becomes_of_a_subscription_is_kept_with_its_payment(platform: Platform, bot: Bot) -> None:
    facts = {"subscription_expiration_date": 1_900_000_000, "is_recurring": True}
    accept_all(platform, bot, [told(1, "successful_payment", "charge", **facts)])
    handle_all(platform)
    person = {"id": 5, "is_bot": False, "first_name": "Ana"}
    for number, state in ((2, "canceled"), (3, "gone")):
        change = {"user": person, "invoice_payload": "vip", "state": state}
        accept_all(platform, bot, [{"update_id": number, "subscription": change}])
    handle_all(platform)
    with platform.database.reading() as session:
        assert session.scalars(select(Payment)).one().subscription_state == "canceled"
    assert goals(platform)[1:] == [("subscription_canceled", None, "")]


def test_whoever_takes_payments_asks_for_checkouts_and_subscriptions() -> None:
    assert allowed_updates(["till"]) == ["pre_checkout_query", "subscription"]


@pytest.mark.parametrize("plugins", [(), (("till", {}),)], ids=["nobody takes payments", "till"])
def test_a_checkout_goes_on_where_a_plugin_takes_payments(platform: Platform, plugins: Any) -> None:
    bot = add_bot(platform, {"id": 7002, "username": "till_bot", "token": "7002:" + "A" * 35}, plugins)
    person = {"id": 5, "is_bot": False, "first_name": "Ana"}
    query = {"id": "77", "from": person, "currency": "XTR", "total_amount": 50, "invoice_payload": "vip"}
    accept_all(platform, bot, [{"update_id": 1, "pre_checkout_query": query}])
    handle_all(platform)
    sent = [
        fields
        for priority in keys.OUTBOX_PRIORITIES
        for _, fields in stream(platform, keys.outbox(bot.id, priority))
    ]
    assert [
        ("answerPreCheckoutQuery" in fields["call"], '"ok":true' in fields["call"]) for fields in sent
    ] == ([(True, True)] if plugins else [])
