"""Parameters of the Bot API that programs send in forms: what is the text of a JSON value there."""

from __future__ import annotations

import json
from typing import Any, Final

# What programs send as the text of a JSON value where their request is a form.
JSON_FIELDS: Final = frozenset(
    (
        "allowed_updates",
        "caption_entities",
        "commands",
        "entities",
        "explanation_entities",
        "inline_query_result",
        "input_poll_option",
        "link_preview_options",
        "media",
        "menu_button",
        "message_ids",
        "options",
        "permissions",
        "prices",
        "reaction",
        "reply_markup",
        "reply_parameters",
        "result",
        "results",
        "rights",
        "scope",
        "shipping_options",
    )
)


def value_in(name: str, value: Any) -> Any:
    """The value of the parameter `name`; a text that is no JSON stays one."""
    if name not in JSON_FIELDS or not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value  # Telegram says what is wrong with it
