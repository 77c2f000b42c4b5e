"""Goals that people reach: what a plugin says of them, and money as whole millionths of its currency's unit."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from plugins.effects import Effects

MICROS: Final = 1_000_000
LARGEST: Final = 10**12  # units of a currency: more than any payment, and far below 64 bits of millionths
GOAL: Final = re.compile(r"[a-z][a-z0-9_]{0,29}")
CURRENCY: Final = re.compile(r"[A-Z]{3}")
Money = Decimal | str | int | float


class GoalError(ValueError):
    """What was said of a goal makes none; nothing was noted."""


@dataclass(frozen=True)
class GoalWish:
    """A goal that the person behind the update reached; `amount_micros` is None where it has no worth."""

    goal: str
    amount_micros: int | None = None
    currency: str = ""
    plugin: str = ""  # who says so


class GoalContext:
    """The part of a handler's context that notes goals. `effects` and `plugin` are the context's."""

    effects: Effects
    plugin: str

    def goal(self, name: str, value: Money | None = None, currency: str | None = None) -> None:
        """Note that this person reached the goal `name`, such as "lead" or "purchase", with its worth where it has one.

        Once for an update, however often it is handled. GoalError for a name, a value or a currency that is none.
        """
        self.effects.goals.append(replace(goal_wish(name, value, currency), plugin=self.plugin))

    def untag(self, tag: str) -> None:
        """Take a tag off this person; one that is not there changes nothing."""
        self.effects.untagged.append(tag)


def goal_wish(name: str, value: Money | None = None, currency: str | None = None) -> GoalWish:
    """A checked goal. GoalError says what is wrong."""
    if not GOAL.fullmatch(name):
        raise GoalError("A goal's name has 1 to 30 characters a-z, 0-9 and _, a letter first")
    if (value is None) != (currency is None):
        raise GoalError("A goal has both a value and a currency, or neither")
    if value is None or currency is None:
        return GoalWish(name)
    return GoalWish(name, micros_of(value), checked_currency(currency))


def checked_currency(currency: str) -> str:
    """`currency`; GoalError unless it is a code of three capitals, such as BRL or XTR (Telegram's Stars)."""
    if not CURRENCY.fullmatch(currency):
        raise GoalError("A currency is three capital letters, such as BRL")
    return currency


def micros_of(value: Money) -> int:
    """A value in millionths, what is smaller rounded to the nearest; GoalError for what is no number or too large."""
    try:
        number = Decimal(str(value).strip())
        if not number.is_finite() or abs(number) > LARGEST:
            raise GoalError("A value is a number of at most twelve digits before the point")
        return int((number * MICROS).quantize(Decimal(1), ROUND_HALF_EVEN))
    except ArithmeticError:  # what is no number, or one too large to be compared
        raise GoalError("A value is a number, such as 9.90") from None


def decimal_of(micros: int) -> str:
    """Millionths as a plain number with at least two digits behind the point: 9900000 is "9.90"."""
    whole, rest = divmod(abs(micros), MICROS)
    digits = f"{rest:06d}".rstrip("0").ljust(2, "0")
    return f"{'-' if micros < 0 else ''}{whole}.{digits}"
