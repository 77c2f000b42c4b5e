"""What a plugin may say of goals, and money as whole millionths."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.base import BasePlugin
from plugins.context import Context
from plugins.goals import GoalError, GoalWish, Money, decimal_of, goal_wish, micros_of
from plugins.router import Router
from plugins.testing import Chat


class Shop(BasePlugin):
    """Sells at once."""

    name = "shop"

    def setup_handlers(self, router: Router) -> None:
        router.command("buy")(self.buy)
        router.command("leave")(self.leave)

    def buy(self, _message: Any, ctx: Context) -> None:
        self.db.tag_lead(ctx.lead.telegram_id, "buyer")
        ctx.goal("purchase", "19.90", "BRL")

    def leave(self, _message: Any, ctx: Context) -> None:
        ctx.untag("buyer")
        ctx.goal("left")
        raise ValueError("on order")


def test_a_plugins_test_sees_the_goals_that_were_reached_and_none_of_a_failed_handler() -> None:
    chat = Chat(Shop)
    chat.send("/buy")
    with pytest.raises(ValueError, match="on order"):
        chat.send("/leave")
    assert chat.goals == [GoalWish("purchase", 19_900_000, "BRL", "shop")]
    assert chat.leads[5].tags == ("buyer",)
    assert chat.person(6).goals == []


@pytest.mark.parametrize(
    ("value", "micros"),
    [("9.90", 9_900_000), (0.1 + 0.2, 300_000), (-3, -3_000_000), ("0.0000005", 0), (10**12, 10**18)],
)
def test_money_is_whole_millionths(value: Money, micros: int) -> None:
    assert micros_of(value) == micros


@pytest.mark.parametrize("value", ["", "9,90", "NaN", "Infinity", 10**12 + 1, "1e13", "x"])
def test_what_is_no_money_is_refused(value: Money) -> None:
    with pytest.raises(GoalError):
        micros_of(value)


def test_millionths_read_as_a_number_with_cents() -> None:
    read = [decimal_of(micros) for micros in (9_900_000, -1_234_567, 0, 50_000_000, 100)]
    assert read == ["9.90", "-1.234567", "0.00", "50.00", "0.0001"]


@pytest.mark.parametrize(
    ("name", "value", "currency"),
    [
        ("Paid", None, None),
        ("1st", None, None),
        ("x" * 31, None, None),
        ("paid", 1, None),
        ("paid", None, "BRL"),
        ("paid", 1, "R$"),
    ],
)
def test_what_is_no_goal_is_refused(name: str, value: Money | None, currency: str | None) -> None:
    with pytest.raises(GoalError):
        goal_wish(name, value, currency)
