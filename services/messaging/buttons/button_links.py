"""The addresses behind a keyboard's buttons, which people are sent to in the bot's name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from services.core.url_safety import check_link


def check_buttons(params: Mapping[str, Any]) -> None:
    """Raise InvalidInput when a button of a call's `reply_markup` opens what `check_link` refuses."""
    if "reply_markup" in params:
        for url in _urls(params["reply_markup"]):
            check_link(url)


def _urls(markup: Any) -> Iterator[str]:
    if isinstance(markup, str):
        with suppress(ValueError):
            markup = json.loads(markup)
    rows = markup.get("inline_keyboard") if isinstance(markup, dict) else None
    for row in rows if isinstance(rows, list | tuple) else ():
        for button in row if isinstance(row, list | tuple) else ():
            if isinstance(button, dict):
                places = (button, button.get("web_app"), button.get("login_url"))
                yield from (
                    str(place["url"]) for place in places if isinstance(place, dict) and place.get("url")
                )
