"""What getWebhookInfo tells of others' doings and of failing deliveries."""

from __future__ import annotations

import pytest

from models import Bot
from services.core.i18n import NO_TEXT
from services.fleet.bots.webhook_inspection import delivery_trouble, taken_by

BOT = Bot(path_id="ab" * 16)
FAILING = {"pending_update_count": 3, "last_error_date": 1000, "last_error_message": "Connection refused"}


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("", ""),
        (f"https://old.example.com/webhook/{'ab' * 16}/12345678", ""),
        ("https://thief.example.com/webhook/cdcd", "thief.example.com"),
        ("not an address", "not an address"),
    ],
)
def test_an_address_without_our_path_is_somebody_elses(url: str, host: str) -> None:
    assert taken_by(BOT, {"url": url}) == host


def test_a_failing_delivery_is_told_with_telegrams_words_while_it_is_fresh() -> None:
    assert "Connection refused" in str(delivery_trouble(FAILING, 1100))
    assert "updates that wait: 3" in str(delivery_trouble(FAILING, 1100))
    assert delivery_trouble(FAILING, 5000) == NO_TEXT


@pytest.mark.parametrize(
    "info", [{}, {**FAILING, "pending_update_count": 0}, {**FAILING, "last_error_date": None}]
)
def test_without_waiting_updates_or_an_error_there_is_no_trouble(info: dict[str, object]) -> None:
    assert delivery_trouble(info, 1100) == NO_TEXT
