"""What buttons may open."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.core.errors import InvalidInput
from services.messaging.buttons.button_links import check_buttons

REFUSED = [
    "javascript:alert(1)",
    " JavaScript:alert(1)",
    "java\tscript:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "http://127.0.0.1/",
    "http://localhost:8000/",
    "localhost:8000",
    "https://10.0.0.7/x",
    "https://[::1]/",
    "http://2130706433/",
    "https://printer.local/",
    "https://[",
]
FINE = [
    "https://example.com/a?b=c",
    "http://example.com:8080/",
    "example.com/x",
    "example.com:80/x",
    "tg://user?id=5",
]


def places(url: str) -> list[dict[str, Any]]:
    return [{"url": url}, {"web_app": {"url": url}}, {"login_url": {"url": url}}]


@pytest.mark.parametrize("url", REFUSED)
def test_no_button_opens_a_script_data_or_a_private_network(url: str) -> None:
    for place in places(url):
        markup = {"inline_keyboard": [[{"text": "fine", "callback_data": "x"}, {"text": "open", **place}]]}
        for given in (markup, json.dumps(markup)):
            with pytest.raises(InvalidInput):
                check_buttons({"chat_id": 1, "reply_markup": given})


@pytest.mark.parametrize("url", FINE)
def test_addresses_of_the_web_and_of_telegram_are_fine(url: str) -> None:
    check_buttons(
        {"reply_markup": {"inline_keyboard": [[{"text": "open", **place}] for place in places(url)]}}
    )


@pytest.mark.parametrize(
    "markup", ["no json", {"inline_keyboard": 3}, {"inline_keyboard": [[None]]}, {"keyboard": [["a"]]}, None]
)
def test_other_markup_is_telegrams_matter(markup: Any) -> None:
    check_buttons({"reply_markup": markup})
