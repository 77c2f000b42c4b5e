"""Exchange rates: in force from their day on, replaced by the pair and day, never guessed."""

from __future__ import annotations

from datetime import date

import pytest

from services.core.errors import InvalidInput, NotFound
from services.platform.platform import Platform
from services.traffic.spend.rates import (
    NewRate,
    delete_rate,
    describe_rate,
    enter_rate,
    list_rates,
    rates_into,
)
from tests.services.fleet.pools.fleet import new_account


def rate(day: int, text: str, currency: str = "USD", into: str = "BRL") -> NewRate:
    return NewRate(currency=currency, into=into, day=date(2026, 11, day), rate=text)


@pytest.mark.data
def test_the_rate_of_a_day_is_the_last_one_before_it(platform: Platform) -> None:
    owner, stranger = new_account(platform), new_account(platform)
    for wanted in (rate(10, "5"), rate(20, "5.5"), rate(20, "6.000000001"), rate(1, "0.0001", "IDR")):
        enter_rate(platform, owner, wanted)
    enter_rate(platform, stranger, rate(5, "99"))
    with platform.database.reading() as session:
        rates = rates_into(session, owner.account_id, "BRL")
    days = {day: rates.convert(2_000_000, "USD", date(2026, 11, day)) for day in (9, 10, 19, 20, 30)}
    assert days == {9: None, 10: 10_000_000, 19: 10_000_000, 20: 12_000_000, 30: 12_000_000}
    assert rates.convert(10**9, "IDR", date(2026, 12, 1)) == 100_000
    assert rates.convert(7, "BRL", date(2020, 1, 1)) == 7
    assert rates.convert(-3, "USD", date(2026, 11, 10)) == -15
    assert [describe_rate(each)["rate"] for each in list_rates(platform, owner)] == [
        "6.000000001",
        "5",
        "0.0001",
    ]
    [theirs] = list_rates(platform, stranger)
    with pytest.raises(NotFound):
        delete_rate(platform, owner, theirs.id)
    delete_rate(platform, stranger, theirs.id)
    assert list_rates(platform, stranger) == []


@pytest.mark.parametrize(
    "text", ["0", "-1", "abc", "1e30", "1e999999", "1e999999999", ".5", "0.0000000001", "NaN", ""]
)
def test_a_rate_that_is_none_is_refused(platform: Platform, text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        enter_rate(platform, new_account(platform), rate(1, text))
    assert refused.value.code == "rate_wrong"


def test_a_currency_has_no_rate_into_itself(platform: Platform) -> None:
    with pytest.raises(InvalidInput) as refused:
        enter_rate(platform, new_account(platform), rate(1, "1", into="USD"))
    assert refused.value.code == "rate_of_itself"
