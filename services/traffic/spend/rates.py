"""Exchange rates as the account enters them by hand, and amounts turned into one currency at the rate of their day.

A rate is in force from its day on until the next one of the same pair. Without one before a day there is none for that
day: it is named, and nothing is guessed.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from models import ExchangeRate
from services.core.errors import InvalidInput
from services.platform.accounts.principal import Principal, audit, get_owned
from services.platform.database import insert_of
from services.platform.platform import Platform

BILLION: Final = 10**9
_PLAIN: Final = re.compile(
    r"([0-9]{1,9})(?:[.,]([0-9]{0,9}))?"
)  # no exponent: 1e999999 would be a long number
MOST_LISTED: Final = 2000
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class NewRate(BaseModel):
    """What one unit of `currency` is worth in `into`, from `day` on. One of the same day and pair is replaced."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    currency: Currency
    into: Currency
    day: date
    rate: Annotated[str, Field(max_length=30)] = Field(description="as 5.4321, with at most nine places")


class RateView(TypedDict):
    """A rate; `rate` as it was entered, without needless zeros."""

    id: int
    currency: str
    into: str
    day: str
    rate: str


@dataclass
class Rates:
    """The rates into one currency."""

    into: str
    by_currency: dict[str, list[tuple[date, int]]] = field(default_factory=dict)

    def convert(self, micros: int, currency: str, day: date) -> int | None:
        """Millionths of `into` at the rate of the day, rounded half up; None without a rate."""
        if currency == self.into or not micros:
            return micros
        known = self.by_currency.get(currency, [])
        place = bisect_right(known, day, key=lambda each: each[0])
        if not place:
            return None
        product = abs(micros) * known[place - 1][1]
        return (1 if micros > 0 else -1) * ((product + BILLION // 2) // BILLION)

    def changes(self) -> set[date]:
        """The days from which a rate is in force."""
        return {day for known in self.by_currency.values() for day, _ in known}


def rates_into(session: Session, account_id: int, into: str) -> Rates:
    """All rates of an account into one currency."""
    query = select(ExchangeRate.currency, ExchangeRate.day, ExchangeRate.rate_billionths).where(
        ExchangeRate.account_id == account_id, ExchangeRate.into == into
    )
    rates = Rates(into)
    for currency, day, rate in session.execute(query.order_by(ExchangeRate.day)):
        rates.by_currency.setdefault(currency, []).append((day, rate))
    return rates


def list_rates(platform: Platform, caller: Principal) -> Sequence[ExchangeRate]:
    """The caller's rates, newest day first."""
    query = select(ExchangeRate).where(ExchangeRate.account_id == caller.account_id)
    newest = query.order_by(ExchangeRate.day.desc(), ExchangeRate.currency, ExchangeRate.into)
    with platform.database.reading() as session:
        return session.scalars(newest.limit(MOST_LISTED)).all()


def enter_rate(platform: Platform, caller: Principal, wanted: NewRate) -> ExchangeRate:
    """Enter a rate. Raises InvalidInput `rate_wrong`, `rate_of_itself`."""
    if wanted.currency == wanted.into:
        raise InvalidInput("A currency has no rate into itself", code="rate_of_itself", field="into")
    values = {
        "account_id": caller.account_id,
        **wanted.model_dump(include={"currency", "into", "day"}),
        "rate_billionths": _billionths(wanted.rate),
    }
    with platform.database.transaction() as session:
        statement = insert_of(session, ExchangeRate).on_conflict_do_update(
            index_elements=["account_id", "currency", "into", "day"],
            set_={"rate_billionths": values["rate_billionths"]},
        )
        number = session.scalars(statement.values(**values).returning(ExchangeRate.id)).one()
        audit(session, caller, "exchange_rate_entered", currency=wanted.currency, into=wanted.into)
        return session.get_one(ExchangeRate, number)


def delete_rate(platform: Platform, caller: Principal, rate_id: int) -> None:
    """Take a rate away; NotFound for somebody else's."""
    with platform.database.transaction() as session:
        rate = get_owned(session, caller, ExchangeRate, rate_id)
        account_id, currency, into = rate.account_id, rate.currency, rate.into
        session.delete(rate)
        audit(session, caller, "exchange_rate_deleted", account_id=account_id, currency=currency, into=into)


def describe_rate(rate: ExchangeRate) -> RateView:
    """The JSON of a rate."""
    whole, part = divmod(rate.rate_billionths, BILLION)
    digits = f"{part:09d}".rstrip("0")
    return {
        "id": rate.id,
        "currency": rate.currency,
        "into": rate.into,
        "day": rate.day.isoformat(),
        "rate": f"{whole}.{digits}" if digits else str(whole),
    }


def _billionths(text: str) -> int:
    found = _PLAIN.fullmatch(text.strip())
    billionths = int(found[1] + (found[2] or "").ljust(9, "0")) if found else 0
    if billionths:
        return billionths
    raise InvalidInput(
        "A rate is a number above zero with at most nine places, such as 5.4321",
        code="rate_wrong",
        field="rate",
    )
