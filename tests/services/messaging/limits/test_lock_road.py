"""Who meets a lock that is held: told to wait where they can try again, handled later where nobody can."""

from __future__ import annotations

import threading
import time
from typing import Any

from models import Bot
from services.messaging.buttons.callback_data import CallbackSigner, Switch
from services.messaging.updates.update_consumers import UpdateConsumers
from services.platform.platform import Platform
from services.platform.redis import keys
from services.queueing.lanes import lane_of
from tests.services.messaging.draining import consumers, handle_all
from tests.services.messaging.limits import plugins_for_tests
from tests.services.messaging.limits.test_road import (
    LOCKED,
    NOT_VALID,
    bot,
    handle,
    inbound,
    said_by,
    tap,
    texts,
)
from tools.servers.fleet import accept_all, message
from tools.servers.sandbox import wait_until

__all__ = ["bot", "inbound"]


def test_a_lock_lets_one_handler_in_and_tells_the_others(
    platform: Platform, inbound: UpdateConsumers, bot: Bot
) -> None:
    plugins_for_tests.may_go_on.clear()
    plugins_for_tests.entered.clear()
    other = consumers(platform)  # another process
    accept_all(platform, bot, [message(1, 1, "/slow")])
    first = [threading.Thread(target=inbound.consume, args=(lane,)) for lane in range(8)]
    for thread in first:
        thread.start()
    assert plugins_for_tests.entered.wait(10)
    # A chat of another lane, so that the second process gets it.
    second = next(chat for chat in range(2, 100) if not _shares_lane(bot, 1, chat))
    accept_all(platform, bot, [message(2, second, "/slow")])
    wait_until(lambda: LOCKED in texts(_drained(platform, other, bot)))
    plugins_for_tests.may_go_on.set()
    for thread in first:
        thread.join(20)
    assert sorted(texts(said_by(platform, bot))) == sorted([LOCKED, "slow done"])


def test_a_payment_waits_for_a_lock_that_is_held(
    platform: Platform, inbound: UpdateConsumers, bot: Bot
) -> None:
    name = keys.lease(f"lock:{bot.id}:stock")
    platform.redis.set(name, "of another handler", px=60_000)
    paid = message(1, 1, "")
    del paid["message"]["text"]
    paid["message"]["successful_payment"] = {
        "currency": "XTR",
        "total_amount": 5,
        "invoice_payload": "x",
        "telegram_payment_charge_id": "c1",
        "provider_payment_charge_id": "p1",
    }
    accept_all(platform, bot, [paid])
    at_work = threading.Thread(target=handle_all, args=(platform, inbound))
    at_work.start()
    time.sleep(1)
    assert said_by(platform, bot) == []
    platform.redis.delete(name)
    wait_until(lambda: texts(said_by(platform, bot)) == ["paid out"])
    at_work.join(30)


def test_whoever_is_told_to_wait_may_tap_a_single_use_button_again(
    platform: Platform, inbound: UpdateConsumers, bot: Bot
) -> None:
    data = CallbackSigner(platform.vault).pack(
        bot_id=bot.id,
        user_id=1,
        chat_id=1,
        action="take",
        payload="",
        expires_at=int(time.time()) + 300,
        switches=Switch.ONCE,
    )
    name = keys.lease(f"lock:{bot.id}:stock")
    platform.redis.set(name, "of another handler", px=60_000)
    assert texts(handle(platform, inbound, bot, tap(1, 1, data))) == [LOCKED]
    platform.redis.delete(name, *platform.redis.scan_iter("*:cool:*"))
    assert texts(handle(platform, inbound, bot, tap(2, 1, data)))[0] == "taken"
    platform.redis.delete(*platform.redis.scan_iter("*:cool:*"))
    assert texts(handle(platform, inbound, bot, tap(3, 1, data))) == [NOT_VALID]


def _shares_lane(bot: Bot, one: int, other: int) -> bool:
    return lane_of(bot.id, str(one), 8) == lane_of(bot.id, str(other), 8)


def _drained(platform: Platform, inbound: UpdateConsumers, bot: Bot) -> list[dict[str, Any]]:
    for lane in range(8):
        inbound.consume(lane)
    return said_by(platform, bot)
